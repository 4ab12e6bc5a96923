"""The generator of TensorFlow's pix2pix tutorial: pix2pix's U-Net in Keras's form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.parts.noise import AlwaysOnDropout
from methods.parts.norm import conv_bias, norm_layer
from methods.parts.unet import UNetShape

SLOPE = 0.3  # Keras's LeakyReLU unless told otherwise


class KerasUNet(nn.Module):
    """U-Net of tensorflow/docs `pix2pix.ipynb`, as DotCSV's demo runs it.

    Channels and kernels are those of methods.parts.unet.UNet. Unlike there, every block is conv, norm, activation; so
    the decoder meets its skips after their LeakyReLU(0.3), negative values included. innermost_norm: whether the
    innermost block has a norm too, as in the tutorial.
    """

    def __init__(self, shape: UNetShape, innermost_norm: bool = False) -> None:
        super().__init__()
        levels = range(1, shape.levels + 1)
        bare = (1,) if innermost_norm else (1, shape.levels)
        self.downs = nn.ModuleList(_down(shape, level, normed=level not in bare) for level in levels)
        self.ups = nn.ModuleList(_up(shape, level) for level in reversed(levels[1:]))
        self.last = nn.ConvTranspose2d(2 * shape.base, shape.out_channels, 4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """N×in×H×W in [-1, 1] to N×out×H×W in [-1, 1]; H and W must divide by 2**levels."""
        skips = []
        features = image
        for down in self.downs:
            features = down(features)
            skips.append(features)
        skips.pop()
        for up in self.ups:
            features = torch.cat([up(features), skips.pop()], dim=1)
        return torch.tanh(self.last(features))


def _down(shape: UNetShape, level: int, normed: bool) -> nn.Sequential:
    """Encoder block that makes the map `level` halvings down."""
    source = shape.in_channels if level == 1 else shape.channels(level - 1)
    target = shape.channels(level)
    layers: list[nn.Module] = [nn.Conv2d(source, target, 4, 2, 1, bias=conv_bias(shape.norm))]
    if normed:
        layers.append(norm_layer(shape.norm, target))
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE))


def _up(shape: UNetShape, level: int) -> nn.Sequential:
    """Decoder block from the map `level` halvings down to the one above it."""
    source = shape.channels(level) * (1 if level == shape.levels else 2)  # all but the innermost also get a skip
    target = shape.channels(level - 1)
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(source, target, 4, 2, 1, bias=conv_bias(shape.norm)),
        norm_layer(shape.norm, target),
    ]
    if level > shape.levels - shape.dropout_blocks:
        layers.append(AlwaysOnDropout(0.5, shape.noise_seed + level))
    return nn.Sequential(*layers, nn.ReLU())
