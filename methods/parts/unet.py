"""The pix2pix generator: a U-Net of stride-2 convolutions with a skip at every level."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.parts.noise import AlwaysOnDropout
from methods.parts.norm import conv_bias, norm_layer


@dataclass(frozen=True)
class UNetShape:
    """What decides a U-Net's layers.

    levels: halvings of the side. base: channels after the first, doubling up to 8 × base. dropout_blocks: innermost
    decoder blocks that end in dropout 0.5. norm: "instance" or "batch". noise_seed: of the dropout in eval mode.
    """

    levels: int = 8
    base: int = 64
    dropout_blocks: int = 3
    norm: str = "instance"
    noise_seed: int = 0
    in_channels: int = 3
    out_channels: int = 3

    def __post_init__(self) -> None:
        if self.levels < 2 or self.base < 1:
            raise ValueError(f"a U-Net needs levels >= 2 and base >= 1, got {self.levels} and {self.base}")
        if not 0 <= self.dropout_blocks < self.levels:
            raise ValueError(f"dropout_blocks must be 0 to levels - 1 = {self.levels - 1}, got {self.dropout_blocks}")

    def channels(self, level: int) -> int:
        """Channels of the encoder's map `level` halvings down (1 = the largest)."""
        return self.base * min(2 ** (level - 1), 8)


class UNet(nn.Module):
    """Paper U-Net of pix2pix (Isola et al. 2017; layer table of phillipi/pix2pix `defineG_unet`).

    Encoder: conv k4 s2 p1 with LeakyReLU(0.2) before and a norm after, save that the first has neither and the
    innermost, whose map can be a single pixel, has no norm. Decoder: ReLU, transposed conv k4 s2 p1, norm, dropout in
    the innermost blocks; each gets the encoder's map of its size behind its own input.
    """

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        levels = range(1, shape.levels + 1)
        self.downs = nn.ModuleList(_down(shape, level) for level in levels)
        self.ups = nn.ModuleList(_up(shape, level) for level in reversed(levels))

    def forward(self, image: Tensor) -> Tensor:
        """N×in×H×W in [-1, 1] to N×out×H×W in [-1, 1]; H and W must divide by 2**levels."""
        skips = []
        features = image
        for down in self.downs:
            features = down(features)
            skips.append(features)
        features = skips.pop()
        for up in self.ups:
            features = up(features)
            if skips:  # before or after its LeakyReLU is the same: the next block's ReLU maps both to one value
                features = torch.cat([features, skips.pop()], dim=1)
        return torch.tanh(features)


def _down(shape: UNetShape, level: int) -> nn.Sequential:
    """Encoder block that makes the map `level` halvings down."""
    first, innermost = level == 1, level == shape.levels
    source = shape.in_channels if first else shape.channels(level - 1)
    target = shape.channels(level)
    layers: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
    layers.append(nn.Conv2d(source, target, 4, 2, 1, bias=conv_bias(shape.norm)))
    if not (first or innermost):
        layers.append(norm_layer(shape.norm, target))
    return nn.Sequential(*layers)


def _up(shape: UNetShape, level: int) -> nn.Sequential:
    """Decoder block from the map `level` halvings down to the one above it."""
    source = shape.channels(level) * (1 if level == shape.levels else 2)  # all but the innermost also get a skip
    if level == 1:
        return nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(source, shape.out_channels, 4, 2, 1))
    target = shape.channels(level - 1)
    layers: list[nn.Module] = [
        nn.ReLU(),
        nn.ConvTranspose2d(source, target, 4, 2, 1, bias=conv_bias(shape.norm)),
        norm_layer(shape.norm, target),
    ]
    if level > shape.levels - shape.dropout_blocks:
        layers.append(AlwaysOnDropout(0.5, shape.noise_seed + level))
    return nn.Sequential(*layers)
