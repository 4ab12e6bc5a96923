"""Scores the true pictures, once per task, so that a reader can check the metrics against what must come out.

By metrics that need no truth they are scored as they are: so "better than the truth" is seen. By metrics that compare,
each is scored as the restoration of another picture of the same size: a row that must stand far below everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bench.data.batches import Case
from bench.metrics.base import Metric, PairMetric, SingleMetric
from bench.results.store import Run, read_reference, read_shuffled, write_reference, write_shuffled
from bench.scoring.battery import Battery, Pictures, Row


@dataclass
class ReferenceScores:
    """What the scores stored with a task's inputs lack of a battery; feed it every case of every level, then store."""

    root: Path
    run: Run
    single: Battery
    pair: Battery
    _first: str = ""  # the level whose cases came first: the truth itself is the same on all
    _level: str = ""
    _singles: list[Row] = field(default_factory=list)
    _pairs: list[Row] = field(default_factory=list)
    _ends: dict[tuple[int, ...], tuple[Case, Case]] = field(default_factory=dict)  # of a level, by size: first and last

    @classmethod
    def lacking(cls, root: Path, run: Run, battery: Battery) -> ReferenceScores:
        """For those metrics of a battery that are not stored in their present definition."""
        had = [each for each in battery.metrics if each.id not in battery.missing]
        single = _unknown([each for each in had if isinstance(each, SingleMetric)], read_reference(root, run))
        pair = _unknown([each for each in had if isinstance(each, PairMetric)], read_shuffled(root, run))
        return cls(root, run, Battery(single, battery.device), Battery(pair, battery.device))

    def add(self, level: str, cases: list[Case]) -> None:
        """Score cases of one size; those of a level come one after another."""
        if level != self._level:
            self._close()
            self._first, self._level = self._first or level, level
        if self.single.metrics and level == self._first:
            clean = np.stack([case.clean for case in cases])
            self._singles += self.single.add(Pictures([case.image_id for case in cases], clean, None, None))
        if self.pair.metrics:
            size = cases[0].clean.shape
            before = [self._ends[size][1]] if size in self._ends else []
            self._score_pairs([*before, *cases][1:], [*before, *cases][:-1])
            self._ends[size] = (self._ends[size][0] if before else cases[0], cases[-1])

    def store(self) -> None:
        """Write what was added beside what was there; older definitions of the same metrics go."""
        self._close()
        if self._singles:
            rows = _joined(read_reference(self.root, self.run), self._singles, self.single)
            write_reference(self.root, self.run, rows)
        if self._pairs:
            rows = _joined(read_shuffled(self.root, self.run), self._pairs, self.pair)
            write_shuffled(self.root, self.run, rows)

    def _close(self) -> None:
        """At the end of a level the first picture of each size has the last one in its place."""
        for first, last in self._ends.values():
            if first is not last:
                self._score_pairs([first], [last])
        self._ends = {}

    def _score_pairs(self, cases: list[Case], others: list[Case]) -> None:
        """Score the truth of others as the restoration of cases, all of one size."""
        if cases:
            restored, clean = (np.stack([case.clean for case in each]) for each in (others, cases))
            mask = np.stack([case.mask for case in cases])
            rows = self.pair.add(Pictures([case.image_id for case in cases], restored, clean, mask))
            self._pairs += ({**each, "level": self._level} for each in rows)


def _unknown(metrics: Sequence[Metric], stored: pd.DataFrame) -> list[Metric]:
    """Those that are not stored in their present definition."""
    have = set(zip(stored["metric"], stored["fingerprint"], strict=True))
    return [each for each in metrics if (each.id, each.fingerprint()) not in have]


def _joined(stored: pd.DataFrame, rows: list[Row], battery: Battery) -> list[Row]:
    """New rows after those stored of other metrics."""
    prints = {each.id: each.fingerprint() for each in battery.metrics}
    old = stored[~stored["metric"].isin(prints)].to_dict("records")
    return [*old, *({**each, "fingerprint": prints[each["metric"]]} for each in rows)]
