"""U-Nets of paired 3×3 convolutions and max-pools without biases: the networks behind face-mask removal v2's FID."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.parts.norm import norm_layer


@dataclass(frozen=True)
class PooledShape:
    """What decides a pooled U-Net's layers.

    levels: halvings. base: channels at full size, doubling up to 8 × base. dilations: one 3×3 conv each in the middle;
    none = the plain pair. mixed: end in a 1×1 convolution over the output's channels.
    """

    in_channels: int
    out_channels: int
    levels: int
    base: int
    norm: str = "batch_instance"
    dilations: tuple[int, ...] = ()
    mixed: bool = False

    def __post_init__(self) -> None:
        if self.levels < 1 or self.base < 1:
            raise ValueError(f"a pooled U-Net needs levels >= 1 and base >= 1, got {self.levels} and {self.base}")
        if any(rate < 1 for rate in self.dilations):
            raise ValueError(f"dilations must be at least 1, got {self.dilations}")

    def channels(self, level: int) -> int:
        """Channels of the maps `level` halvings down (0 = full size)."""
        return self.base * min(2**level, 8)


class PooledUNet(nn.Module):
    """Pairs of conv3, norm, LeakyReLU(0.2) with 2×2 max-pools between; a middle; then transposed conv3 s2, the
    encoder's map of its size in front, and a pair, for each level. Gives raw values: no activation at the end.
    """

    def __init__(self, shape: PooledShape) -> None:
        super().__init__()
        levels = range(shape.levels)
        sources = [shape.in_channels, *(shape.channels(level) for level in levels)]
        self.downs = nn.ModuleList(
            _chain(sources[level], shape.channels(level), (1, 1), shape.norm) for level in levels
        )
        self.pool = nn.MaxPool2d(2)
        self.middle = _chain(sources[-1], shape.channels(shape.levels), shape.dilations or (1, 1), shape.norm)
        self.lifts, self.ups = nn.ModuleList(), nn.ModuleList()
        for level in reversed(levels):
            target = shape.channels(level)
            lift = nn.ConvTranspose2d(shape.channels(level + 1), target, 3, 2, 1, 1, bias=False)
            self.lifts.append(nn.Sequential(lift, norm_layer(shape.norm, target), nn.LeakyReLU(0.2)))
            self.ups.append(_chain(2 * target, target, (1, 1), shape.norm))
        out: list[nn.Module] = [nn.Conv2d(shape.base, shape.out_channels, 3, 1, 1, bias=False)]
        if shape.mixed:
            out.append(nn.Conv2d(shape.out_channels, shape.out_channels, 1, bias=False))
        self.out = nn.Sequential(*out)

    def forward(self, images: Tensor) -> Tensor:
        """N×in×H×W to N×out×H×W; H and W must divide by 2**levels."""
        maps: list[Tensor] = []
        features = images
        for down in self.downs:
            features = down(features)
            maps.append(features)
            features = self.pool(features)
        features = self.middle(features)
        for lift, up in zip(self.lifts, self.ups, strict=True):
            features = up(torch.cat([maps.pop(), lift(features)], dim=1))
        return self.out(features)


def _chain(source: int, target: int, dilations: tuple[int, ...], norm: str) -> nn.Sequential:
    """One conv3, norm, LeakyReLU(0.2) for each dilation, all but the first at `target` channels."""
    layers: list[nn.Module] = []
    for dilation in dilations:
        conv = nn.Conv2d(source, target, 3, 1, dilation, dilation, bias=False)
        layers += [conv, norm_layer(norm, target), nn.LeakyReLU(0.2)]
        source = target
    return nn.Sequential(*layers)
