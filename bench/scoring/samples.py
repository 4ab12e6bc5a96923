"""Pictures kept while a training is under way, to look at: a few of the board's, with the weights of then.

A fresh copy of the method restores them, with the random state put back after: the training goes on with the same bits
as without. What fails here leaves no picture and no word: the same is done again at the end, where it is a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from bench.data.batches import Case
from bench.data.pictures import save_png
from bench.results.store import sample_path
from bench.scoring.score import Exam, MethodRestorer
from bench.training.engine import Engine
from methods.base import Method

PICTURES = 2  # of the first level


@dataclass(frozen=True)
class Sampler:
    """Keeps pictures of one training. ids: what may be kept; told: whether the method sees the mask."""

    build: Callable[[], Method]
    exam: Exam
    ids: frozenset[str]
    told: bool
    engine: Engine
    folder: Path

    def __call__(self, percent: int, weights: dict[str, Tensor]) -> None:
        """Restore with these weights and store what comes out, after so many percent of the budget."""
        device = self.engine.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            try:
                self._copy.load_state_dict(weights)
                restorer = MethodRestorer(self._copy, self.told, self.engine)
                pictures = [restorer(self._level, [case])[0] for case in self._cases]
            except Exception:  # a method is not our code; see above
                return
        for case, picture in zip(self._cases, pictures, strict=True):
            if not isinstance(picture, str):
                save_png(sample_path(self.folder, percent, self._level, case.image_id), picture)

    @property
    def _level(self) -> str:
        return next(iter(self.exam.levels))

    @cached_property
    def _cases(self) -> list[Case]:
        pictures, degradation = self.exam.pictures, self.exam.levels[self._level]
        wanted = [each for each in pictures.ids if each in self.ids][:PICTURES]
        found = (pictures.case(self._level, degradation, each) for each in wanted)
        return [each for each in found if each is not None]

    @cached_property
    def _copy(self) -> Method:
        method = self.build()
        self.engine.place(method)
        return method
