"""The small steps of every update."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer


def signed(images: Tensor) -> Tensor:
    """[0, 1] to [-1, 1], the range of tanh."""
    return images * 2.0 - 1.0


def unsigned(images: Tensor) -> Tensor:
    """[-1, 1] to [0, 1]."""
    return (images + 1.0) / 2.0


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """One step down the gradient of a loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
