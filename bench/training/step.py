"""A training step divided: over processes that work at once, and in each over parts that follow one another.

Methods own their step, so all that is done here is done where they cannot tell: before an optimizer steps, the
gradients of its weights become the mean over the whole batch. docs/scale.md says what equals an undivided step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bench.seeds import seed_for
from bench.training.engine import Engine
from methods.base import Batch, Method


class SharedStep:
    """method.step on this process's share of a batch, such that the weights move as by one step on the whole.

    In parts, the method's step is run on every part once for each call of an optimizer's step. In the n-th round the
    n-th call's gradients are gathered; calls before it, already done, and after it, whose time has not come, find no
    gradients and so change nothing. Then the optimizer steps with the mean over all parts. What a round changes in
    buffers is put back before the next. Scalars are those of the last round.
    """

    def __init__(self, method: Method, engine: Engine, seed: int) -> None:
        self._method, self._engine, self._share, self._seed = method, engine, engine.share, seed
        self._gathering: _Round | None = None
        for optimizer in method.optimizers().values():
            _fuse(optimizer)
        if not self._share.whole:
            for optimizer in method.optimizers().values():
                optimizer.register_step_pre_hook(self._before)

    def __call__(self, batch: Batch, progress: float, step: int) -> dict[str, Tensor]:
        """One update; scalars to log, means over the batch."""
        if self._share.whole:
            return self._step(batch, progress)
        parts = list(_cut(batch, self._share.parts))
        if len(parts) == 1:
            self._reseed(step, 0)
            scalars = self._step(batch, progress)
        else:
            scalars = self._in_parts(parts, progress, step)
        scalars = {name: value.detach().float().clone() for name, value in scalars.items()}
        self._share.average([*_float_buffers(self._method), *scalars.values()])
        return scalars

    def _step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        with self._engine.autocast():
            return self._method.step(batch.to(self._engine.device, self._engine.memory_format), progress)

    def _in_parts(self, parts: list[Batch], progress: float, step: int) -> dict[str, Tensor]:
        """Rounds over all parts, until the step has no further call of an optimizer."""
        before = [each.clone() for each in self._method.buffers()]
        total = sum(len(part.clean) for part in parts)
        turn = 0
        while True:
            if turn:
                for each, value in zip(self._method.buffers(), before, strict=True):
                    each.copy_(value)
            self._gathering = gathering = _Round(turn)
            try:
                for place, part in enumerate(parts):
                    self._reseed(step, place)
                    gathering.start(len(part.clean) / total)
                    gathering.note(self._step(part, progress))
            finally:
                self._gathering = None
            gathering.apply()
            turn += 1
            if gathering.calls <= turn:
                return gathering.scalars

    def _reseed(self, step: int, place: int) -> None:
        """Every part of a step has a random stream of its own, the same in every round and after resuming."""
        torch.manual_seed(seed_for("part", self._seed, step, self._share.rank * self._share.parts + place))

    def _before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Called by an optimizer that is about to step."""
        if self._gathering is not None:
            self._gathering.meet(optimizer)
        else:
            self._share.average([each.grad for each in _weights(optimizer) if each.grad is not None])


class _Round:
    """The gradients of one call of an optimizer's step, gathered over parts."""

    def __init__(self, turn: int) -> None:
        self.turn, self.calls, self.weight = turn, 0, 1.0
        self.scalars: dict[str, Tensor] = {}  # means over the parts
        self._optimizer: Optimizer | None = None
        self._sums: dict[Tensor, Tensor] = {}

    def start(self, weight: float) -> None:
        """The next part begins, which is so much of the whole."""
        self.calls, self.weight = 0, weight

    def meet(self, optimizer: Optimizer) -> None:
        """An optimizer steps, without moving: its gradients are kept if it is its turn, and are gone after."""
        if self.calls == self.turn:
            self._optimizer = optimizer
            for each in _weights(optimizer):
                if each.grad is not None:
                    part = each.grad.detach() * self.weight
                    self._sums[each] = self._sums[each] + part if each in self._sums else part
        self.calls += 1
        _forget(optimizer)

    def note(self, scalars: dict[str, Tensor]) -> None:
        """A part ended with these scalars."""
        for name, value in scalars.items():
            part = value.detach().float() * self.weight
            self.scalars[name] = self.scalars[name] + part if name in self.scalars else part

    def apply(self) -> None:
        """The true step."""
        if self._optimizer is None:
            return
        for each, gradient in self._sums.items():
            each.grad = gradient
        self._optimizer.step()
        _forget(self._optimizer)


def _cut(batch: Batch, parts: int) -> Iterator[Batch]:
    """A batch in so many parts of nearly equal size, at most as many as it has pictures."""
    pieces = (each.tensor_split(min(parts, len(batch.clean))) for each in (batch.clean, batch.degraded, batch.mask))
    return (Batch(*piece) for piece in zip(*pieces, strict=True))


def _weights(optimizer: Optimizer) -> Iterable[Tensor]:
    return (each for group in optimizer.param_groups for each in group["params"])


def _fuse(optimizer: Optimizer) -> None:
    """Let it update all weights in one pass over memory, where torch can: a fifth of pix2pix's step at batch 1."""
    if all(each.is_floating_point() and each.device.type in ("cpu", "cuda") for each in _weights(optimizer)):
        for group in optimizer.param_groups:
            if "fused" in group and not group.get("differentiable"):
                group["fused"], group["foreach"] = True, False


def _forget(optimizer: Optimizer) -> None:
    for each in _weights(optimizer):
        each.grad = None


def _float_buffers(method: Method) -> list[Tensor]:
    return [each for each in method.buffers() if each.is_floating_point()]
