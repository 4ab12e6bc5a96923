"""Structural similarity: SSIM in the windows that the literature uses, and MS-SSIM. All in float64.

Float32 is not enough: E[x²] - E[x]² loses about 1e-7 against C2 = 9e-4, which moves flat pictures by 3e-4.
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics.base import PairMetric
from bench.metrics.quantise import studio_luma
from bench.metrics.regions import region_mean

C1, C2 = 0.01**2, 0.03**2
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli, Bovik, 2003


@functools.cache
def gaussian() -> tuple[float, ...]:
    """The 11 taps of a Gaussian with sigma 1.5, summing to 1."""
    taps = [math.exp(-(each**2) / (2 * 1.5**2)) for each in range(-5, 6)]
    return tuple(tap / sum(taps) for tap in taps)


UNIFORM = (1 / 8,) * 8


def window_means(planes: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Means under a separable window that lies wholly inside: float64 P×H×W -> P×(H-k+1)×(W-k+1).

    OpenCV on the CPU, where torch's convolution is several times slower; torch's convolution elsewhere.
    """
    return (_opencv_means if planes.device.type == "cpu" else _torch_means)(planes, taps)


def _opencv_means(planes: Tensor, taps: tuple[float, ...]) -> Tensor:
    kernel = np.array(taps)
    before, after = _margins(taps)
    height, width = planes.shape[1:]
    inside = slice(before, height - after), slice(before, width - after)
    means = [torch.from_numpy(cv2.sepFilter2D(each, -1, kernel, kernel)[inside]) for each in planes.numpy()]
    return torch.stack(means) if len(means) > 1 else means[0].unsqueeze(0)


def _torch_means(planes: Tensor, taps: tuple[float, ...]) -> Tensor:
    row = torch.tensor(taps, dtype=planes.dtype, device=planes.device)[None, None, None]
    return F.conv2d(F.conv2d(planes.unsqueeze(1), row), row.mT)[:, 0]


def _margins(taps: tuple[float, ...]) -> tuple[int, int]:
    """Pixels before and after a window's centre."""
    return len(taps) // 2, (len(taps) - 1) // 2


def similarity(x: Tensor, y: Tensor, taps: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """SSIM's luminance and contrast-structure maps of planes: float64 P×H×W twice -> P×(H-k+1)×(W-k+1) twice."""
    if x.device.type == "cpu" and len(x) > 1:  # plane by plane, to stay within the processor's cache
        parts = [similarity(x[i : i + 1], y[i : i + 1], taps) for i in range(len(x))]
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
    planes = (x, y, (x * x).addcmul_(y, y), x * y)
    mean_x, mean_y, squares, product = (window_means(each, taps) for each in planes)
    mean_squares = (mean_x * mean_x).addcmul_(mean_y, mean_y)
    mean_product = mean_x * mean_y
    contrast = (product - mean_product).mul_(2).add_(C2).div_((squares - mean_squares).add_(C2))
    luminance = mean_product.mul_(2).add_(C1).div_(mean_squares.add_(C1))
    return luminance, contrast


def centres(regions: Tensor, taps: tuple[float, ...]) -> Tensor:
    """The part of regions where windows have their centre: N×R×H×W -> N×R×(H-k+1)×(W-k+1)."""
    before, after = _margins(taps)
    return regions[:, :, before : regions.shape[2] - after, before : regions.shape[3] - after]


def _ssim(x: Tensor, y: Tensor, regions: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Mean SSIM over channels and window centres: N×C×H×W in [0, 1] twice -> N×R."""
    luminance, contrast = similarity(x.double().flatten(0, 1), y.double().flatten(0, 1), taps)
    maps = luminance.mul_(contrast).unflatten(0, x.shape[:2])
    return region_mean(maps, centres(regions, taps)).mean(1)


def ssim(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """SSIM in a Gaussian window; see PairMetric for the shapes."""
    return _ssim(restored, reference, regions, gaussian())


def ssim_y(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """SSIM of the studio-range luma in a Gaussian window; see PairMetric for the shapes."""
    return _ssim(studio_luma(restored).unsqueeze(1), studio_luma(reference).unsqueeze(1), regions, gaussian())


def ssim_uniform8(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """SSIM in a uniform 8×8 window; see PairMetric for the shapes."""
    return _ssim(restored, reference, regions, UNIFORM)


def ms_ssim(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """Five-scale SSIM; see PairMetric for the shapes."""
    x, y, weights = restored.double(), reference.double(), regions.double()
    score = torch.ones((), dtype=torch.float64, device=x.device)
    for scale, exponent in enumerate(SCALES):
        if scale:
            x, y, weights = (_halve(each) for each in (x, y, weights))
        luminance, contrast = similarity(x.flatten(0, 1), y.flatten(0, 1), gaussian())
        maps = contrast if scale < len(SCALES) - 1 else luminance * contrast
        means = region_mean(maps.unflatten(0, x.shape[:2]), centres(weights, gaussian()))
        score = score * means.clamp(min=0) ** exponent
    return score.mean(1)


def _halve(planes: Tensor) -> Tensor:
    """2×2 means, an odd side first extended at the top left as piq does: N×C×H×W -> N×C×H'×W'."""
    odd = max(planes.shape[2] % 2, planes.shape[3] % 2)
    return F.avg_pool2d(F.pad(planes, (odd, 0, odd, 0), mode="replicate"), 2)


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
