"""Normalisation by name, so that a configuration can choose it."""

from __future__ import annotations

from torch import nn

NORMS = ("instance", "batch")


def norm_layer(kind: str, channels: int) -> nn.Module:
    """A 2-d normalisation: "instance" (affine, no running statistics) or "batch". Raises ValueError otherwise."""
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {kind!r}")


def conv_bias(kind: str) -> bool:
    """Whether convolutions beside this norm keep their bias: junyanz's rule, yes with instance norm only."""
    return kind == "instance"
