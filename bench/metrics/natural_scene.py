"""What BRISQUE and NIQE do with pixels: gray, local means, sums over products of neighbours.

On a CPU a picture is taken at a time and in strips, to stay within the processor's cache; elsewhere many are at once.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from bench.metrics.cores import on_cores

Taps = tuple[float, ...]
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))  # steps up and left to the neighbour a pixel is multiplied with
STRIP = 2**17  # pixels of a strip on a CPU
AT_ONCE = 2**24  # pixels at once on a GPU: about 2 GB while they are worked on


def by_picture(score: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """score(N×3×H×W) -> N, called on parts of `pictures`, and put together again.

    On a CPU every core takes one picture at a time.
    """
    if pictures.device.type != "cpu":
        return torch.cat([score(part) for part in pictures.split(max(1, AT_ONCE // pictures[0, 0].numel()))])
    return torch.cat(on_cores(score, pictures.split(1)))


def strip_height(planes: Tensor, multiple: int = 1) -> int:
    """How many rows of planes N×H×W are best worked on at once: a multiple of `multiple`."""
    if planes.device.type != "cpu":
        return planes.shape[1]
    return max(STRIP // planes.shape[2] // multiple, 1) * multiple


def opencv_gray(pictures: Tensor) -> Tensor:
    """Gray of pictures on the uint8 grid as OpenCV rounds it: N×3×H×W in [0, 1] -> float32 N×H×W of whole 0 to 255.

    Full-range BT.601 in OpenCV's 15 bits; sums stay below 2**24, so float32 is exact.
    """
    red, green, blue = (pictures[:, channel].mul(255).round_() for channel in range(3))
    return red.mul_(9798).add_(green, alpha=19235).add_(blue, alpha=3735).add_(16384).mul_(2**-15).floor_()


def blur(planes: Tensor, row: Taps, column: Taps) -> Tensor:
    """Weighted means over a symmetric separable window that lies wholly inside: P×H×W -> float64 P×(H-k+1)×(W-l+1).

    OpenCV on the CPU, where torch needs twice the time; elsewhere the same steps in the same order, so that the last
    bits agree: flat areas leave nothing but rounding, and BRISQUE counts its signs.
    """
    if planes.device.type != "cpu":
        return _blur_columns(_blur_rows(planes.double(), row), column)
    kernels = np.array(row), np.array(column)
    up, left = len(column) // 2, len(row) // 2
    inside = slice(up, planes.shape[1] - up), slice(left, planes.shape[2] - left)
    found = [torch.from_numpy(cv2.sepFilter2D(each, cv2.CV_64F, *kernels)[inside]) for each in planes.numpy()]
    return torch.stack(found) if len(found) > 1 else found[0].unsqueeze(0)


def _blur_rows(planes: Tensor, taps: Taps) -> Tensor:
    """From left to right; each step is one fused multiply-add on today's processors, as in OpenCV."""
    width = planes.shape[2] - len(taps) + 1
    total = planes[..., :width] * taps[0]
    for place, tap in enumerate(taps[1:], 1):
        total.add_(planes[..., place : place + width], alpha=tap)
    return total


def _blur_columns(planes: Tensor, taps: Taps) -> Tensor:
    """From the middle outwards, by pairs and without fused steps, as in OpenCV."""
    middle = len(taps) // 2
    height = planes.shape[1] - 2 * middle
    total = planes[:, middle : middle + height] * taps[middle]
    for step in range(1, middle + 1):
        below, above = (planes.narrow(1, middle + side * step, height) for side in (1, -1))
        total.add_((below + above).mul_(taps[middle + step]))
    return total


def sums(maps: Tensor) -> Tensor:
    """Five sums over B maps and over their products with four neighbours: float32 B×(h+1)×(w+2) -> float64 5×5×B.

    The first row and the first and last column are only neighbours. First index: Σ|p|, Σp², Σp|p|, Σsign(p) and
    Σ|sign(p)|, all functions with f(x y) = f(x) f(y): they are taken of the map once and then multiplied.
    """
    powers = _powers(maps)
    here = powers[..., 1:, 1:-1]
    height, width = here.shape[2:]
    found = [here.sum(3)]
    for up, left in NEIGHBOURS:
        there = powers[..., 1 - up : 1 - up + height, 1 - left : 1 - left + width]
        found.append(_dot(here, there))
    result = torch.stack(found, 1).double().sum(3)  # 1e-8 in all; the nearest shape jumps at any difference
    if len(powers) == 5:
        return result
    return torch.cat((result, torch.full_like(result[:1], height * width)))


def _dot(x: Tensor, y: Tensor) -> Tensor:
    """Sums of products along the last axis; by numpy on the CPU, which stores no products."""
    if x.device.type == "cpu":
        return torch.from_numpy(np.vecdot(x.numpy(), y.numpy()))
    return (x * y).sum(-1)


def _powers(maps: Tensor) -> Tensor:
    """|x|, x², x|x|, sign(x) and, where there are zeros at all, |sign(x)|: B×... -> 4×B×... or 5×B×..."""
    powers = maps.new_empty((5, *maps.shape))
    torch.abs(maps, out=powers[0])
    torch.mul(maps, maps, out=powers[1])
    torch.mul(maps, powers[0], out=powers[2])
    torch.sign(maps, out=powers[3])
    if powers[0].amin() > 0:
        return powers[:4]
    torch.abs(powers[3], out=powers[4])
    return powers


def block_sums(padded: Tensor, normalise: Callable[[Tensor], Tensor], side: int) -> Tensor:
    """The sums of every block of pictures: N×(H+6)×(W+6), H and W multiples of `side` -> float64 5×5×N×B.

    normalise: N×(h+6)×(w+6) -> N×h×w. A block is its own neighbour all round.
    """
    step = strip_height(padded, side)
    found = []
    for top in range(0, padded.shape[1] - 6, step):
        strip = normalise(padded[:, top : top + step + 6])
        found.append(sums(_blocks(strip, side)).unflatten(2, (len(padded), -1)))
    return torch.cat(found, 3)


def _blocks(strip: Tensor, side: int) -> Tensor:
    """Cut N×h×w into blocks as `sums` wants them: B×(side+1)×(side+2), by picture, row of blocks, column of blocks."""
    count, height, width = strip.shape
    tiles = strip.view(count, height // side, side, width // side, side).transpose(2, 3).reshape(-1, side, side)
    out = strip.new_empty((len(tiles), side + 1, side + 2))
    out[:, 1:, 1:-1] = tiles
    out[..., 0], out[..., -1] = out[..., -2], out[..., 1]
    out[:, 0] = out[:, -1]
    return out
