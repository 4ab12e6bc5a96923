"""Holding a network still while another learns through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(network: nn.Module) -> Iterator[nn.Module]:
    """Within the block the network passes gradients on but gathers none itself; saves the work of computing them."""
    held = [weight for weight in network.parameters() if weight.requires_grad]
    for weight in held:
        weight.requires_grad_(False)
    try:
        yield network
    finally:
        for weight in held:
            weight.requires_grad_(True)
