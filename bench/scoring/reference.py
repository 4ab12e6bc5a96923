"""Scores the true pictures by the metrics that need no truth, once per task: so "better than the truth" is seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.data.batches import Case
from bench.metrics.base import SingleMetric
from bench.results.store import Run, read_reference, write_reference
from bench.scoring.battery import Battery, Pictures, Row


@dataclass
class ReferenceScores:
    """What the scores stored with a task's inputs lack of a battery; feed it every case once, then store."""

    root: Path
    run: Run
    battery: Battery
    _rows: list[Row] = field(default_factory=list)

    @classmethod
    def lacking(cls, root: Path, run: Run, battery: Battery) -> ReferenceScores:
        """For those metrics of a battery that are not stored in their present definition."""
        stored = read_reference(root, run)
        have = set(zip(stored["metric"], stored["fingerprint"], strict=True))
        single = (each for each in battery.metrics if isinstance(each, SingleMetric) and each.id not in battery.missing)
        wanted = (each for each in single if (each.id, each.fingerprint()) not in have)
        return cls(root, run, Battery(list(wanted), battery.device))

    def add(self, cases: list[Case]) -> None:
        """Score the truth of cases of one size."""
        if self.battery.metrics:
            clean = np.stack([case.clean for case in cases])
            self._rows += self.battery.add(Pictures([case.image_id for case in cases], clean, None, None))

    def store(self) -> None:
        """Write what was added beside what was there; older definitions of the same metrics go."""
        if not self._rows:
            return
        prints = {each.id: each.fingerprint() for each in self.battery.metrics}
        stored = read_reference(self.root, self.run)
        old = stored[~stored["metric"].isin(prints)].to_dict("records")
        new = ({**each, "fingerprint": prints[each["metric"]]} for each in self._rows)
        write_reference(self.root, self.run, [*old, *new])
