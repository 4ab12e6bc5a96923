"""Sliding windows: their taps, the pixels they are centred on, and the likeness of two pictures under them.

The moments are those of s = x + y - 1 and d = x - y: var s + var d is twice var x + var y, var s - var d four times
cov(x, y). Four filters serve instead of five, and float32 is enough where the plain E[x²] - E[x]² is not: equal
pictures have d = 0 and score exactly 1, and an error of var s enters the score only in proportion to var d. What is
left is var d where d is large and flat (a hole filled with black); bands that hold such places are done in float64.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from types import ModuleType
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

    Sums of strided views, on the CPU several times faster than avg_pool2d, which they equal; halving by OpenCV.
    """
    height, width = (size // side * side for size in planes.shape[-2:])
    whole = planes[..., :height, :width]
    if side == 2 and planes.device.type == "cpu":  # OpenCV's other sides have a factor in float32
        means = planes.new_empty((*planes.shape[:-2], height // 2, width // 2))
        for plane, out in zip(whole.flatten(0, -3).numpy(), means.flatten(0, -3).numpy(), strict=True):
            cv2.resize(plane, out.shape[::-1], dst=out, interpolation=cv2.INTER_AREA)
        return means
    rows = functools.reduce(torch.add, (whole[..., start::side, :] for start in range(side)))
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
    planes = _planes(torch, x, y, x.new_empty((4, *x.shape)))
    means = window_means(planes.flatten(0, 1), taps).unflatten(0, (4, len(x)))
    return _likeness(torch, means, torch.empty_like(means[0]), light)


def _opencv_map(x: Tensor, y: Tensor, taps: tuple[float, ...], light: bool) -> Tensor:
    """The map at every pixel, P×H×W, wrong where a window reaches over a plane's edge.

    The planes are taken as one tall picture. On one thread: in steps as short as these, threads of one interpreter wait
    for each other longer than they work. Whoever scores many pictures gives each core one of its own.
    """
    tall_x, tall_y = (each.contiguous().flatten(0, 1).numpy() for each in (x, y))
    result = np.empty_like(tall_x)
    Bands(tall_x, tall_y, result, taps, light).fill()
    return torch.from_numpy(result).view(x.shape)


@dataclass(frozen=True)
class Bands:
    """A similarity map in the making, by bands of rows: x, y and result are H×W. numpy: half the time of torch here."""

    x: np.ndarray
    y: np.ndarray
    result: np.ndarray
    taps: tuple[float, ...]
    light: bool

    def fill(self) -> None:
        """The result. Bands take turns with the same memory: fresh memory would cost as much as a filter."""
        height, width = self.x.shape
        rows = min(max(ROWS, BAND // width), height)
        memory = np.empty((2, 4, rows + len(self.taps) - 1, width), self.x.dtype)
        for top in range(0, height, rows):
            self._fill_band(top, min(top + rows, height), memory)

    def _fill_band(self, top: int, bottom: int, memory: np.ndarray) -> None:
        before, after = margins(self.taps)
        first, last = max(top - before, 0), min(bottom + after, len(self.x))
        x, y = self.x[first:last], self.y[first:last]
        means = self._means(x, y, memory[:, :, : last - first])
        if cv2.norm(means[1], cv2.NORM_INF) > FAR:
            means = self._means(x.astype(np.float64), y.astype(np.float64), np.empty((2, *means.shape)))
        inside = means[:, top - first : bottom - first]
        self.result[top:bottom] = _likeness(np, inside, np.empty_like(inside[0]), self.light)

    def _means(self, x: np.ndarray, y: np.ndarray, memory: np.ndarray) -> np.ndarray:
        """Window means of `_planes`, in the precision of x and y; memory has room for both, 2×4×H×W."""
        planes, means = memory
        kernel = np.array(self.taps, dtype=x.dtype)
        for plane, mean in zip(_planes(np, x, y, planes), means, strict=True):
            cv2.sepFilter2D(plane, -1, kernel, kernel, dst=mean)
        return means


def _planes(xp: ModuleType, x: Array, y: Array, out: Array) -> Array:
    """s = x + y - 1, d = x - y, s², d² into out, 4×...; xp is the module of the arrays, numpy or torch."""
    total, gap, total_square, gap_square = out
    xp.add(x, y, out=total)
    total -= 1  # about zero, where float32 is finest
    xp.subtract(x, y, out=gap)
    xp.multiply(total, total, out=total_square)
    xp.multiply(gap, gap, out=gap_square)
    return out


def _likeness(xp: ModuleType, means: Array, out: Array, light: bool) -> Array:
    """SSIM into out from the window means of `_planes`, which are used up: 4×... -> ..."""
    total, gap, total_square, gap_square = means
    total_square -= xp.multiply(total, total, out=out)  # now var s
    gap *= gap
    gap_square -= gap  # now var d
    total_square += 2 * C2
    xp.subtract(total_square, gap_square, out=out)
    total_square += gap_square
    if light:
        total += 1
        total *= total
        total += 2 * C1
        out *= xp.subtract(total, gap, out=gap_square)
        total += gap
        total_square *= total
    out /= total_square
    return out
