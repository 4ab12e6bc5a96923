"""What a method costs, estimated in seconds on this machine's CPU: a hint before anything long is started."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.scoring.cost import Load, cost
from bench.scoring.restore import restore_tensor
from bench.training.engine import Engine
from bench.verify.subject import Subject, damaged
from methods.base import Method

STEPS = 3  # timed training steps, after one that is not


@dataclass(frozen=True)
class Expense:
    """Of restoring a side×side picture: weights, floating-point operations (a multiply-add is two), MB at the most and
    pictures a second; and pictures a second in training, 0 for what is not trained."""

    side: int
    parameters: int
    flops: float
    memory_mb: float
    images_per_second: float
    training_per_second: float

    def __str__(self) -> str:
        trained = f", {self.training_per_second:.3g} pictures/s in training" if self.training_per_second else ""
        return (
            f"a {self.side}x{self.side} picture takes {self.parameters:,} weights, {self.flops / 1e9:.3g} GFLOP, "
            f"{self.memory_mb:.3g} MB; {self.images_per_second:.3g} pictures/s here on the CPU{trained}"
        )


def expense(subject: Subject) -> Expense:
    """Measure it. Raises whatever the method's code raises."""
    method, side, engine = subject.taught, subject.side, Engine(torch.device("cpu"))
    told = subject.entry.cls.needs_mask
    found = cost(method, Load(side, 4, told), engine)
    return Expense(
        side, int(found["parameters"]), found["flops"], _memory_mb(method, side, told),
        found["images_per_second"], _training_rate(subject),
    )  # fmt: skip


def _memory_mb(method: Method, side: int, told: bool) -> float:
    """Weights, and the most that was held at one time beside them while a picture was restored."""
    batch = damaged(1, side)
    with _Held() as held:
        restore_tensor(method, batch.degraded, batch.mask if told else None)
    weights = sum(each.numel() * each.element_size() for each in (*method.parameters(), *method.buffers()))
    return (weights + held.most) / 2**20


class _Held(TorchDispatchMode):
    """Within the block, counts the bytes of the results of operations for as long as they live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._known: set[int] = set()

    def __torch_dispatch__(  # type: ignore[override]
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        results = func(*args, **(kwargs or {}))
        for each in tree_leaves(results):
            if isinstance(each, Tensor):
                self._note(each.untyped_storage())
        return results

    def _note(self, storage: UntypedStorage) -> None:
        if storage.data_ptr() in self._known:  # a view, or changed in place
            return
        self._known.add(storage.data_ptr())
        self.now += storage.nbytes()
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._drop, storage.data_ptr(), storage.nbytes())

    def _drop(self, place: int, size: int) -> None:
        self._known.discard(place)
        self.now -= size


def _training_rate(subject: Subject) -> float:
    if not subject.trained:
        return 0.0
    method, batch = subject.fresh().train(), subject.lesson()
    method.step(batch, 0.0)
    began = time.perf_counter()
    for _ in range(STEPS):
        method.step(batch, 0.5)
    return STEPS * len(batch.clean) / max(time.perf_counter() - began, 1e-9)
