"""The leaderboard as a tidy table: one row per task × method × metric × region × level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.results.ranks import Pairs, Span, detectable, pairwise, rank_intervals
from bench.results.stats import Column, column
from bench.results.store import RUNNING
from reports.tables.scores import ALL, Key, Scores, read_task
from reports.tables.select import Entry, Selection

CSV_COLUMNS = ("task", "method", "metric", "region", "mean", "lo", "hi", "rank", "seeds", "n", "status")
SPAN = ("rank_lo", "rank_hi")
COLUMNS = (*CSV_COLUMNS, *SPAN, "level", "oracle", "tied", "gain", "gain_margin", "detectable", "reason")
BASELINE = "identity"  # the method that returns its input: what doing nothing scores
CLAIM_SEEDS = 3
MAIN = ("lpips_squeeze", "psnr")  # what a task is ordered by: the first of these that has scores
MAIN_REGION = "lost"
_FAILURES = {
    "diverged": "diverged",
    "error": "stopped by an error",
    "timeout": "ran out of time",
    RUNNING: "interrupted or still running: run the same command again to resume it",
}


@dataclass(frozen=True)
class Method:
    """The runs of one method in a task. runs: indices into Scores.entries of those finished, by seed."""

    name: str
    runs: tuple[int, ...]
    planned: int
    trained: bool
    oracle: bool
    source: str

    def seeds(self) -> str:
        """How many training seeds it stands on: "3", "2/3", or a dash for what is not trained."""
        if not self.trained:
            return "–"
        return str(len(self.runs)) if len(self.runs) == self.planned else f"{len(self.runs)}/{self.planned}"


@dataclass(frozen=True)
class Failure:
    """A run that did not finish, in words."""

    method: str
    seed: int
    status: str
    reason: str


@dataclass(frozen=True)
class TaskBoard:
    """All that the pages say about one task. rows has the columns of COLUMNS; methods are in board order."""

    selection: Selection
    scores: Scores | None  # None when no run of the task has finished
    methods: tuple[Method, ...]
    failures: tuple[Failure, ...]
    main: Key
    rows: pd.DataFrame

    @property
    def task(self) -> str:
        """The task's name."""
        return self.selection.task

    def few_seeds(self) -> list[str]:
        """Trained methods that stand on too few seeds for a claim."""
        return [each.name for each in self.methods if each.trained and 0 < len(each.runs) < CLAIM_SEEDS]


def task_board(selection: Selection) -> TaskBoard:
    """Compare and rank one task's methods."""
    done = selection.done()
    failures = tuple(_failure(each) for each in selection.failed())
    scores = read_task(done) if done else None
    if scores is None or not scores.keys:
        main = (MAIN[-1], MAIN_REGION)
        return TaskBoard(selection, None, (), failures, main, _frame(_failed_rows(selection, (), main)))
    methods = _methods(selection, done)
    main = main_key(scores)
    rows = [row for key in scores.keys for level in views(scores) for row in _column_rows(scores, methods, key, level)]
    table = _frame([{"task": selection.task, **row} for row in rows] + _failed_rows(selection, methods, main))
    return TaskBoard(selection, scores, _ordered(methods, table, main, scores), failures, main, table)


def views(scores: Scores) -> list[str]:
    """The levels a table can show: their mean, and each where there are several."""
    named = scores.named_levels()
    return [ALL, *(named if len(named) > 1 else [])]


def main_key(scores: Scores) -> Key:
    """What a task is ordered by: LPIPS on the lost region where it could be had, else PSNR there."""
    scored = [key for index, key in enumerate(scores.keys) if np.isfinite(scores.values[:, index]).any()]
    for key in [(metric, region) for metric in MAIN for region in (MAIN_REGION, "whole")]:
        if key in scored:
            return key
    pictures = [key for key in scored if scores.by_picture(key)]
    return (pictures or scored or list(scores.keys))[0]


def csv(boards: Sequence[TaskBoard]) -> str:
    """leaderboard.csv: every task, the mean over its levels."""
    rows = pd.concat([board.rows[board.rows["level"] == ALL] for board in boards], ignore_index=True)
    return rows[list(CSV_COLUMNS)].to_csv(index=False, lineterminator="\n", float_format="%.6g")


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(("rank", "n", *SPAN), "Int64"))


def _methods(selection: Selection, done: Sequence[Entry]) -> tuple[Method, ...]:
    found = []
    for name in sorted({each.run.method for each in done}):
        mine = tuple(index for index, each in enumerate(done) if each.run.method == name)
        planned = sum(each.run.method == name for each in selection.entries)
        run = done[mine[0]].run
        found.append(Method(name, mine, planned, run.trained, run.oracle, run.source))
    return tuple(found)


def _column_rows(scores: Scores, methods: Sequence[Method], key: Key, level: str) -> list[dict[str, Any]]:
    """One row per method of one column. Oracles are ranked among themselves."""
    matrix = scores.samples(key, level)
    whole = column([matrix[list(method.runs)] for method in methods], (scores.entries[0].run.task,))
    pairs = pairwise(whole)
    ranks, spans = _ranks(whole, pairs, methods, bool(scores.metrics[key[0]]["higher_is_better"]))
    baseline = next((i for i, each in enumerate(methods) if each.name == BASELINE), None)
    nothing = np.full(len(methods), np.nan)
    found = None if baseline is None else whole.differences(baseline)
    gains, margins = (nothing, nothing) if found is None else (found.means, found.margins)
    finest = detectable(pairs.take(_rivals(methods)))
    sharing = Counter(zip((each.oracle for each in methods), ranks, strict=True))
    rows = []
    for index, (method, mean) in enumerate(zip(methods, whole.intervals(), strict=True)):
        rank, missing = ranks[index], ranks[index] is None
        rows.append(
            {
                "method": method.name, "metric": key[0], "region": key[1], "level": level, "mean": mean.mean,
                "lo": mean.lo, "hi": mean.hi, "seeds": len(method.runs), "detectable": finest,
                "rank": rank, **dict(zip(SPAN, spans[index] or (None, None), strict=True)),
                "n": _count(scores, key, method, mean.n), "oracle": method.oracle,
                "tied": 0 if missing else sharing[method.oracle, rank],
                "gain": gains[index], "gain_margin": margins[index],
                "status": scores.status(key[0], method.runs) if missing else _status(method),
                "reason": scores.reason(key[0], method.runs) if missing else "",
            }
        )  # fmt: skip
    return rows


def _ranks(
    whole: Column, pairs: Pairs, methods: Sequence[Method], higher_is_better: bool
) -> tuple[list[int | None], list[Span | None]]:
    """Ranks with ties, and the interval of each."""
    ranks: list[int | None] = [None] * len(methods)
    spans: list[Span | None] = [None] * len(methods)
    for oracle in (False, True):
        members = [index for index, method in enumerate(methods) if method.oracle == oracle]
        if members:
            found = whole.take(members).ranks(higher_is_better)
            intervals = rank_intervals(pairs.take(members), found, higher_is_better)
            for index, rank, span in zip(members, found, intervals, strict=True):
                ranks[index], spans[index] = rank, span
    return ranks, spans


def _rivals(methods: Sequence[Method]) -> list[int]:
    """Whom a reader compares: no oracles, and not the degraded input while there are others."""
    open_ = [index for index, method in enumerate(methods) if not method.oracle]
    rivals = [index for index in open_ if methods[index].name != BASELINE]
    return rivals if len(rivals) > 1 else open_


def _count(scores: Scores, key: Key, method: Method, images: int) -> int:
    """What a mean stands on: images with a score; for a set metric, the images of the set; for a cost, the runs."""
    if scores.by_picture(key) or not images:
        return images
    cost = scores.metrics[key[0]]["kind"] == "cost"
    return len(method.runs) if cost else sum(bool(image) for image in scores.images)


def _status(method: Method) -> str:
    return "ok" if len(method.runs) == method.planned else "partial"


def _ordered(methods: Sequence[Method], table: pd.DataFrame, main: Key, scores: Scores) -> tuple[Method, ...]:
    """Methods from the best on the main metric down, oracles last."""
    sign = -1 if scores.metrics[main[0]]["higher_is_better"] else 1
    shown = table[(table["metric"] == main[0]) & (table["region"] == main[1]) & (table["level"] == ALL)]
    means = {name: sign * mean for name, mean in zip(shown["method"], shown["mean"], strict=True) if np.isfinite(mean)}
    return tuple(sorted(methods, key=lambda each: (each.oracle, means.get(each.name, np.inf), each.name)))


def _failure(entry: Entry) -> Failure:
    run = entry.run
    words = _FAILURES.get(run.status, run.status)
    reason = f"{words}: {run.reason}" if run.reason and run.status != RUNNING else words
    return Failure(run.method, run.seed, run.status, reason)


def _failed_rows(selection: Selection, methods: Sequence[Method], main: Key) -> list[dict[str, Any]]:
    """One row, on the main metric, for each method of which no run finished."""
    finished = {method.name for method in methods}
    rows = {}
    for entry in selection.failed():
        if entry.run.method not in finished:
            rows[entry.run.method] = {
                "task": selection.task, "method": entry.run.method, "metric": main[0], "region": main[1],
                "level": ALL, "mean": np.nan, "lo": np.nan, "hi": np.nan, "rank": None, "seeds": 0, "n": 0,
                "status": entry.run.status, "oracle": entry.run.oracle, "tied": 0, "gain": np.nan,
                "gain_margin": np.nan, "reason": _failure(entry).reason,
            }  # fmt: skip
    return list(rows.values())
