"""Sharpen: one learned 5×5 filter per channel, the smallest method that trains."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from methods.base import Batch, Method
from methods.parts.update import descend


class Sharpen(Method):
    """A linear filter learned by least squares, started near the identity. Written for the example; no other source."""

    tasks = frozenset({"blur", "jpeg"})

    @dataclass(frozen=True)
    class Config:
        """Side of the filter and rate of learning."""

        side: int = 5
        lr: float = 1e-2

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.filter = nn.Conv2d(3, 3, config.side, padding=config.side // 2, padding_mode="replicate", groups=3)
        with torch.no_grad():
            self.filter.weight.mul_(0.01)
            self.filter.weight[:, :, config.side // 2, config.side // 2] += 1
        self._optimizer = Adam(self.parameters(), lr=config.lr)

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam."""
        return {"filter": self._optimizer}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """One update."""
        loss = functional.mse_loss(self.filter(batch.degraded), batch.clean)
        descend(self._optimizer, loss)
        return {"mse": loss.detach()}

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The filtered picture, clipped."""
        return self.filter(degraded).clamp(0.0, 1.0)


METHODS = {"sharpen": Sharpen.Config()}
