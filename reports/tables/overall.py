"""The overall table of the first page: methods over all tasks, by their ranks in each (bench/results/borda.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.results.borda import Place, Standing, overall
from bench.results.ranks import pairwise
from bench.results.stats import column
from bench.results.store import DIVERGED, ERROR, TIMEOUT
from reports.tables.board import SPAN, TaskBoard
from reports.tables.scores import ALL
from reports.tables.views import method_page, method_words, tie_class

CSV_COLUMNS = ("method", "points", "tasks", "of", "rank", *SPAN)
FAILED = {DIVERGED, ERROR, TIMEOUT, "nan"}  # statuses of a method that was tried in a task and gave nothing


@dataclass(frozen=True)
class Overall:
    """What the overall table shows. tasks: name and main metric of each that counts; rows: the ranked first."""

    tasks: tuple[tuple[str, str], ...]
    rows: list[dict[str, Any]]

    @property
    def ranked(self) -> int:
        """How many rows have an overall rank; they come first."""
        return sum(row["rank"] is not None for row in self.rows)


def overall_table(boards: Sequence[TaskBoard]) -> Overall | None:
    """All methods over all tasks; None with fewer than two tasks in which methods meet."""
    tables = {board.task: _main_rows(board) for board in boards}
    played = [board for board in boards if len(tables[board.task]) > 1]
    if len(played) < 2:
        return None
    names = sorted({str(name) for board in played for name in tables[board.task].index})
    standings = [_standing(board, tables[board.task], names) for board in played]
    words = {each.name: method_words(each) for board in reversed(played) for each in board.methods if not each.oracle}
    rows = []
    for name, place in zip(names, overall(standings, len(names)), strict=True):
        cells = [_cell(board, tables[board.task], name) for board in played]
        row = {"name": name, "marks": words[name]["marks"] if name in words else [], "page": method_page(name)}
        rows.append({**row, "oracle": False, "cells": cells, **_placed(place, len(played))})
    rows.sort(key=lambda row: (row["rank"] is None, -row["points"], row["name"]))
    ranks = [row["rank"] for row in rows]
    shown = [{**row, "tie": tie_class(rows, ranks, index)} for index, row in enumerate(rows)]
    return Overall(tuple((board.task, ", ".join(filter(None, board.main))) for board in played), shown)


def _main_rows(board: TaskBoard) -> pd.DataFrame:
    """Rows of a task's main metric over its levels, by method: those with a rank, and those that failed. No oracles."""
    main = (board.rows["metric"] == board.main[0]) & (board.rows["region"] == board.main[1])
    rows = board.rows[main & (board.rows["level"] == ALL) & ~board.rows["oracle"].astype(bool)]
    return rows[rows["rank"].notna() | rows["status"].isin(FAILED)].set_index("method")


def _standing(board: TaskBoard, rows: pd.DataFrame, names: Sequence[str]) -> Standing:
    scores = board.scores
    assert scores is not None
    matrix = scores.samples(board.main, ALL)
    runs = {each.name: list(each.runs) for each in board.methods}
    nothing = np.full((1, matrix.shape[1]), np.nan)
    whole = column([matrix[runs[name]] if name in runs else nothing for name in rows.index], (board.task,))
    ranks = tuple(None if pd.isna(rank) else int(rank) for rank in rows["rank"])
    higher = bool(scores.metrics[board.main[0]]["higher_is_better"])
    return Standing(tuple(names.index(name) for name in rows.index), ranks, pairwise(whole), higher)


def _placed(place: Place, tasks: int) -> dict[str, Any]:
    return {
        "rank": place.rank,
        "span": place.span,
        "points": place.points,
        "beaten": f"{100 * place.points:.0f} %",
        "tasks": place.tasks,
        "of": tasks,
    }


def _cell(board: TaskBoard, rows: pd.DataFrame, name: str) -> dict[str, Any]:
    """How a method stands in one task: its rank with interval, or a word."""
    if name not in rows.index:
        told = any(each.name == name and each.oracle for each in board.methods)
        why = "is told where the damage is; not counted here" if told else "has no score in this task"
        return {"t": "oracle" if told else "–", "span": None, "title": why}
    row = rows.loc[name]
    if pd.isna(row["rank"]):
        return {"t": "failed", "span": None, "title": f"counts as last: {row['reason'] or row['status']}"}
    span = None if pd.isna(row["rank_lo"]) else (int(row["rank_lo"]), int(row["rank_hi"]))
    words = f"{board.main[0]} {row['mean']:.4g}"
    if span:
        words += f"; 95 % interval of its rank: {span[0]} to {span[1]}"
    return {"t": str(row["rank"]), "span": span, "title": words}


def csv(found: Overall) -> str:
    """overall.csv: points are the share of rivals beaten, in [0, 1]; no rank with too few tasks."""
    rows = [
        {**row, "method": row["name"], **dict(zip(SPAN, row["span"] or (None, None), strict=True))}
        for row in found.rows
    ]
    table = pd.DataFrame(rows, columns=list(CSV_COLUMNS)).astype(dict.fromkeys(("rank", *SPAN), "Int64"))
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
