"""Image completion's networks (Iizuka et al. 2017): a dilated completion network, a global and a local critic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.parts.norm import conv_bias, norm_layer

OUTPUTS = {"sigmoid": nn.Sigmoid, "linear": nn.Identity}
SMALLEST = 4  # side of the map that a critic's fully connected layer reads


@dataclass(frozen=True)
class CompletionShape:
    """What decides the completion network's layers.

    in_channels: 4 with the mask, 3 without. base: channels of the first layer. dilations: of the trunk's dilated
    layers, at a quarter of the side. output: "sigmoid" or "linear".
    """

    in_channels: int = 4
    base: int = 64
    dilations: tuple[int, ...] = (2, 4, 8, 16)
    norm: str = "batch"
    output: str = "sigmoid"

    def __post_init__(self) -> None:
        if self.base < 2:
            raise ValueError(f"base must be at least 2, got {self.base}")
        if any(not isinstance(each, int) or each < 1 for each in self.dilations):
            raise ValueError(f"dilations must be whole numbers from 1, got {self.dilations!r}")
        if self.output not in OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {self.output!r}")


class CompletionNet(nn.Module):
    """17 layers: down to a quarter of the side, dilated convolutions there, and up again.

    Each is a convolution, a norm and a ReLU, save the last. Layer table: the paper's, as in otenim/GLCIC-PyTorch
    `models.py` and the authors' siggraph2017_inpainting. Weights start from He's normal distribution.
    """

    def __init__(self, shape: CompletionShape) -> None:
        super().__init__()
        base, norm = shape.base, shape.norm
        wide = 4 * base
        layers = [
            _conv(shape.in_channels, base, 5, norm),
            _conv(base, 2 * base, 3, norm, stride=2),
            _conv(2 * base, 2 * base, 3, norm),
            _conv(2 * base, wide, 3, norm, stride=2),
            _conv(wide, wide, 3, norm),
            _conv(wide, wide, 3, norm),
            *(
                _block(nn.Conv2d(wide, wide, 3, padding=d, dilation=d, bias=conv_bias(norm)), norm)
                for d in shape.dilations
            ),
            _conv(wide, wide, 3, norm),
            _conv(wide, wide, 3, norm),
            _block(nn.ConvTranspose2d(wide, 2 * base, 4, 2, 1, bias=conv_bias(norm)), norm),
            _conv(2 * base, 2 * base, 3, norm),
            _block(nn.ConvTranspose2d(2 * base, base, 4, 2, 1, bias=conv_bias(norm)), norm),
            _conv(base, base // 2, 3, norm),
            nn.Sequential(nn.Conv2d(base // 2, 3, 3, padding=1), OUTPUTS[shape.output]()),
        ]
        self.layers = nn.Sequential(*layers)
        init_he(self)

    def forward(self, image: Tensor) -> Tensor:
        """N×in×H×W to N×3×H×W; H and W must divide by 4."""
        # this layout trains a fifth faster on a CPU, and suits a GPU
        return self.layers(image.contiguous(memory_format=torch.channels_last))


class Tower(nn.Module):
    """5×5 convolutions of stride 2 until the map is 4 pixels wide, then one fully connected layer: N×3×S×S to N×F.

    A 256-pixel tower has six convolutions, a 128-pixel one five. Channels double from `base` up to 8 × base.
    """

    def __init__(self, side: int, base: int, features: int, norm: str) -> None:
        super().__init__()
        if side < 2 * SMALLEST:
            raise ValueError(f"a critic's window must be at least {2 * SMALLEST} pixels wide, got {side}")
        layers: list[nn.Module] = []
        source = 3
        while side > SMALLEST:
            target = base * min(2 ** len(layers), 8)
            layers.append(_conv(source, target, 5, norm, stride=2))
            source, side = target, math.ceil(side / 2)
        self.convs = nn.Sequential(*layers)
        self.dense = nn.Sequential(nn.Flatten(), nn.Linear(source * side * side, features), nn.ReLU())

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        return self.dense(self.convs(image))


class GlobalLocalCritic(nn.Module):
    """A tower for the whole picture and one for a window of it, fused into one logit."""

    def __init__(self, side: int, local: int, base: int, features: int, norm: str) -> None:
        super().__init__()
        self.whole = Tower(side, base, features, norm)
        self.window = Tower(local, base, features, norm)
        self.fuse = nn.Linear(2 * features, 1)
        init_he(self)

    def forward(self, images: Tensor, windows: Tensor) -> Tensor:
        """N×3×S×S pictures and N×3×L×L windows of them to logits N×1, positive = looks real."""
        return self.fuse(torch.cat([self.whole(images), self.window(windows)], dim=1))


def init_he(network: nn.Module) -> None:
    """He's normal start for every convolution and fully connected layer, biases 0, in place, from the global generator.

    The paper does not say; torch's own start lets a signal die out over 17 layers without a norm.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _conv(source: int, target: int, kernel: int, norm: str, stride: int = 1) -> nn.Sequential:
    return _block(nn.Conv2d(source, target, kernel, stride, kernel // 2, bias=conv_bias(norm)), norm)


def _block(conv: nn.Conv2d | nn.ConvTranspose2d, norm: str) -> nn.Sequential:
    return nn.Sequential(conv, norm_layer(norm, conv.out_channels), nn.ReLU())
