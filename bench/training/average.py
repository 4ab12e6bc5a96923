"""The running average of a method's weights (EMA), an option of the harness."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.base import Method


class WeightAverage:
    """Averaged copy of all float weights; buffers and counters are copied as they are.

    The decay grows from 0.1 to its full value over the first steps, so that the random start is soon forgotten.
    """

    def __init__(self, method: Method, decay: float) -> None:
        self.decay = decay
        self.weights = {name: each.detach().clone() for name, each in method.state_dict().items()}
        self._trained = [name for name, _ in method.named_parameters()]

    @torch.no_grad()
    def update(self, method: Method, step: int) -> None:
        """Move the average towards the method's weights."""
        current = method.state_dict()
        if current.keys() != self.weights.keys():
            raise ValueError("the method's weights changed their names while it trained")
        decay = min(self.decay, (1 + step) / (10 + step))
        averaged = [self.weights[name] for name in self._trained]
        torch._foreach_lerp_(averaged, [current[name] for name in self._trained], 1 - decay)
        for name in current.keys() - set(self._trained):
            self.weights[name].copy_(current[name])

    def load(self, weights: dict[str, Tensor]) -> None:
        """Go on from stored weights."""
        for name, each in self.weights.items():
            each.copy_(weights[name])
