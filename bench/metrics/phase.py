"""Feature similarity with colour (FSIMc) as piq.fsim defines it, with the filters of a size made once.

Zhang, Zhang, Mou, Zhang, 2011, doi:10.1109/TIP.2011.2109730; phase congruency after Kovesi, 1999.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.metrics.gradients import SCHARR, YIQ, alike, gradient, mix
from bench.metrics.windows import block_means

SCALES, ORIENTATIONS = 4, 4
WAVELENGTH = 6  # pixels, at the finest scale; doubled from scale to scale
SIGMA = 0.55  # of a log-Gabor filter's Gaussian over its centre frequency
SPREAD = math.pi / (ORIENTATIONS * 1.2)  # radians, of a filter's Gaussian over angles
NOISE = (math.sqrt(math.pi / 2) + 2 * math.sqrt(2 - math.pi / 2)) / 1.7  # threshold over the Rayleigh parameter
EPS = torch.finfo(torch.float32).eps


@dataclass(frozen=True)
class Filters:
    """Log-Gabor filters in the frequency domain, and what noise makes of them."""

    bank: Tensor  # float32, orientations × scales × H × W
    noise: tuple[float, ...]  # threshold per orientation, over the root of the median squared response


def feature_similarity(x: Tensor, y: Tensor) -> Tensor:
    """FSIMc of pictures float32 N×3×H×W in [0, 1] -> float64 N."""
    side = max(1, round(min(x.shape[-2:]) / 256))
    (luma, *colours), (other_luma, *other_colours) = (
        [mix(block_means(each, side) * 255, weights) for weights in YIQ] for each in (x, y)
    )
    filters = log_gabor(luma.shape[-2], luma.shape[-1], luma.device)
    first, second = (torch.stack([phase_congruency(plane, filters) for plane in each]) for each in (luma, other_luma))
    weight = torch.maximum(first, second)
    score = alike(first, second, 0.85) * alike(gradient(luma, SCHARR), gradient(other_luma, SCHARR), 160.0)
    chroma = [alike(*pair, 200.0) for pair in zip(colours, other_colours, strict=True)]
    score *= (chroma[0] * chroma[1]).abs_().pow_(0.03)
    return (score * weight).sum((1, 2), dtype=torch.float64) / weight.sum((1, 2), dtype=torch.float64)


def phase_congruency(plane: Tensor, filters: Filters) -> Tensor:
    """How far the frequencies at each pixel are in phase, above noise: float32 H×W in [0, 255] -> H×W in [0, 1]."""
    spectrum = torch.fft.fft2(plane)
    energy, amplitude = torch.zeros_like(plane), torch.zeros_like(plane)
    for bank, noise in zip(filters.bank, filters.noise, strict=True):
        responses = torch.fft.ifft2(spectrum * bank)
        even, odd = responses.real.contiguous(), responses.imag.contiguous()
        sizes = (even * even).addcmul_(odd, odd).sqrt_()
        amplitude += sizes.sum(0)
        mean_even, mean_odd = even.sum(0), odd.sum(0)
        power = (mean_even * mean_even).addcmul_(mean_odd, mean_odd)
        length = power.sqrt() + EPS
        mean_even /= length
        mean_odd /= length
        aside = (even * mean_odd).addcmul_(odd, mean_even, value=-1).abs_().sum(0)
        threshold = noise * _median(sizes[0])  # the median of squared responses is the square of this one
        energy += power.div_(length).sub_(aside).sub_(threshold).relu_()
    return (energy + EPS) / (amplitude + EPS)


def _median(plane: Tensor) -> float:
    """The lower median."""
    if plane.device.type != "cpu":
        return float(plane.median())
    middle = (plane.numel() - 1) // 2
    return float(np.partition(plane.numpy().ravel(), middle)[middle])  # an order of magnitude faster than torch's


@functools.lru_cache(maxsize=8)
def log_gabor(height: int, width: int, device: torch.device) -> Filters:
    """The filters for planes of a size; some sizes are kept, for making them takes longer than using them."""
    rows, columns = torch.meshgrid(_frequencies(height), _frequencies(width), indexing="ij")
    radius, angle = (rows.square() + columns.square()).sqrt(), torch.atan2(-columns, rows)
    low_pass = 1 / (1 + (radius / 0.45) ** 30)
    radius[0, 0] = 1  # its logarithm is taken; the filters are 0 there
    radial = []
    for scale in range(SCALES):
        ring = torch.exp(-((radius * WAVELENGTH * 2**scale).log() ** 2) / (2 * math.log(SIGMA) ** 2)) * low_pass
        ring[0, 0] = 0
        radial.append(ring)
    bank = torch.stack([_wedge(angle, number) * torch.stack(radial) for number in range(ORIENTATIONS)])
    waves = torch.fft.ifft2(bank).real * math.sqrt(height * width)
    power = waves.sum(1).square().sum((1, 2)) / bank[:, 0].square().sum((1, 2))  # Σ aᵢ² + 2 Σ aᵢ aⱼ, over the finest
    noise = NOISE * (power / math.log(2)).sqrt()
    return Filters(bank.float().to(device), tuple(noise.tolist()))


def _frequencies(size: int) -> Tensor:
    """Cycles per pixel, zero first; of an odd size over size - 1, as in Kovesi's code."""
    half = size // 2
    return torch.roll(torch.arange(-half, size - half, dtype=torch.float64) / (size - size % 2), -half)


def _wedge(angle: Tensor, number: int) -> Tensor:
    """A Gaussian over the angular distance from an orientation."""
    turn = number * math.pi / ORIENTATIONS
    distance = torch.atan2(torch.sin(angle - turn), torch.cos(angle - turn))
    return torch.exp(-distance.square() / (2 * SPREAD**2))
