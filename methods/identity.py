"""The floor of every board: the damaged picture, returned as it came."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.optim import Optimizer

from methods.base import Batch, Method


class Identity(Method):
    """Returns its input. A method that does not beat this row has done harm."""

    tasks = frozenset({"mosaic", "jpeg", "erase", "facemask", "hole"})

    @dataclass(frozen=True)
    class Config:
        """Nothing to set."""

    def optimizers(self) -> dict[str, Optimizer]:
        """Not trained."""
        return {}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Nothing to learn."""
        return {}

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The input."""
        return degraded


METHODS = {"identity": Identity.Config()}
