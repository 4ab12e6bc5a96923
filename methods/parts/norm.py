"""Normalisation by name, so that a configuration can choose it."""

from __future__ import annotations

import math

from torch import nn

from methods.parts.bin import BatchInstanceNorm2d

NORMS = ("instance", "batch", "biased_batch", "keras_batch", "group", "none", "batch_instance")
GROUPS = 8


def norm_layer(kind: str, channels: int) -> nn.Module:
    """A 2-d normalisation by name. Raises ValueError for an unknown one.

    "instance": affine, no running statistics. "batch": running statistics after training. "biased_batch": the same,
    beside convolutions that keep their bias. "keras_batch": with Keras's epsilon. "group": up to 8 groups. "none":
    nothing. "batch_instance": a learnt mixture of batch and instance norm.
    """
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    if kind in ("batch", "biased_batch"):
        return nn.BatchNorm2d(channels)
    if kind == "keras_batch":
        return nn.BatchNorm2d(channels, eps=1e-3)
    if kind == "group":
        return nn.GroupNorm(math.gcd(GROUPS, channels), channels)
    if kind == "none":
        return nn.Identity()
    if kind == "batch_instance":
        return BatchInstanceNorm2d(channels)
    raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {kind!r}")


def conv_bias(kind: str) -> bool:
    """Whether convolutions beside this norm keep their bias: junyanz's rule, not with batch norm."""
    return kind not in ("batch", "keras_batch", "batch_instance")
