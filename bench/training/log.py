"""Scalars on their way from the device to train.jsonl and trackers, without a sync at every step."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from bench.results import store
from bench.training.trackers import Trackers

EVERY = 20  # steps: scalars are averaged over them, and read from the device once
Progress = Callable[[int, dict[str, float]], None]
Sampler = Callable[[int, dict[str, Tensor]], None]  # keeps pictures made after so many percent, with these weights


class TrainingLog:
    """The scalars of one run. Rows are written only when a checkpoint is, so that the two always agree."""

    def __init__(
        self,
        folder: Path,
        progress: Progress | None = None,
        sampler: Sampler | None = None,
        trackers: Trackers | None = None,
    ) -> None:
        self.folder = folder
        self.sampler = sampler
        self.trackers = trackers or Trackers(folder)
        self.broken = ""  # name of the first scalar that was not finite
        self._progress = progress
        self._pending: list[dict[str, Tensor]] = []
        self._rows: list[dict[str, float]] = []

    def begin(self, images: int) -> None:
        """Start after so many pictures: later rows, logged by a run that was cut short, are dropped."""
        store.trim_scalars(self.folder, images)
        self.trackers.begin(images)

    def add(self, scalars: dict[str, Tensor]) -> None:
        """Keep one step's scalars; they stay on the device."""
        self._pending.append(scalars)

    def gather(self, images: int) -> None:
        """Average what was added since the last time into one row."""
        if not self._pending:
            return
        names = dict.fromkeys(name for each in self._pending for name in each)  # a phase may have scalars of its own
        means = {n: torch.stack([each[n].float() for each in self._pending if n in each]).mean() for n in names}
        values = {name: float(value) for name, value in means.items()}
        self._pending = []
        self.broken = self.broken or next((name for name, value in values.items() if not math.isfinite(value)), "")
        self._rows.append({"images": float(images), **values})
        if self._progress is not None:
            self._progress(images, values)

    def write(self) -> None:
        """Append the gathered rows to the files."""
        store.append_scalars(self.folder, self._rows)
        for row in self._rows:
            self.trackers.add(int(row["images"]), {name: value for name, value in row.items() if name != "images"})
        self._rows = []

    def close(self, ended: bool = False) -> None:
        """Flush and close the trackers. ended: the training reached the end of its budget."""
        self.trackers.close(ended)


class SilentLog(TrainingLog):
    """That of a process which helps another to train: the folder is only read."""

    def begin(self, images: int) -> None:
        """See TrainingLog; nothing is dropped."""

    def write(self) -> None:
        """See TrainingLog; the rows are forgotten."""
        self._rows = []

    def close(self, ended: bool = False) -> None:
        """See TrainingLog; there is nothing to close."""
