"""The main metric in bins of area lost: where on the way from small damage to large a method helps. From stored scores.

A bin is a quarter of the task's test pictures over all its levels, by the share of the picture that was lost; equal
shares stay in one bin. A picture that is in a bin on several levels counts once, with their mean. Gains over the
degraded input are paired picture by picture, with the statistics of every other column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.results.stats import Column, Differences, column
from bench.results.store import read_areas
from reports.tables.board import BASELINE, TaskBoard
from reports.tables.cells import gain_class, position
from reports.tables.scores import Scores
from reports.text import decimals, number, signed

BINS = 4
FEWEST = 2  # pictures of a bin that is shown: one has no interval


@dataclass(frozen=True)
class Bin:
    """Pictures of which lo to hi was lost (shares, both ends included), and what the methods scored on them."""

    lo: float
    hi: float
    column: Column
    pictures: int


@dataclass(frozen=True)
class Areas:
    """All that the template places; every number already text."""

    metric: str
    heads: list[dict[str, str]]
    rows: list[dict[str, Any]]


def over_areas(board: TaskBoard) -> list[Bin]:
    """The task's bins, the smallest damage first; none where all pictures lose the same, or no share was stored."""
    scores = board.scores
    if scores is None or not scores.by_picture(board.main):
        return []
    lost = _shares(scores, read_areas(board.selection.root, scores.entries[0].run))
    known = lost[np.isfinite(lost)]
    if not known.size:
        return []
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="lower"))
    place = np.where(np.isfinite(lost), np.searchsorted(edges, lost), -1)  # a share on an edge is below it
    found = [_bin(board, lost, place == number) for number in range(len(edges) + 1)]
    bins = [each for each in found if each is not None and each.pictures >= FEWEST]
    return bins if len(bins) > 1 else []


def _shares(scores: Scores, stored: pd.DataFrame) -> np.ndarray:
    """Share lost of every level × image of the scores, NaN where it is not known."""
    shares = np.full((len(scores.levels), len(scores.images)), np.nan)
    known = stored[stored["level"].isin(scores.levels) & stored["image_id"].isin(scores.images)]
    levels, images = (pd.Index(each) for each in (scores.levels, scores.images))
    where = levels.get_indexer(known["level"]), images.get_indexer(known["image_id"])
    shares[where] = known["lost"].to_numpy(float)
    return shares


def _bin(board: TaskBoard, lost: np.ndarray, inside: np.ndarray) -> Bin | None:
    """inside: levels × images, which of them are the bin's."""
    assert board.scores is not None
    images = np.flatnonzero(inside.any(axis=0))
    if not images.size:
        return None
    values = board.scores.values[:, board.scores.keys.index(board.main)]
    chosen = inside[:, images]
    means = np.where(chosen, values[:, :, images], 0).sum(axis=1) / chosen.sum(axis=0)
    tables = [means[list(method.runs)] for method in board.methods]
    return Bin(float(lost[inside].min()), float(lost[inside].max()), column(tables, (board.task,)), len(images))


def areas(board: TaskBoard, view: dict[str, Any]) -> Areas | None:
    """The section of a task page; None without bins or without the degraded input. view: its table."""
    base = next((index for index, each in enumerate(board.methods) if each.name == BASELINE), None)
    bins = over_areas(board) if base is not None else []
    if base is None or not bins:
        return None
    assert board.scores is not None
    declared = board.scores.metrics[board.main[0]]
    gains = [each.column.differences(base) for each in bins]
    others = np.delete(
        [end for each in gains for end in (each.means - each.margins, each.means + each.margins)], base, 1
    )
    scale = (float(np.nanmin(others, initial=0)), float(np.nanmax(others, initial=0)))  # one for all bins
    columns = [_cells(each.column, gain, base, declared, scale) for each, gain in zip(bins, gains, strict=True)]
    rows = [{**method, "cells": [cells[i] for cells in columns]} for i, method in enumerate(view["methods"])]
    return Areas(", ".join(filter(None, board.main)), _heads(bins), rows)


def _heads(bins: Sequence[Bin]) -> list[dict[str, str]]:
    """Ends of each bin in percent, with as many decimals as keep them apart."""
    ends = sorted({end for each in bins for end in (each.lo, each.hi)})
    places = next((n for n in range(3) if len({f"{100 * end:.{n}f}" for end in ends}) == len(ends)), 2)
    texts = [tuple(dict.fromkeys(f"{100 * end:.{places}f}" for end in (each.lo, each.hi))) for each in bins]
    return [
        {"range": f"{' – '.join(text)} %", "pictures": f"{each.pictures} pictures"}
        for text, each in zip(texts, bins, strict=True)
    ]


def _cells(
    scored: Column, gains: Differences, base: int, declared: dict[str, Any], scale: tuple[float, float]
) -> list[dict[str, Any]]:
    """One bin's cells in board order: the mean, and the gain over the input with the whisker of its interval."""
    places = decimals(np.delete(gains.margins, base), float(declared["matters"]))
    low, high = gains.means - gains.margins, gains.means + gains.margins
    cells: list[dict[str, Any]] = []
    for index, mean in enumerate(scored.means):
        if not np.isfinite(mean):
            cells.append({"why": "has no score on these pictures"})
            continue
        title = f"{mean:.6g}, mean over {scored.counts[index]} pictures"
        cell: dict[str, Any] = {"t": number(mean, places), "title": title}
        if index == base:
            cell |= {"g": "", "gc": "same"}
        elif np.isfinite(low[index]):
            gain = {"gain": gains.means[index], "gain_margin": gains.margins[index]}
            cell |= {"g": signed(gain["gain"], places), "gc": gain_class(gain, declared)}
            cell["w"] = [position(float(each), scale) for each in (low[index], gain["gain"], high[index])]
            cell["i"] = f"{signed(low[index], places)} … {signed(high[index], places)}"
            cell["title"] += f"; {gain['gain']:+.4g} ± {gain['gain_margin']:.2g} against the degraded input"
        cells.append(cell)
    return cells
