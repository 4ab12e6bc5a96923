"""Losses on structure, for training without a trained network: MS-SSIM and gradients at several scales. In float32."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

C1, C2 = 0.01**2, 0.03**2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli, Bovik 2003
WINDOW = 11


def similarity(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM's luminance and contrast-structure maps, Gaussian window of 11, sigma 1.5, wholly inside the picture.

    x, y: N×C×H×W in [0, 1] -> N×C×(H-10)×(W-10) twice.
    """
    mean_x, mean_y = _means(x), _means(y)
    squares = _means(x * x + y * y) - mean_x.square() - mean_y.square()
    product = _means(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    return luminance, (2 * product + C2) / (squares + C2)


def ms_ssim_loss(restored: Tensor, clean: Tensor) -> Tensor:
    """1 - MS-SSIM, mean over pictures; N×C×H×W in [0, 1], the shorter side at least 11.

    With as many of the five scales as fit, their weights scaled to sum 1, and each scale's mean mapped from [-1, 1] to
    [0, 1], as ARNet does it: a negative mean has no power.
    """
    with torch.autocast(restored.device.type, enabled=False):  # variances are differences of near equals
        x, y = restored.float(), clean.float()
        weights = WEIGHTS[: scales(min(x.shape[2:]))]
        logarithm = x.new_zeros(x.shape[:2])
        for index, weight in enumerate(weights):
            if index:
                x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
            luminance, contrast = similarity(x, y)
            maps = luminance * contrast if index == len(weights) - 1 else contrast
            mapped = ((maps.mean((2, 3)) + 1) / 2).clamp(min=1e-6)
            logarithm = logarithm + weight / sum(weights) * mapped.log()
        return 1 - logarithm.exp().mean()


def scales(side: int) -> int:
    """How many of MS-SSIM's five scales have room for the window. Raises ValueError when none has."""
    if side < WINDOW:
        raise ValueError(f"SSIM needs pictures of at least {WINDOW} pixels a side, got {side}")
    return min(len(WEIGHTS), 1 + int(math.log2(side / WINDOW)))


def gradient_loss(restored: Tensor, clean: Tensor, levels: int = 3) -> Tensor:
    """Mean absolute difference of the differences between neighbours, at so many halvings; N×C×H×W."""
    error = restored - clean  # differences are linear, and so is halving
    total = error.new_zeros(())
    for level in range(levels):
        if level:
            error = functional.avg_pool2d(error, 2)
        total = total + error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
    return total / levels


def structure_loss(restored: Tensor, clean: Tensor) -> Tensor:
    """L1 + (1 - MS-SSIM) + gradients: what stands in for LPIPS where no trained network is at hand."""
    return functional.l1_loss(restored, clean) + ms_ssim_loss(restored, clean) + gradient_loss(restored, clean)


@functools.cache
def _taps() -> tuple[float, ...]:
    taps = [math.exp(-((each - WINDOW // 2) ** 2) / (2 * 1.5**2)) for each in range(WINDOW)]
    return tuple(tap / sum(taps) for tap in taps)


def _means(planes: Tensor) -> Tensor:
    """Weighted means under the window: N×C×H×W -> N×C×(H-10)×(W-10)."""
    channels = planes.shape[1]
    row = torch.tensor(_taps(), dtype=planes.dtype, device=planes.device).expand(channels, 1, 1, WINDOW)
    across = functional.conv2d(planes, row, groups=channels)
    return functional.conv2d(across, row.mT, groups=channels)
