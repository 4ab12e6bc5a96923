"""The three trunks that LPIPS is defined on, for inference: torchvision's `features.*` by torchvision's names.

Made here since importing torchvision and lpips takes longer than scoring twenty pictures. Krizhevsky, 2014,
arXiv:1404.5997; Simonyan, Zisserman, 2015, arXiv:1409.1556; Iandola et al., 2016, arXiv:1602.07360 (version 1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of lpips, for pictures in [-1, 1]


class Pointwise(nn.Conv2d):
    """A 1×1 convolution with every row as a picture of its own: N×C×H×W -> N×D×H×W.

    On one thread torch passes few pictures to a slower routine.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any number of pictures; in channels_last the rows are a view."""
        count, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(-1, 1, width, channels).permute(0, 3, 1, 2)
        return super().forward(rows).permute(0, 2, 3, 1).reshape(count, height, width, -1).permute(0, 3, 1, 2)


class Fire(nn.Module):
    """SqueezeNet's module: few channels, then twice `wide`, half of them by 1×1 windows."""

    def __init__(self, channels: int, few: int, wide: int) -> None:
        super().__init__()
        self.squeeze = Pointwise(channels, few, 1)
        self.expand1x1 = Pointwise(few, wide, 1)
        self.expand3x3 = nn.Conv2d(few, wide, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N×channels×H×W -> N×(2 wide)×H×W."""
        few = self.squeeze(x).relu_()
        return torch.cat([self.expand1x1(few), self.expand3x3(few)], 1).relu_()


def _alex() -> list[nn.Module]:
    sizes = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
    layers: list[nn.Module] = []
    for number, size in enumerate(sizes):
        if number in (1, 2):
            layers.append(nn.MaxPool2d(3, 2))
        layers += [nn.Conv2d(*size), nn.ReLU(inplace=True)]
    return layers


def _vgg() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for number, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        if number:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
    return layers


def _squeeze() -> list[nn.Module]:
    sizes = [(64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128)]
    sizes += [(256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256)]
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(inplace=True)]
    for number, size in enumerate(sizes):
        if number in (0, 2, 4):
            layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        layers.append(Fire(*size))
    return layers


# How a trunk is built, and the layers whose output LPIPS compares.
TRUNKS: dict[str, tuple[Callable[[], list[nn.Module]], tuple[int, ...]]] = {
    "alex": (_alex, (1, 4, 7, 9, 11)),
    "vgg": (_vgg, (3, 8, 15, 22, 29)),
    "squeeze": (_squeeze, (1, 4, 7, 9, 10, 11, 12)),
}


class Features(nn.Module):
    """A key of TRUNKS and the weights of its heads; `layers` has torchvision's names."""

    def __init__(self, net: str) -> None:
        super().__init__()
        build, self.seen = TRUNKS[net]
        self.layers = nn.Sequential(*build())
        self.heads: list[Tensor] = []

    def forward(self, pictures: Tensor) -> Iterator[Tensor]:
        """N×3×H×W in [0, 1] -> what LPIPS compares, one layer after the other; each is overwritten by none."""
        scale, shift = (torch.tensor(each, device=pictures.device).view(3, 1, 1) for each in (SCALE, SHIFT))
        x = torch.addcmul(-(1 + shift) / scale, pictures, 2 / scale)
        x = x.contiguous(memory_format=torch.channels_last)  # the layout that is fastest on a CPU
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in self.seen:
                yield x
