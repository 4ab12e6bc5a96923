"""Convolutions under spectral norm, and the self-attention that goes with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

CHUNK = 1024  # positions whose attention is computed at once: bounds the memory of a large picture


def spectral_conv(source: int, target: int, size: int = 3, stride: int = 1, bias: bool = True) -> nn.Module:
    """A convolution padded by (size - 1) // 2, ready by `spectral`."""
    return spectral(nn.Conv2d(source, target, size, stride, (size - 1) // 2, bias=bias))


def spectral(conv: nn.Conv2d) -> nn.Module:
    """The convolution with He's initialisation and zero bias, under spectral norm."""
    nn.init.kaiming_normal_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return spectral_norm(conv)


class SelfAttention(nn.Module):
    """SAGAN's self-attention (Zhang et al. 2019) as in fastai 1: 1×1 query and key of C/8, value of C, no bias.

    What it adds is scaled by gamma, which starts at 0: a fresh one returns its input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.query = spectral_conv(channels, inner, 1, bias=False)
        self.key = spectral_conv(channels, inner, 1, bias=False)
        self.value = spectral_conv(channels, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W, same shape out; every position sees all others."""
        query, key, value = (layer(features).flatten(2).mT for layer in (self.query, self.key, self.value))
        parts = [functional.scaled_dot_product_attention(q, key, value, scale=1.0) for q in query.split(CHUNK, dim=1)]
        return features + self.gamma * torch.cat(parts, dim=1).mT.unflatten(2, features.shape[2:])
