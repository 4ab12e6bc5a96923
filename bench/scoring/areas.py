"""Which share of each test picture was lost, stored with a task's inputs: for bins by area."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bench.data.batches import Case
from bench.results.store import Run, read_areas, write_areas
from bench.scoring.battery import Row


@dataclass
class LostAreas:
    """Feed it every case of every level, then store. All runs of a task share the inputs, so the first one writes."""

    root: Path
    run: Run
    _rows: list[Row] = field(default_factory=list)

    def add(self, level: str, cases: list[Case]) -> None:
        """Take the shares lost, 0 to 1."""
        self._rows += ({"level": level, "image_id": each.image_id, "lost": float(each.mask.mean())} for each in cases)

    def store(self) -> None:
        """Write them, if nobody has."""
        if self._rows and read_areas(self.root, self.run).empty:
            write_areas(self.root, self.run, self._rows)
