"""Distances between pixels: PSNR of RGB, of luma, and with the blocking penalty."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.metrics.base import PairMetric
from bench.metrics.quantise import full_luma, studio_luma
from bench.metrics.regions import region_mean

CAP = 100.0  # dB of a perfect region: an infinite score would swallow every mean it enters
BLOCK = 8


def decibels(error: Tensor) -> Tensor:
    """Mean squared error of values in [0, 1] as dB, at most 100; NaN stays NaN."""
    return (-10 * torch.log10(error)).clamp(max=CAP)


def psnr(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """PSNR over R, G and B together; see PairMetric for the shapes."""
    return decibels(_squared_error(restored, reference, regions))


def psnr_y(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """PSNR of the studio-range luma; see PairMetric for the shapes."""
    error = (studio_luma(restored) - studio_luma(reference)).square().unsqueeze(1)
    return decibels(region_mean(error, regions)[:, 0])


def psnr_b(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """PSNR with the blocking effect of the restored picture added to the error; see PairMetric for the shapes.

    Yim and Bovik, "Quality Assessment of Deblocked Images", 2011, with the channels and counts of FBCNN's code, which
    printed the tables in use: a gray reference is judged on its gray, a coloured one on rounded studio-range luma.
    """
    gray = (reference == reference[:, :1]).flatten(1).all(1)
    luma = torch.where(gray[:, None, None], full_luma(restored), studio_luma(restored))
    return decibels(_squared_error(restored, reference, regions) + _blocking_effect(luma, regions))


def _squared_error(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """Mean over three channels and each region: N×R."""
    difference = restored.double().sub_(reference)
    return region_mean(difference.mul_(difference), regions).mean(1)


def _blocking_effect(luma: Tensor, regions: Tensor) -> Tensor:
    """How much rougher the edges of the 8×8 grid are than the rest: luma N×H×W in [0, 1] -> N×R, at least 0.

    A pair of neighbours counts for a region that holds both. A region without pairs of both sorts has no such effect.
    """
    height, width = luma.shape[1:]
    steps = []  # per axis: squared steps N×P, weights N×R×P, whether a step crosses the grid P
    for axis in (-1, -2):
        size = luma.shape[axis]
        here, there = range(size - 1), range(1, size)
        pair = [torch.tensor(list(each), device=luma.device) for each in (here, there)]
        step = (luma.index_select(axis, pair[1]) - luma.index_select(axis, pair[0])).square()
        both = regions.index_select(axis, pair[0]) * regions.index_select(axis, pair[1])
        crosses = (pair[0] % BLOCK == BLOCK - 1).double().unsqueeze(0 if axis == -1 else 1).expand(step.shape[1:])
        steps.append((step, both.double(), crosses))
    edge_sum, edge_count = _pair_sums(steps, True)
    rest_sum, rest_count = _pair_sums(steps, False)
    # The published code counts H(W/8 - 1) + W(H/8 - 1) grid pairs, which is not their number unless 8 divides the size.
    nominal = height * (width / BLOCK - 1) + width * (height / BLOCK - 1)
    actual = sum(float(crosses.sum()) for _, _, crosses in steps)
    pairs = sum(crosses.numel() for _, _, crosses in steps)
    edge = edge_sum / edge_count * (actual / nominal)
    rest = rest_sum / rest_count * ((pairs - actual) / (pairs - nominal))
    share = math.log2(BLOCK) / math.log2(min(height, width))
    return (share * (edge - rest)).clamp(min=0).nan_to_num(nan=0.0, posinf=0.0)


def _pair_sums(steps: list[tuple[Tensor, Tensor, Tensor]], edges: bool) -> tuple[Tensor, Tensor]:
    """Summed squared steps and their number per region, N×R each, over steps that cross the grid or that do not."""
    total = count = torch.zeros(())
    for step, both, crosses in steps:
        weight = both * (crosses if edges else 1 - crosses)
        total = total.to(step) + torch.einsum("nhw,nrhw->nr", step, weight)
        count = count.to(step) + weight.flatten(2).sum(2)
    return total, count


METRICS = (
    PairMetric(
        id="psnr",
        definition=(
            "10 log10(1 / MSE), per picture, MSE over R, G, B and the region's pixels, values in [0, 1] on the uint8 "
            "grid, no border cropped; at most 100 dB (identical regions score 100)"
        ),
        group="fidelity",
        higher_is_better=True,
        unit="dB",
        matters=0.1,
        library="restorebench",
        source="equals skimage.metrics.peak_signal_noise_ratio",
        compute=psnr,
    ),
    PairMetric(
        id="psnr_y",
        definition=(
            "PSNR with peak 255 of BT.601 studio-range luma (16-235, rounded as MATLAB's rgb2ycbcr does for "
            "uint8), per picture, no border cropped; at most 100 dB"
        ),
        group="fidelity",
        higher_is_better=True,
        unit="dB",
        matters=0.1,
        library="restorebench",
        source="the luma of JPEG and super-resolution tables; BasicSR does not round, which gives up to 0.03 dB more",
        compute=psnr_y,
    ),
    PairMetric(
        id="psnr_b",
        definition=(
            "PSNR whose MSE (R, G, B) is raised by the blocking effect factor of the restored picture on the 8×8 grid "
            "from the top left: on its gray when the reference is gray, else on rounded BT.601 studio-range luma; "
            "a region counts neighbour pairs inside it, none of them means no penalty; at most 100 dB, "
            "which even the truth misses where its own edges lie on the grid"
        ),
        group="fidelity",
        higher_is_better=True,
        unit="dB",
        matters=0.1,
        library="restorebench",
        source="Yim and Bovik, 2011, doi:10.1109/TIP.2010.2061859; FBCNN, utils/utils_image.py",
        min_side=16,
        compute=psnr_b,
    ),
)
