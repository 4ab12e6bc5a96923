"""Learning rates that follow from the part of the budget already spent."""

from __future__ import annotations

from torch.optim import Optimizer


def linear_decay(progress: float, start: float = 0.5) -> float:
    """Factor on the learning rate: 1 until `start`, then down a line to 0 at progress 1. start 1 = constant.

    junyanz's pix2pix schedule (100 epochs constant, 100 decaying) is start 0.5.
    """
    return 1.0 if progress <= start else max(0.0, (1.0 - progress) / (1.0 - start))


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Give every parameter group this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
