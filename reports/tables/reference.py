"""Rows to check the metrics by: the truth's own scores where no truth is needed, and other pictures' truth elsewhere.

The first shows when a restoration passes for better than the truth; the second is what a metric must put far below all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.results.stats import interval
from bench.results.store import read_reference, read_shuffled
from reports.tables.board import BASELINE, TaskBoard, views
from reports.tables.scores import ALL, Scores
from reports.text import decimals, number

NAME = "truth"


def reference_cells(board: TaskBoard) -> dict[str, dict[str, Any]]:
    """A cell per metric that the truth was scored by, in the definition the table uses; none where it was not."""
    scores = board.scores
    assert scores is not None
    stored = read_reference(board.selection.root, scores.entries[0].run)
    stored = stored[np.isfinite(stored["value"].astype(float)) & stored["image_id"].isin(scores.images)]
    cells = {}
    for metric, rows in _known(stored, scores):
        cells[metric] = _cell(
            rows["value"].to_numpy(float), scores.metrics[metric], f"{metric} of the true pictures", board
        )
    return cells


def shuffled_cells(board: TaskBoard) -> dict[str, dict[str, Any]]:
    """A cell by "metric|region|level", of the truth of other pictures in the place of restorations."""
    scores = board.scores
    assert scores is not None
    stored = read_shuffled(board.selection.root, scores.entries[0].run)
    stored = stored[stored["image_id"].isin(scores.images) & stored["level"].isin(scores.named_levels())]
    cells = {}
    for metric, rows in _known(stored, scores):
        for region, part in rows.groupby("region"):
            table = part.pivot_table(index="image_id", columns="level", values="value", aggfunc="mean", dropna=False)
            for level in views(scores):
                if level != ALL and level not in table:
                    continue
                values = (table.mean(axis=1, skipna=False) if level == ALL else table[level]).to_numpy(float)
                words = f"{metric}, {region}, where each picture was taken for another one's restoration"
                if np.isfinite(values).any():
                    cells[f"{metric}|{region}|{level}"] = _cell(values, scores.metrics[metric], words, board)
    return cells


def _known(stored: pd.DataFrame, scores: Scores) -> list[tuple[str, pd.DataFrame]]:
    """Stored rows by metric, of those in the definition that the table uses."""
    prints = {name: told["fingerprint"] for name, told in scores.metrics.items()}
    mine = stored[stored["metric"].map(prints) == stored["fingerprint"]]
    return [(str(metric), rows) for metric, rows in mine.groupby("metric")]


def _cell(values: np.ndarray, declared: dict[str, Any], words: str, board: TaskBoard) -> dict[str, Any]:
    """A mean over pictures with its interval in words."""
    found = interval(values[None], (board.task, "reference"))
    places = decimals([(found.hi - found.lo) / 2], float(declared["matters"]))
    spread = f"; 95 % interval {found.lo:.4g} to {found.hi:.4g}" if np.isfinite(found.lo) else ""
    told = f"{words}: {found.mean:.6g}{spread}; {found.n} image{'s' if found.n != 1 else ''}"
    room = {"g": "", "gc": "same"} if any(each.name == BASELINE for each in board.methods) else {}  # of a gain
    return {"t": number(found.mean, places), "v": float(f"{found.mean:.6g}"), "title": told, **room}
