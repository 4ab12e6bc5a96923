"""Sliding windows: their taps, the pixels they are centred on, and the likeness of two pictures under them.

The moments are those of s = x + y - 1 and d = x - y: var s + var d is twice var x + var y, var s - var d four times
cov(x, y). Four filters serve instead of five, and float32 is enough where the plain E[x²] - E[x]² is not: equal
pictures have d = 0 and score exactly 1, and an error of var s enters the score only in proportion to var d. What is
left is var d where d is large and flat (a hole filled with black); bands that hold such places are done in float64.
"""

from __future__ import annotations

import functools
import math
from typing import TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)

UNIFORM = (1 / 8,) * 8
C1, C2 = 0.01**2, 0.03**2  # (K L)² for values of range L = 1
BAND = 1 << 16  # pixels filtered at once, so that a band's buffers stay within a processor's cache
ROWS = 64  # but at least so many rows, for those at the seams are filtered twice
FAR = 0.2  # window means further apart than this need float64; below, flat pictures err by less than 1.5e-5


@functools.cache
def gaussian() -> tuple[float, ...]:
    """The 11 taps of a Gaussian with sigma 1.5, summing to 1."""
    taps = [math.exp(-(each**2) / (2 * 1.5**2)) for each in range(-5, 6)]
    return tuple(tap / sum(taps) for tap in taps)


def margins(taps: tuple[float, ...]) -> tuple[int, int]:
    """Pixels before and after a window's centre."""
    return len(taps) // 2, (len(taps) - 1) // 2


def centres(planes: Tensor, taps: tuple[float, ...]) -> Tensor:
    """The part where windows that lie wholly inside have their centre: ...×H×W -> ...×(H-k+1)×(W-k+1), a view."""
    before, after = margins(taps)
    height, width = planes.shape[-2:]
    return planes[..., before : height - after, before : width - after]


def block_means(planes: Tensor, side: int) -> Tensor:
    """Means of side×side blocks, what is left over at the bottom and right dropped: ...×H×W -> ...×H//side×W//side.

    Sums of strided views: on the CPU several times faster than avg_pool2d, which it equals.
    """
    height, width = (size // side * side for size in planes.shape[-2:])
    rows = functools.reduce(torch.add, (planes[..., start:height:side, :width] for start in range(side)))
    return functools.reduce(torch.add, (rows[..., start::side] for start in range(side))) / side**2


def window_means(planes: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Means under a separable window that lies wholly inside: P×H×W -> P×(H-k+1)×(W-k+1).

    OpenCV on the CPU, where torch's convolution is several times slower; elsewhere torch in float64, for a GPU may
    round a float32 convolution to TF32.
    """
    if planes.device.type == "cpu":
        kernel = np.array(taps)
        means = [torch.from_numpy(cv2.sepFilter2D(each, -1, kernel, kernel)) for each in planes.contiguous().numpy()]
        return centres(torch.stack(means) if len(means) > 1 else means[0].unsqueeze(0), taps)
    row = torch.tensor(taps, dtype=torch.float64, device=planes.device)[None, None, None]
    return F.conv2d(F.conv2d(planes.double().unsqueeze(1), row), row.mT)[:, 0]


def similarity(x: Tensor, y: Tensor, taps: tuple[float, ...], light: bool = True) -> Tensor:
    """SSIM's map in windows that lie wholly inside, or with light=False its contrast-structure factor alone.

    x, y: P×H×W in [0, 1] -> P×(H-k+1)×(W-k+1). On the CPU by OpenCV (several times faster than torch's convolution) in
    the precision of x and y; elsewhere by torch in float64.
    """
    if x.device.type == "cpu":
        return centres(_opencv_map(x, y, taps, light), taps)
    return _torch_map(x.double(), y.double(), taps, light)


def _torch_map(x: Tensor, y: Tensor, taps: tuple[float, ...], light: bool) -> Tensor:
    moments = window_means(torch.stack(_planes(x, y)).flatten(0, 1), taps).unflatten(0, (4, len(x)))
    return _likeness(*moments, light=light)


def _opencv_map(x: Tensor, y: Tensor, taps: tuple[float, ...], light: bool) -> Tensor:
    """The map at every pixel, P×H×W, wrong where a window reaches over a plane's edge.

    The planes are taken as one tall picture, in bands of rows: many small ones cost few calls, a large one little
    memory. Threads of our own gained nothing on two cores.
    """
    tall_x, tall_y = (each.contiguous().flatten(0, 1).numpy() for each in (x, y))
    before, after = margins(taps)
    height, width = tall_x.shape
    result = np.empty_like(tall_x)
    rows = max(ROWS, BAND // width)

    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(top - before, 0), min(bottom + after, height)
        band_x, band_y = tall_x[first:last], tall_y[first:last]
        moments = _opencv_moments(band_x, band_y, taps)
        if max(moments[1].max(), -moments[1].min()) > FAR:
            moments = _opencv_moments(band_x.astype(np.float64), band_y.astype(np.float64), taps)
        inside = slice(top - first, bottom - first)
        result[top:bottom] = _likeness(*(each[inside] for each in moments), light=light)
    return torch.from_numpy(result).view(x.shape)


def _opencv_moments(x: np.ndarray, y: np.ndarray, taps: tuple[float, ...]) -> list[np.ndarray]:
    """Window means of `_planes`, in the precision of x and y."""
    kernel = np.array(taps, dtype=x.dtype)
    return [cv2.sepFilter2D(each, -1, kernel, kernel) for each in _planes(x, y)]


def _planes(x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """s = x + y - 1, d = x - y, s², d²."""
    total, gap = x + y, x - y
    total -= 1  # about zero, where float32 is finest
    return total, gap, total * total, gap * gap


def _likeness(total: Array, gap: Array, total_square: Array, gap_square: Array, *, light: bool) -> Array:
    """SSIM from the window means of `_planes`, in place: the arguments are used up."""
    total_square -= total * total  # now var s
    gap *= gap
    gap_square -= gap  # now var d
    total_square += 2 * C2
    result = total_square - gap_square
    total_square += gap_square
    result /= total_square
    if light:
        total += 1
        total *= total
        total += 2 * C1
        result *= total - gap
        total += gap
        result /= total
    return result
