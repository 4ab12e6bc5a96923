"""A method that keeps the contract; the faulty ones differ from it in one thing each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from methods.base import Batch, Method


class Toy(Method):
    """A small residual network that keeps the contract."""

    tasks = frozenset({"jpeg", "hole"})

    @dataclass(frozen=True)
    class Config:
        """Nothing to set."""

        width: int = 8

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        width = config.width
        self.network = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-2)

    def optimizers(self):
        return {"only": self.optimizer}

    def step(self, batch: Batch, progress: float):
        loss = (batch.degraded + self.network(batch.degraded) - batch.clean).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach()}

    def restore(self, degraded, mask):
        return (degraded + self.network(degraded)).clamp(0, 1)
