"""The cells of one column: every number already text, with all that template and script say about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.tables.board import BASELINE, Method
from reports.tables.scores import Key, Scores
from reports.text import compact, decimals, number, signed

WHISKER = 72  # px
SHADES = 5
DECADES = 2  # a cost this many powers of ten above the least has no shade
Cell = dict[str, Any]
_SPREAD = ("mean", "lo", "hi")


def column_cells(scores: Scores, methods: Sequence[Method], key: Key, rows: dict[str, dict[str, Any]]) -> list[Cell]:
    """One column's cells in board order. rows: the leaderboard rows of the column, by method.

    t: the value as text; v: for sorting; r, k: rank and how many share it; s: interval of the rank; w, i: interval as
    positions and as text; g, gc, m: gain over the degraded input, its kind, half its interval; h: shade; n: images;
    title: all that in words, which the page's script says by itself; why: instead of all, where there is no value.
    """
    declared = scores.metrics[key[0]]
    means, lows, highs = (np.array([rows[each.name][name] for each in methods], float) for name in _SPREAD)
    places = decimals((highs - lows) / 2, float(declared["matters"]))
    left = np.fmin(lows, means)
    right = np.fmax(highs, means)
    scale = (np.nanmin(left), np.nanmax(right)) if np.isfinite(means).any() else (0.0, 1.0)
    cells: list[Cell] = []
    for method, shade in zip(methods, shades(means, methods, declared), strict=True):
        row = rows[method.name]
        if np.isfinite(row["mean"]):
            cell = _cell(row, declared, places, scale) | {"h": shade}
            cells.append(cell | {"title": words(cell, key, declared, len(method.runs))})
        else:
            cells.append({"t": "–", "why": f"{row['status']}: {row['reason']}"})
    return cells


def _cell(row: dict[str, Any], declared: dict[str, Any], places: int, scale: tuple[float, float]) -> Cell:
    """One value with its surroundings."""
    cost = declared["kind"] == "cost"
    mean, lo, hi = (float(row[name]) for name in _SPREAD)
    cell: Cell = {"t": compact(mean) if cost else number(mean, places), "v": float(f"{mean:.6g}")}
    cell |= {"r": int(row["rank"]), "k": int(row["tied"])}
    if not cost:
        cell["n"] = int(row["n"])
    if np.isfinite(lo) and np.isfinite(hi):
        cell["w"] = [position(each, scale) for each in (lo, mean, hi)]
        cell["i"] = f"{number(lo, places)} … {number(hi, places)}"
    if not cost and np.isfinite(row["gain"]):  # the baseline itself keeps the room, so that figures line up
        itself = row["method"] == BASELINE
        cell |= {"g": "" if itself else signed(row["gain"], places), "gc": gain_class(row, declared)}
        if row["gain_margin"] > 0 and not itself:
            cell["m"] = f"{row['gain_margin']:.2g}"
    if pd.notna(row["rank_lo"]):
        cell["s"] = [int(row["rank_lo"]), int(row["rank_hi"])]
    return cell


def words(cell: Cell, key: Key, declared: dict[str, Any], runs: int) -> str:
    """The cell in words: value, interval, what it stands on, gain. Templates' board-cells.js says the same."""
    unit = f" {declared['unit']}" if declared["unit"] else ""
    said = [f"{key[0]}{', ' + key[1] if key[1] else ''}: {cell['t']}{unit}"]
    said.append(f"95 % interval {cell['i']}" if "i" in cell else "no interval")
    stands = f"{cell['n']} image{'s' if cell['n'] != 1 else ''}, " if "n" in cell else ""
    said.append(f"{stands}{runs} run{'s' if runs != 1 else ''}")
    if cell["k"] > 1:
        said.append(f"shares rank {cell['r']} with {cell['k'] - 1} more")
    if cell.get("g"):
        margin = f" ± {cell['m']}" if "m" in cell else ""
        said.append(f"{cell['g']}{margin} against the degraded input")
    return "; ".join(said)


def shades(means: np.ndarray, methods: Sequence[Method], declared: dict[str, Any]) -> list[int]:
    """How near each value is to the column's best: 0 (no shade) to SHADES (the best).

    The scale runs from the degraded input to the best method that is no oracle; from the worst value where there is no
    input, or it is the best itself. Costs go by their ratio to the best, DECADES powers of ten for the whole scale.
    """
    up, cost = bool(declared["higher_is_better"]), declared["kind"] == "cost"
    worth = means * (1 if up else -1)
    if cost:  # zero has no place on a scale of ratios
        worth = np.log10(means, out=np.full_like(means, np.nan), where=means > 0) * (1 if up else -1)
    rivals = [index for index, each in enumerate(methods) if not each.oracle and np.isfinite(worth[index])]
    if not rivals:
        return [0] * len(means)
    best = worth[rivals].max()
    inputs = [worth[index] for index in rivals if methods[index].name == BASELINE and worth[index] < best]
    low = best - DECADES if cost else (inputs or [worth[rivals].min()])[0]
    share = (worth - low) / (best - low) if best > low else np.zeros_like(worth)
    share[(means == 0) & (cost and not up)] = 1  # free
    return [int(np.clip(np.ceil(SHADES * each - 1e-9), 0, SHADES)) for each in np.nan_to_num(share)]


def gain_class(row: dict[str, Any], declared: dict[str, Any]) -> str:
    """ "better", "worse" or "same" than the degraded input, beyond the noise of the paired difference."""
    if abs(row["gain"]) <= row["gain_margin"] or row["gain"] == 0:
        return "same"
    return "better" if (row["gain"] > 0) == bool(declared["higher_is_better"]) else "worse"


def position(value: float, scale: tuple[float, float]) -> str:
    """Where a value lies on a cell's whisker, whose ends are `scale`, in pixels."""
    width = scale[1] - scale[0]
    part = (value - scale[0]) / width if width > 0 else 0.5
    return f"{round(3 + part * (WHISKER - 6), 1):g}"  # text, so that template and script print the same
