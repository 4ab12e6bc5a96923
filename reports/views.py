"""A task's table as the page needs it: every number already text, so that template and script only place it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from reports.reference import reference_cells
from reports.scores import ALL, Key, Scores
from reports.tables import BASELINE, Method, TaskBoard, views
from reports.text import compact, decimals, number, signed

GROUPS = ("overview", "fidelity", "perceptual", "naturalness", "distribution", "consistency", "faces", "cost")
REGIONS = ("lost", "boundary", "kept", "whole")
OVERVIEW = ("psnr", "ssim", "lpips_squeeze", "dists", "fid", "fid_squeeze")  # those that a first look needs
OVERVIEW_COST = ("parameters", "images_per_second")
WHISKER = 72  # px
Cell = dict[str, Any]


def task_view(board: TaskBoard) -> dict[str, Any]:
    """All that the sortable table shows, as plain JSON values."""
    scores = board.scores
    assert scores is not None
    regions = [each for each in REGIONS if any(key[1] == each and _regional(scores, key[0]) for key in scores.keys)]
    rows: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in board.rows.to_dict("records"):
        rows[row["metric"], row["region"], row["level"]][row["method"]] = row
    columns = {
        "|".join((*key, level)): column_cells(scores, board.methods, key, rows[(*key, level)])
        for key in scores.keys
        for level in views(scores)
    }
    shown = _shown(scores, board.main)
    region = board.main[1] if board.main[1] in regions else (regions or [""])[0]
    return {
        "task": board.task,
        "methods": [_method(each) for each in board.methods],
        "metrics": {name: _metric(scores, name, regions) for name in scores.metrics},
        "shown": shown,
        "levels": views(scores),
        "regions": regions,
        "columns": columns,
        "reference": reference_cells(board),
        "start": {"level": ALL, "region": region, "show": "overview", "sort": board.main[0]},
    }


def column_cells(scores: Scores, methods: Sequence[Method], key: Key, rows: dict[str, dict[str, Any]]) -> list[Cell]:
    """One column's cells in board order. rows: the leaderboard rows of the column, by method."""
    declared = scores.metrics[key[0]]
    cost = declared["kind"] == "cost"
    means, lows, highs = (np.array([rows[each.name][name] for each in methods], float) for name in _SPREAD)
    places = decimals((highs - lows) / 2, float(declared["matters"]))
    left = np.fmin(lows, means)
    right = np.fmax(highs, means)
    scale = (np.nanmin(left), np.nanmax(right)) if np.isfinite(means).any() else (0.0, 1.0)
    cells = []
    for method, lo, mean, hi in zip(methods, lows, means, highs, strict=True):
        row = rows[method.name]
        if not np.isfinite(mean):
            cells.append({"t": "–", "why": f"{row['status']}: {row['reason']}"})
            continue
        cell: Cell = {"t": compact(mean) if cost else number(mean, places), "v": float(f"{mean:.6g}")}
        cell |= {"r": int(row["rank"]), "k": int(row["tied"]), "title": _title(row, key, declared, places)}
        if np.isfinite(lo) and np.isfinite(hi):
            cell["w"] = [position(each, scale) for each in (lo, mean, hi)]
            cell["i"] = f"{number(lo, places)} … {number(hi, places)}"
        if not cost and np.isfinite(row["gain"]):  # the baseline itself keeps the room, so that figures line up
            gain = "" if method.name == BASELINE else signed(row["gain"], places)
            cell |= {"g": gain, "gc": gain_class(row, declared)}
        cells.append(cell)
    return cells


def start_rows(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The table as it first stands: methods in board order with their rank, tie bracket and cells."""
    start = view["start"]
    shown = [cells_of(view, metric, start["region"], start["level"]) for metric in view["shown"][start["show"]]]
    ranks = [cell.get("r") for cell in cells_of(view, start["sort"], start["region"], start["level"])]
    rows = []
    for index, method in enumerate(view["methods"]):
        tie = tie_class(view["methods"], ranks, index)
        rows.append({**method, "rank": ranks[index], "tie": tie, "cells": [column[index] for column in shown]})
    return rows


def tie_class(methods: Sequence[dict[str, Any]], ranks: Sequence[int | None], index: int) -> str:
    """Which part of the bracket of a shared rank stands beside a row; methods and ranks in the order of the rows."""
    around = [_same(methods, ranks, index, index + step) for step in (-1, 1)]
    return {(False, True): "first", (True, True): "middle", (True, False): "last"}.get((around[0], around[1]), "")


def cells_of(view: dict[str, Any], metric: str, region: str, level: str) -> list[Cell]:
    """One column of the view."""
    return view["columns"]["|".join((metric, view["metrics"][metric]["where"][region], level))]


def _same(methods: Sequence[dict[str, Any]], ranks: Sequence[int | None], one: int, other: int) -> bool:
    """Whether two neighbouring rows share a rank."""
    if not 0 <= other < len(ranks) or ranks[one] is None:
        return False
    return ranks[one] == ranks[other] and methods[one]["oracle"] == methods[other]["oracle"]


_SPREAD = ("mean", "lo", "hi")


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


def _title(row: dict[str, Any], key: Key, declared: dict[str, Any], places: int) -> str:
    """The cell in words: interval, what it stands on, gain."""
    unit = f" {declared['unit']}" if declared["unit"] else ""
    words = [f"{key[0]}{', ' + key[1] if key[1] else ''}: {row['mean']:.6g}{unit}"]
    if np.isfinite(row["lo"]):
        words.append(f"95 % interval {row['lo']:.4g} to {row['hi']:.4g}")
    elif declared["kind"] == "set":
        words.append("one value for the whole set, so no interval")
    stands = f"{row['n']} image{'s' if row['n'] != 1 else ''}, " if declared["kind"] != "cost" else ""
    words.append(f"{stands}{row['seeds']} run{'s' if row['seeds'] != 1 else ''}")
    if row["tied"] > 1:
        words.append(f"shares rank {row['rank']} with {row['tied'] - 1} more")
    if declared["kind"] != "cost" and np.isfinite(row["gain"]) and row["gain"] != 0:
        margin = f" ± {row['gain_margin']:.2g}" if row["gain_margin"] > 0 else ""
        words.append(f"{signed(row['gain'], places + 1)}{margin} against the degraded input")
    return "; ".join(words)


def _method(method: Method) -> dict[str, Any]:
    marks = []
    if method.oracle:
        marks.append(["oracle", "is told where the damage is, on a task that does not tell; ranked apart"])
    if method.name == BASELINE:
        marks.append(["degraded input", "returns its input: what doing nothing scores"])
    elif method.source != "ours":
        marks.append(["outside", "pictures made elsewhere, scored here"])
    elif not method.trained:
        marks.append(["untrained", "a classical method: nothing is learned"])
    return {"name": method.name, "seeds": method.seeds(), "oracle": method.oracle, "marks": marks}


def _regional(scores: Scores, metric: str) -> bool:
    return scores.metrics[metric]["kind"] == "pair"


def _metric(scores: Scores, name: str, regions: Sequence[str]) -> dict[str, Any]:
    """What a header says of a metric, and which stored region stands for each choice of region."""
    declared = scores.metrics[name]
    stored = [key[1] for key in scores.keys if key[0] == name]
    fallback = "whole" if "whole" in stored else stored[0]
    arrow = "↑" if declared["higher_is_better"] else "↓"
    return {
        "label": name.replace("_", " "),
        "up": bool(declared["higher_is_better"]),
        "arrow": arrow,
        "unit": declared["unit"],
        "title": (
            f"{declared['definition']}. {'Higher' if declared['higher_is_better'] else 'Lower'} is better"
            + (f"; differences below {declared['matters']:g} hardly matter" if declared["matters"] else "")
        ),
        "regional": _regional(scores, name),
        "where": {region: region if region in stored else fallback for region in (*regions, "")},
    }


def _shown(scores: Scores, main: Key) -> dict[str, list[str]]:
    """Metrics of each group that is not empty, the task's main metric first in the overview."""
    names = list(scores.metrics)
    groups = {group: [name for name in names if scores.metrics[name]["group"] == group] for group in GROUPS[1:]}
    known = {name for members in groups.values() for name in members}
    groups["other"] = [name for name in names if name not in known]
    scored = [name for name in names if any(_has_values(scores, key) for key in scores.keys if key[0] == name)]
    first = [main[0], *(name for name in OVERVIEW if name != main[0]), *groups["consistency"][:1], *OVERVIEW_COST]
    overview = [name for name in first if name in scored]
    return {group: members for group, members in {"overview": overview, **groups}.items() if members}


def _has_values(scores: Scores, key: Key) -> bool:
    return bool(np.isfinite(scores.values[:, scores.keys.index(key)]).any())
