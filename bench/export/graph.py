"""What is exported: a method's `restore` as a module of tensors alone, without the parts that only train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from methods.base import Method


class Graph(nn.Module):
    """A method's restore, clipped: degraded N×3×H×W in [0, 1] to the restored pictures, same shape and range.

    H and W divide by the method's multiple_of.
    """

    names: tuple[str, ...] = ("degraded",)

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method
        self.eval().requires_grad_(False)

    @classmethod
    def of(cls, method: Method, told: bool) -> Graph:
        """With a mask as second input where the method is told what was lost."""
        return (Told if told else Graph)(method)

    def forward(self, degraded: Tensor) -> Tensor:
        """See the class."""
        return self.method.restore(degraded, None).clamp(0, 1)


class Told(Graph):
    """The same with a mask, N×1×H×W, 1 where something was lost."""

    names = ("degraded", "mask")

    def forward(self, degraded: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """See the class."""
        return self.method.restore(degraded, mask).clamp(0, 1)


def drop_idle(method: Method, restore: Callable[[], Any]) -> None:
    """Take from a method the networks that are not called while it restores: critics, feature networks of a loss.

    One whose weights are used without calling it would be missed; comparing outputs afterwards shows that.
    """
    called: set[nn.Module] = set()
    hooks = [each.register_forward_pre_hook(lambda module, _: called.add(module)) for each in method.modules()]
    with torch.no_grad():
        restore()
    for hook in hooks:
        hook.remove()
    for name, child in method.named_children():
        if not called & set(child.modules()):
            setattr(method, name, nn.Identity())
