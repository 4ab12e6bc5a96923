"""MobileFaceNet (Chen et al. 2018, arXiv:1804.07573): whose face it is, as 128 numbers."""

from __future__ import annotations

import functools
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrained.resolve import fit, load

HEIGHT, WIDTH = 112, 96
# Where SphereFace's alignment, with which the weights were trained, puts eyes, nose tip and mouth corners: x, y.
TEMPLATE = ((30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655), (62.7299, 92.2041))
# The paper's table 1: expansion, channels, repeats, stride of the first.
STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


class Bottleneck(nn.Module):
    """Widen, filter each channel, narrow without a non-linearity; added to the input where shapes allow."""

    def __init__(self, before: int, after: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide, self.residual = before * expansion, stride == 1 and before == after
        self.conv = nn.Sequential(
            nn.Conv2d(before, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.PReLU(wide),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.PReLU(wide),
            nn.Conv2d(wide, after, 1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """N×before×H×W to N×after×H/stride×W/stride."""
        return x + self.conv(x) if self.residual else self.conv(x)


def build() -> nn.Sequential:
    """The network N×3×112×96 -> N×128×1×1, untrained, its parts named as in the published weights."""
    blocks: list[nn.Module] = []
    channels = 64
    for expansion, after, repeats, stride in STAGES:
        for number in range(repeats):
            blocks.append(Bottleneck(channels, after, 1 if number else stride, expansion))
            channels = after
    parts: dict[str, nn.Module] = {
        "conv1": _layer(nn.Conv2d(3, 64, 3, 2, 1, bias=False)),
        "dw_conv1": _layer(nn.Conv2d(64, 64, 3, 1, 1, groups=64, bias=False)),
        "blocks": nn.Sequential(*blocks),
        "conv2": _layer(nn.Conv2d(channels, 512, 1, bias=False)),
        "linear7": _layer(nn.Conv2d(512, 512, (7, 6), groups=512, bias=False), linear=True),
        "linear1": _layer(nn.Conv2d(512, 128, 1, bias=False), linear=True),
    }
    return nn.Sequential(OrderedDict(parts))


def _layer(conv: nn.Conv2d, linear: bool = False) -> nn.Sequential:
    channels = conv.out_channels
    parts: dict[str, nn.Module] = {"conv": conv, "bn": nn.BatchNorm2d(channels)}
    if not linear:
        parts["prelu"] = nn.PReLU(channels)
    return nn.Sequential(OrderedDict(parts))


@functools.lru_cache(maxsize=4)
def network(device: torch.device) -> nn.Sequential:
    """The network with its published weights, frozen, in eval mode. Raises Unavailable."""
    with torch.device("meta"):
        found = build()
    fit(found, load("mobilefacenet"), "MobileFaceNet")
    return found.eval().requires_grad_(False).to(device)


def align(pictures: Tensor, landmarks: Tensor) -> Tensor:
    """N×3×H×W faces moved and scaled onto the template: N×3×112×96, bilinear, black outside.

    landmarks: N×5×2, x and y in pixels of the pictures: eyes, nose tip, mouth corners, left being the smaller x.
    """
    height, width = pictures.shape[-2:]
    turn, shift = _similarity(landmarks.double().cpu())
    y, x = torch.meshgrid(torch.arange(HEIGHT).double(), torch.arange(WIDTH).double(), indexing="ij")
    places = torch.stack((x, y), dim=-1).reshape(1, -1, 2) @ turn.transpose(1, 2) + shift[:, None]
    size = torch.tensor([width, height], dtype=torch.float64)
    grid = ((2 * places + 1) / size - 1).reshape(-1, HEIGHT, WIDTH, 2).to(pictures)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _similarity(landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation with scale N×2×2 and shift N×2 that take template pixels to picture pixels.

    The inverse of the least-squares similarity from landmarks to template, as SphereFace's alignment fits it.
    """
    goal = torch.tensor(TEMPLATE, dtype=torch.float64)
    middle, goal_middle = landmarks.mean(1, keepdim=True), goal.mean(0)
    p, q = landmarks - middle, goal - goal_middle
    size = p.square().sum((1, 2)).clamp(min=1e-9)
    cos = (p * q).sum((1, 2)) / size
    sin = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / size
    scale = (cos.square() + sin.square()).clamp(min=1e-9)
    turn = torch.stack((cos, sin, -sin, cos), dim=1).reshape(-1, 2, 2) / scale[:, None, None]
    return turn, middle[:, 0] - turn @ goal_middle


def embed(pictures: Tensor, landmarks: Tensor) -> Tensor:
    """The faces in pictures float32 N×3×H×W, RGB in [0, 1], as N×128; not of unit length. Landmarks as in align.

    Raises Unavailable without the weights.
    """
    model = network(pictures.device)
    with torch.inference_mode():
        return model((align(pictures, landmarks) * 255 - 127.5) / 128).flatten(1)
