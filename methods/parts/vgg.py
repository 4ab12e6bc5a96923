"""Distance between pictures in VGG19's features: the perceptual loss of face-mask removal v2."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

import pretrained

TAPS = (17, 26, 35)  # behind the ReLU of block3_conv4, block4_conv4, block5_conv4
CHANNELS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)  # 0 = max-pool
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg19(nn.Module):
    """VGG19's convolutions up to block5_conv4 (Simonyan and Zisserman 2015), numbered as torchvision's `features`."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        source = 3
        for target in CHANNELS:
            if target:
                layers += [nn.Conv2d(source, target, 3, 1, 1), nn.ReLU()]
                source = target
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """N×3×H×W in [-1, 1], at least 16 pixels a side, to the maps at TAPS."""
        features = ((images + 1) / 2 - self.mean) / self.std
        maps = []
        for index, layer in enumerate(self.features):
            features = layer(features)
            if index in TAPS:
                maps.append(features)
        return maps


def vgg19_distance(output: Tensor, truth: Tensor) -> Tensor:
    """Sum over the three maps of their mean squared difference; pictures in [-1, 1]. Gradients reach `output` alone.

    Raises ValueError when the trained weights cannot be had.
    """
    network = vgg19(output.device)
    with torch.no_grad():
        wanted = network(truth)
    pairs = zip(network(output), wanted, strict=True)
    return torch.stack([functional.mse_loss(one, other) for one, other in pairs]).sum()


@functools.cache
def vgg19(device: torch.device) -> Vgg19:
    """The trained network, frozen, on a device; kept for the process. Raises ValueError."""
    network = Vgg19()
    pretrained.trunk("vgg19").fill(network.features, "VGG19")
    return network.requires_grad_(False).eval().to(device)
