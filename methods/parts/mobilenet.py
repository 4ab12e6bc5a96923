"""The MobileNetV2 encoder: torchvision's layers without the classifier's, giving one map per halving."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import mobilenet_v2

import pretrained

TAPS = (1, 3, 6, 13, 17)  # the last block at 1/2, 1/4, 1/8, 1/16, 1/32; the 1280-channel layer after it is left out
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pictures, as torchvision trains with


class MobileEncoder(nn.Module):
    """MobileNetV2 (Sandler et al. 2018) up to its last inverted residual; at width 1 maps of 16, 24, 32, 96, 320.

    Tensors have torchvision's names after `features.`, and its initialisation. width scales the channels.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        if width <= 0:
            raise ValueError(f"an encoder's width must be above 0, got {width}")
        blocks = mobilenet_v2(weights=None, width_mult=width).features[: TAPS[-1] + 1]
        self.blocks = blocks
        self.channels: tuple[int, ...] = tuple(int(blocks[tap].out_channels) for tap in TAPS)

    def forward(self, images: Tensor) -> list[Tensor]:
        """N×3×H×W, normalised, sides multiples of 32, to the maps at 1/2 ... 1/32."""
        maps = []
        features = images
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in TAPS:
                maps.append(features)
        return maps

    def load_imagenet(self) -> str:
        """Take the ImageNet weights; returns their file's SHA-256. Raises ValueError when they cannot be had."""
        trunk = pretrained.trunk("mobilenet_v2")
        trunk.fill(self.blocks, "MobileNetV2")
        return trunk.digest


def normalised(images: Tensor) -> Tensor:
    """[0, 1] to ImageNet's mean 0 and deviation 1: about -2.1 to 2.6."""
    return (images - images.new_tensor(MEAN).view(3, 1, 1)) / images.new_tensor(DEVIATION).view(3, 1, 1)


def pictures(features: Tensor) -> Tensor:
    """The reverse of `normalised`, in float32."""
    wide = features.float()
    return wide * wide.new_tensor(DEVIATION).view(3, 1, 1) + wide.new_tensor(MEAN).view(3, 1, 1)
