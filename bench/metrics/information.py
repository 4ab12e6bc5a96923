"""Visual information fidelity in the pixel domain, as piq.vif_p defines it, by separable windows in float64.

Sheikh, Bovik, 2006, doi:10.1109/TIP.2005.859378, and the authors' vifp_mscale.m.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from bench.metrics.windows import window_means

SCALES = 4
NOISE = 2.0  # variance of the visual noise for values in [0, 255]
TINY = 1e-8  # a variance below it counts as none


def visual_information(restored: Tensor, reference: Tensor) -> Tensor:
    """VIF of luma planes: float64 N×H×W in [0, 255] twice, at least 41 px a side -> float64 N. Not symmetric."""
    seen = shown = torch.zeros(len(restored), dtype=torch.float64, device=restored.device)
    for scale in range(SCALES):
        taps = _taps(2 ** (SCALES - scale) + 1)
        if scale:
            restored, reference = (window_means(each, taps)[:, ::2, ::2] for each in (restored, reference))
        part, whole = _bits(restored, reference, taps)
        seen, shown = seen + part, shown + whole
    return (seen + TINY) / (shown + TINY)


@functools.cache
def _taps(count: int) -> tuple[float, ...]:
    """A Gaussian whose sigma is a fifth of its length."""
    taps = [math.exp(-((each - count // 2) ** 2) / (2 * (count / 5) ** 2)) for each in range(count)]
    return tuple(tap / sum(taps) for tap in taps)


def _bits(x: Tensor, y: Tensor, taps: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """The information of y that comes through in x, and that of y, summed over windows: N×H×W twice -> N twice."""
    mean_x, mean_y = window_means(x, taps), window_means(y, taps)
    var_x = window_means(x * x, taps).addcmul(mean_x, mean_x, value=-1).relu_()
    var_y = window_means(y * y, taps).addcmul(mean_y, mean_y, value=-1).relu_()
    covariance = window_means(x * y, taps).addcmul(mean_x, mean_y, value=-1)
    varied = (var_x >= TINY) & (var_y >= TINY)
    gain = (covariance / (var_y + TINY)).relu_() * varied  # no gain where the contrast is turned round
    rest = (var_x - gain * covariance).clamp_(min=TINY)
    through = torch.log1p(gain * gain * var_y / (rest + NOISE)).sum((1, 2))
    return through, torch.log1p(var_y * (var_y >= TINY) / NOISE).sum((1, 2))
