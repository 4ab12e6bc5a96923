"""Scalars on their way from the device to train.jsonl and TensorBoard, without a sync at every step."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from bench.results import store

EVERY = 20  # steps: scalars are averaged over them, and read from the device once
Progress = Callable[[int, dict[str, float]], None]


class TrainingLog:
    """The scalars of one run. Rows are written only when a checkpoint is, so that the two always agree."""

    def __init__(self, folder: Path, progress: Progress | None = None) -> None:
        self.folder = folder
        self.broken = ""  # name of the first scalar that was not finite
        self._progress = progress
        self._pending: list[dict[str, Tensor]] = []
        self._rows: list[dict[str, float]] = []
        self._events: SummaryWriter | None = None

    def begin(self, images: int) -> None:
        """Start after so many pictures: later rows, logged by a run that was cut short, are dropped."""
        store.trim_scalars(self.folder, images)
        self._events = SummaryWriter(str(self.folder), purge_step=images)

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
            for name in row.keys() - {"images"}:
                if self._events is not None:
                    self._events.add_scalar(name, row[name], int(row["images"]))
        self._rows = []

    def close(self) -> None:
        """Flush and close the event file."""
        if self._events is not None:
            self._events.close()
