"""Run against run: what rose and what fell between two folders of runs, and whether it is more than noise.

A row of the table is a method on a task by a metric, on the region that the metric is read on first, as a mean over the
levels. Differences are paired over pictures; pictures and training seeds are both resampled (bench/results/stats.py).
Verdicts are Holm-corrected over all rows of the table that can be tested, all tasks together. Other regions and single
levels have intervals too, in the file and beside the rows; they are not tested, so that the table keeps its power.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.results.stats import LEVEL, column, holm
from reports.against.pairing import Apart, TaskPair, pair_up
from reports.tables.board import TaskBoard, views
from reports.tables.scores import ALL, Key

REGIONS = ("lost", "whole", "kept", "boundary", "")  # a metric is read on the first of these that has scores
BETTER, WORSE, SAME, IDENTICAL, UNTESTED = "better", "worse", "same", "identical", "untested"
FIELDS = (
    "task", "method", "metric", "region", "level", "old", "new", "change", "margin", "images", "old_runs", "new_runs",
    "p", "adjusted", "times", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """What one score became. change: new - old over the `images` that both have (for a
    set metric: over the groups of its jackknife); margin: half its 95 % interval.

    p, adjusted: two-sided, before and after Holm; NaN where nothing is tested. times: |change| in units of the metric's
    `matters`, infinite where that is 0. verdict: in the metric's own direction.
    """

    task: str
    method: str
    metric: str
    region: str
    level: str
    old: float
    new: float
    change: float
    margin: float
    images: int
    old_runs: int
    new_runs: int
    p: float
    adjusted: float
    times: float
    verdict: str

    @property
    def about(self) -> tuple[str, str, str]:
        """What it is a score of, whatever the region and level."""
        return self.task, self.method, self.metric


@dataclass(frozen=True)
class Comparison:
    """All that can be said about two folders. rows: the table, largest change first; details: other regions, levels."""

    roots: tuple[Path, Path]  # new, old
    tasks: tuple[TaskPair, ...]
    apart: tuple[Apart, ...]
    rows: tuple[Change, ...]
    details: tuple[Change, ...]

    def told(self, verdict: str) -> list[Change]:
        """The rows of one verdict, largest change first."""
        return [each for each in self.rows if each.verdict == verdict]

    def csv(self) -> str:
        """against.csv: every row, then every other region and level."""
        rows = [{name: getattr(each, name) for name in FIELDS} for each in (*self.rows, *self.details)]
        return pd.DataFrame(rows, columns=list(FIELDS)).to_csv(index=False, lineterminator="\n", float_format="%.6g")


def compare(boards: Sequence[TaskBoard], old_root: Path) -> Comparison:
    """Compare the boards of a folder with the runs of another. Raises UserError when nothing can be compared."""
    tasks, apart = pair_up(boards, old_root)
    rows: list[Change] = []
    details: list[Change] = []
    for task in tasks:
        for key, home in _keys(task):
            for level in views(task.new) if home else [ALL]:
                (rows if home and level == ALL else details).extend(_changes(task, key, level))
    rows.sort(key=lambda each: (-each.times, each.about))
    roots = (boards[0].selection.root, old_root)
    return Comparison(roots, tuple(tasks), tuple(apart), tuple(_judged(rows, task_metrics(tasks))), tuple(details))


def task_metrics(tasks: Sequence[TaskPair]) -> dict[tuple[str, str], bool]:
    """Whether higher is better, by task and metric."""
    return {
        (task.task, name): bool(each["higher_is_better"]) for task in tasks for name, each in task.new.metrics.items()
    }


def _keys(task: TaskPair) -> Iterator[tuple[Key, bool]]:
    """Every metric and region with scores on both sides, and whether the metric is read there first."""
    scored = [key for key in task.new.keys if np.isfinite(task.new.values[:, task.new.keys.index(key)]).any()]
    for metric in dict.fromkeys(name for name, _ in scored):
        regions = [region for name, region in scored if name == metric]
        first = next((each for each in REGIONS if each in regions), regions[0])
        yield from (((metric, region), region == first) for region in regions)


def _changes(task: TaskPair, key: Key, level: str) -> Iterator[Change]:
    """One column: every method's new scores against its old ones, on the same resampled images."""
    new, old = task.new.samples(key, level), task.old.samples(key, level)
    arrays = [new[list(each.new)] for each in task.pairs] + [old[list(each.old)] for each in task.pairs]
    whole = column(arrays, (task.task,))
    matters = float(task.new.metrics[key[0]]["matters"])
    for index, pair in enumerate(task.pairs):
        after, before = arrays[index], arrays[index + len(task.pairs)]
        found = whole.take([index, index + len(task.pairs)]).differences(1)
        change, error = float(found.means[0]), float(found.errors[0])
        if not np.isfinite(change):
            continue
        both = int((np.isfinite(after).all(axis=0) & np.isfinite(before).all(axis=0)).sum())
        tested = both > 1
        verdict = IDENTICAL if change == 0 and error == 0 else SAME if tested else UNTESTED
        yield Change(
            task.task, pair.method, *key, level, float(whole.means[index + len(task.pairs)]), float(whole.means[index]),
            change, float(found.margins[0]) if tested else np.nan, both, len(before), len(after),
            float(found.p_values([0])[0]) if tested else np.nan, np.nan, _times(change, matters), verdict,
        )  # fmt: skip


def _times(change: float, matters: float) -> float:
    if change == 0:
        return 0.0
    return abs(change) / matters if matters > 0 else float("inf")


def _judged(rows: list[Change], higher: dict[tuple[str, str], bool]) -> Iterator[Change]:
    """The rows with what Holm's correction leaves of their differences. Rows equal to the last bit are no tests."""
    tested = [index for index, each in enumerate(rows) if each.verdict == SAME]
    adjusted = dict(zip(tested, holm(np.array([rows[index].p for index in tested])).tolist(), strict=True))
    for index, row in enumerate(rows):
        p = adjusted.get(index, np.nan)
        if p < 1 - LEVEL:
            better = (row.change > 0) == higher[row.task, row.metric]
            row = replace(row, verdict=BETTER if better else WORSE)
        yield replace(row, adjusted=p)
