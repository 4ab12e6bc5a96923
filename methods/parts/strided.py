"""U-Nets of strided 3×3 convolutions without biases: the networks of face-mask removal, v1 and v2's later form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from methods.parts.norm import norm_layer


class SqueezeExcite(nn.Module):
    """Channel gates from channel means (Hu et al. 2018): mean, 1×1 conv, ReLU, 1×1 conv, sigmoid; 16 times narrower."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(1, channels // reduction)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W, same shape out."""
        return features * self.gate(features)


class Aspp(nn.Module):
    """Atrous pyramid (Chen et al. 2017): 1×1, 3×3 at each dilation rate, and the global mean, joined by a 1×1 conv.

    The norm stands behind the joining conv only: the branch of the mean has one pixel, which a norm would wipe out.
    """

    def __init__(self, channels: int, rates: Sequence[int], norm: str) -> None:
        super().__init__()
        self.point = nn.Conv2d(channels, channels, 1, bias=False)
        self.atrous = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, r, r, bias=False) for r in rates)
        self.mean = nn.Conv2d(channels, channels, 1, bias=False)
        self.join = nn.Conv2d(channels * (2 + len(rates)), channels, 1, bias=False)
        self.norm = norm_layer(norm, channels)

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W, same shape out."""
        mean = self.mean(features.mean((2, 3), keepdim=True)).expand_as(features)
        branches = [self.point(features), *(atrous(features) for atrous in self.atrous), mean]
        joined = self.join(functional.leaky_relu(torch.cat(branches, dim=1), 0.2))
        return functional.leaky_relu(self.norm(joined), 0.2)


@dataclass(frozen=True)
class StridedShape:
    """What decides a strided U-Net's layers.

    levels: halvings. base: channels after the first, doubling up to cap × base. excited: first levels with
    squeeze-excitation. rates: dilations of the atrous pyramid in the middle; none = no pyramid. dropout_blocks:
    innermost decoder blocks that end in dropout 0.5. outer_skip: whether the largest map is handed across too. lean:
    no norm on the first conv and in the decoder.
    """

    in_channels: int
    out_channels: int
    levels: int
    base: int
    cap: int = 16
    norm: str = "instance"
    excited: int = 0
    rates: tuple[int, ...] = ()
    dropout_blocks: int = 0
    outer_skip: bool = False
    lean: bool = False

    def __post_init__(self) -> None:
        if self.levels < 2 or self.base < 1:
            raise ValueError(f"a strided U-Net needs levels >= 2 and base >= 1, got {self.levels} and {self.base}")
        if any(rate < 1 for rate in self.rates):
            raise ValueError(f"dilation rates must be at least 1, got {self.rates}")

    def channels(self, level: int) -> int:
        """Channels of the map `level` halvings down (1 = the largest)."""
        return self.base * min(2 ** (level - 1), self.cap)


class StridedUNet(nn.Module):
    """Encoder: conv3 s2, norm, LeakyReLU(0.2); decoder: transposed conv3 s2, norm, ReLU, then the encoder's map of its
    size in front (as the source joins them).

    With an atrous pyramid the decoder begins with a block of stride 1 that gets the innermost map as well. The
    innermost conv has no norm, since its map can be a single pixel. Gives raw values: no activation at the end.
    """

    def __init__(self, shape: StridedShape) -> None:
        super().__init__()
        self.shape = shape
        self.downs = nn.ModuleList(_down(shape, level) for level in range(1, shape.levels + 1))
        middle = shape.channels(shape.levels)
        self.pyramid: Aspp | None = None
        levels = list(range(shape.levels - 1, 0, -1))  # where each decoder block ends
        if shape.rates:
            self.pyramid = Aspp(middle, shape.rates, shape.norm)
            levels.insert(0, shape.levels)
        self.ups = nn.ModuleList()
        source = middle
        for index, level in enumerate(levels):
            target = shape.channels(level)
            self.ups.append(_up(shape, (source, target), level, index < shape.dropout_blocks))
            source = target * (2 if self._joined(level) else 1)
        self.out = nn.ConvTranspose2d(source, shape.out_channels, 3, 2, 1, 1, bias=False)
        self._levels = tuple(levels)

    def forward(self, images: Tensor) -> Tensor:
        """N×in×H×W to N×out×H×W; H and W must divide by 2**levels."""
        maps: list[Tensor] = []
        features = images
        for down in self.downs:
            features = down(features)
            maps.append(features)
        if self.pyramid is not None:
            features = self.pyramid(features)
        for up, level in zip(self.ups, self._levels, strict=True):
            features = up(features)
            if self._joined(level):
                features = torch.cat([maps[level - 1], features], dim=1)
        return self.out(features)

    def _joined(self, level: int) -> bool:
        return level > 1 or self.shape.outer_skip


def _down(shape: StridedShape, level: int) -> nn.Sequential:
    """Encoder block that makes the map `level` halvings down."""
    source = shape.in_channels if level == 1 else shape.channels(level - 1)
    target = shape.channels(level)
    layers: list[nn.Module] = [nn.Conv2d(source, target, 3, 2, 1, bias=False)]
    if level < shape.levels and not (shape.lean and level == 1):
        layers.append(norm_layer(shape.norm, target))
    layers.append(nn.LeakyReLU(0.2))
    if level <= shape.excited:
        layers.append(SqueezeExcite(target))
    return nn.Sequential(*layers)


def _up(shape: StridedShape, channels: tuple[int, int], level: int, dropout: bool) -> nn.Sequential:
    """Decoder block from `channels[0]` to `channels[1]` that makes the map `level` halvings down."""
    stride = 1 if level == shape.levels else 2
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(*channels, 3, stride, 1, stride - 1, bias=False),
        nn.Identity() if shape.lean else norm_layer(shape.norm, channels[1]),
        nn.ReLU(),
    ]
    if dropout:
        layers.append(nn.Dropout(0.5))
    return nn.Sequential(*layers)
