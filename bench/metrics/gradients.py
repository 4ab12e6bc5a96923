"""Likeness of gradients: GMSD and HaarPSI as piq defines them, by sums of shifted planes in place of convolutions.

Xue, Zhang, Mou, Bovik, 2013, arXiv:1308.3052. Reisenhofer, Bosse, Kutyniok, Wiegand, 2018, arXiv:1607.06140.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics.windows import block_means

LUMA = (0.299, 0.587, 0.114)
YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
PREWITT = (1.0, 1.0, 1.0)
SCHARR = (3.0, 10.0, 3.0)
FLOAT32_EPS = torch.finfo(torch.float32).eps


def mix(pictures: Tensor, weights: tuple[float, ...]) -> Tensor:
    """A weighted sum of the channels: N×3×H×W -> N×H×W."""
    red, green, blue = pictures.unbind(1)
    return (red * weights[0]).add_(green, alpha=weights[1]).add_(blue, alpha=weights[2])


def alike(x: Tensor, y: Tensor, constant: float) -> Tensor:
    """(2 x y + c) / (x² + y² + c): 1 where both are equal."""
    return (x * y).mul_(2).add_(constant).div_((x * x).addcmul_(y, y).add_(constant))


def gradient(planes: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Magnitude of the gradient, smoothed across by three symmetric taps that are scaled to sum to 1; zeros outside.

    N×H×W -> N×H×W.
    """
    side, middle = taps[0] / sum(taps), taps[1] / sum(taps)
    padded = F.pad(planes, (1, 1, 1, 1))
    down = (padded[:, :-2] + padded[:, 2:]).mul_(side).add_(padded[:, 1:-1], alpha=middle)
    along = (padded[:, :, :-2] + padded[:, :, 2:]).mul_(side).add_(padded[:, :, 1:-1], alpha=middle)
    across = down[:, :, 2:] - down[:, :, :-2]
    downward = along[:, 2:] - along[:, :-2]
    return across.mul_(across).addcmul_(downward, downward).sqrt_()


def gradient_deviation(x: Tensor, y: Tensor) -> Tensor:
    """GMSD of pictures N×3×H×W in [0, 1] -> float64 N, 0 for equal ones."""
    first, second = (gradient(_halve(mix(each, LUMA).unsqueeze(1))[:, 0], PREWITT) for each in (x, y))
    likeness = alike(first, second, 170 / 255**2).double().flatten(1)
    return likeness.std(1, correction=0)


def haar_likeness(x: Tensor, y: Tensor) -> Tensor:
    """HaarPSI of pictures N×3×H×W in [0, 1] -> float64 N. Rounding may lift equal ones above 1, black ones to inf."""
    ours, theirs = (_haar_maps(_halve(each * 255)) for each in (x, y))
    numerator = denominator = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    weights = []
    for axis in (0, 1):
        pairs = [(mine[axis], other[axis]) for mine, other in zip(ours[:3], theirs[:3], strict=True)]
        fine = [alike(*pair, 30.0) for pair in pairs[:2]]
        weights.append(torch.maximum(*pairs[2]))
        numerator = numerator + _weighted(fine, weights[-1])
        denominator = denominator + weights[-1].sum((1, 2), dtype=torch.float64)
    weight = (weights[0] + weights[1]) / 2
    colours = [alike(mine, other, 30.0) for mine, other in zip(ours[3], theirs[3], strict=True)]
    numerator = numerator + _weighted(colours, weight) + FLOAT32_EPS
    share = numerator / (denominator + weight.sum((1, 2), dtype=torch.float64) + FLOAT32_EPS)
    return (torch.logit(share) / 4.2).square()


def _weighted(likenesses: list[Tensor], weight: Tensor) -> Tensor:
    """Sum over the picture of the weighted sigmoid of two maps' mean: N."""
    return (likenesses[0] + likenesses[1]).mul_(4.2 / 2).sigmoid_().mul_(weight).sum((1, 2), dtype=torch.float64)


def _haar_maps(pictures: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Absolute Haar responses of luma at three scales (down, across), then smoothed I and Q: each N×H×W."""
    luma, *colours = (mix(pictures, weights) for weights in YIQ)
    maps = [_haar(luma, side) for side in (2, 4, 8)]
    smooth = [_run(_run(F.pad(each, (0, 1, 0, 1)), 2, 1), 2, 2).div_(4).abs_() for each in colours]
    return [*maps, (smooth[0], smooth[1])]


def _haar(planes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """|top half - bottom half| and |left half - right half| of side×side squares over side; zeros outside."""
    half = side // 2
    padded = F.pad(planes, (half - 1, half, half - 1, half))
    wide, tall = _run(_run(padded, side, 2), half, 1), _run(_run(padded, side, 1), half, 2)
    down, across = wide[:, :-half] - wide[:, half:], tall[:, :, :-half] - tall[:, :, half:]
    return down.div_(side).abs_(), across.div_(side).abs_()


def _run(planes: Tensor, length: int, axis: int) -> Tensor:
    """Sums of `length` (a power of two) neighbours along an axis, which loses length - 1 entries."""
    step = 1
    while step < length:
        size = planes.shape[axis] - step
        planes = planes.narrow(axis, 0, size) + planes.narrow(axis, step, size)
        step *= 2
    return planes


def _halve(pictures: Tensor) -> Tensor:
    """2×2 means, zeros added at the bottom right when a side is odd, as piq does: N×C×H×W -> N×C×H'×W'."""
    if pictures.shape[2] % 2 or pictures.shape[3] % 2:
        pictures = F.pad(pictures, (0, 1, 0, 1))
    return block_means(pictures, 2)
