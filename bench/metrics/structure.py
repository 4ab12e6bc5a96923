"""Structural similarity: SSIM in the windows that the literature uses, and MS-SSIM."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics.base import PairMetric
from bench.metrics.quantise import studio_luma
from bench.metrics.regions import region_mean
from bench.metrics.windows import UNIFORM, block_means, centres, gaussian, similarity

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli, Bovik, 2003


def _window_mean(x: Tensor, y: Tensor, regions: Tensor, taps: tuple[float, ...], light: bool = True) -> Tensor:
    """Mean of the similarity map over the window centres in each region: N×C×H×W in [0, 1] twice -> N×C×R."""
    maps = similarity(x.flatten(0, 1), y.flatten(0, 1), taps, light)
    return region_mean(maps.unflatten(0, x.shape[:2]), centres(regions, taps))


def ssim(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """SSIM in a Gaussian window; see PairMetric for the shapes."""
    return _window_mean(restored, reference, regions, gaussian()).mean(1)


def ssim_y(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """SSIM of the studio-range luma in a Gaussian window; see PairMetric for the shapes."""
    x, y = (studio_luma(each).to(restored.dtype).unsqueeze(1) for each in (restored, reference))
    return _window_mean(x, y, regions, gaussian())[:, 0]


def ssim_uniform8(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """SSIM in a uniform 8×8 window; see PairMetric for the shapes."""
    return _window_mean(restored, reference, regions, UNIFORM).mean(1)


def ms_ssim(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """Five-scale SSIM; see PairMetric for the shapes."""
    x, y, weights = restored, reference, regions
    score = torch.ones((), dtype=torch.float64, device=x.device)
    for scale, exponent in enumerate(SCALES):
        if scale:
            x, y, weights = (_halve(each) for each in (x, y, weights))
        means = _window_mean(x, y, weights, gaussian(), light=scale == len(SCALES) - 1)
        score = score * means.clamp(min=0) ** exponent
    return score.mean(1)


def _halve(planes: Tensor) -> Tensor:
    """2×2 means, an odd side first extended at the top left as piq does: N×C×H×W -> N×C×H'×W'."""
    if planes.shape[2] % 2 or planes.shape[3] % 2:
        planes = F.pad(planes, (1, 0, 1, 0), mode="replicate")
    return block_means(planes, 2)


_COMMON = (
    "K1 0.01, K2 0.03, data range 1, population covariance, windows wholly inside the picture, no downsampling; "
    "a region averages the map where the window's centre lies in it, identical regions score 1"
)
_WANG = "Wang, Bovik, Sheikh, Simoncelli, 2004, doi:10.1109/TIP.2003.819861"
METRICS = (
    PairMetric(
        id="ssim",
        definition=f"SSIM in an 11×11 Gaussian window, sigma 1.5, mean of R, G, B; {_COMMON}",
        group="fidelity",
        higher_is_better=True,
        unit="",
        matters=0.005,
        library="restorebench",
        source=f"{_WANG}; equals piq.ssim(downsample=False) and skimage with gaussian_weights",
        min_side=11,
        compute=ssim,
    ),
    PairMetric(
        id="ssim_y",
        definition=(
            "SSIM in an 11×11 Gaussian window, sigma 1.5, of BT.601 studio-range luma (16-235, rounded, over 255); "
            f"{_COMMON}"
        ),
        group="fidelity",
        higher_is_better=True,
        unit="",
        matters=0.005,
        library="restorebench",
        source=f"{_WANG}; the luma of JPEG and super-resolution tables",
        min_side=11,
        compute=ssim_y,
    ),
    PairMetric(
        id="ssim_uniform8",
        definition=f"SSIM in a uniform 8×8 window (centre: its fifth pixel), mean of R, G, B; {_COMMON}",
        group="fidelity",
        higher_is_better=True,
        unit="",
        matters=0.005,
        library="restorebench",
        source=f"{_WANG}; the window of older JPEG tables (LIVE1 quality 10: 0.791)",
        min_side=8,
        compute=ssim_uniform8,
    ),
    PairMetric(
        id="ms_ssim",
        definition=(
            "five-scale SSIM (weights 0.0448 0.2856 0.3001 0.2363 0.1333; contrast-structure per scale, SSIM at the "
            "last, negative means set to 0), 11×11 Gaussian window, sigma 1.5, K1 0.01, K2 0.03, 2×2 means between "
            "scales, product per channel then mean of R, G, B; a region is halved along, and has no score when it "
            "misses the window centres of a scale"
        ),
        group="fidelity",
        higher_is_better=True,
        unit="",
        matters=0.005,
        library="restorebench",
        source="Wang, Simoncelli, Bovik, 2003, doi:10.1109/ACSSC.2003.1292216; equals piq.multi_scale_ssim",
        min_side=161,
        compute=ms_ssim,
    ),
)
