"""Large pictures in overlapping tiles: what memory a method takes, how large a tile may be, and how tiles are joined.

Two neighbouring tiles share at least OVERLAP pixels. The outer quarter of what they share is thrown away on either
side, and across the middle half one passes linearly into the other. A pixel is therefore what it is in the untiled
result wherever the method looks no further than to the cut edge of a tile: up to OVERLAP / 4 pixels away everywhere,
and any distance away from a tile's edge by more than that distance.

Tiles begin at multiples of what the method's sides must divide by, and of 16, so that strides and JPEG's 8- and
16-pixel lattices fall as they do in the whole picture.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.scoring.restore import restore_tensor
from bench.training.engine import Engine
from methods.base import Method
from methods.parts.freeze import frozen

OVERLAP = 128  # pixels that two neighbours share; more where the method's sides must divide by more
LATTICE = 16  # a JPEG with halved chroma repeats every 16 pixels
SMALL = 1 << 18  # pixels: a picture up to 512×512 is never cut
WORK = 512 << 20  # bytes that restoring may take on a CPU, beside the program and the picture itself
GPU_SHARE = 0.5  # of the free memory of a GPU
OUTSIDE = 256  # bytes a pixel allowed for at least: what NumPy and OpenCV take, torch does not see
SLACK = 1.5  # convolution kernels keep copies in layouts of their own, which torch does not see either
PROBE = 256  # side of the picture on which a method's memory is measured

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Span:
    """One tile along one axis: first and last + 1 pixel, and the weight of each pixel, float32 of 0..1."""

    start: int
    stop: int
    weights: np.ndarray


@dataclass(frozen=True)
class Grid:
    """How a method's pictures may be cut: tiles begin at multiples of `step` and share `overlap` pixels."""

    step: int
    overlap: int

    @classmethod
    def of(cls, multiple: int) -> Grid:
        """For a method whose sides must divide by `multiple`."""
        step = math.lcm(multiple, LATTICE)
        return cls(step, math.ceil(OVERLAP / step) * step)

    @property
    def least(self) -> int:
        """The smallest side of a tile."""
        return 2 * self.overlap

    def spans(self, length: int, side: int) -> list[Span]:
        """Tiles of about equal length, none longer than `side`, that cover 0 to length; weights add up to 1.

        A side below `least` is taken as it; one that is no multiple of `step` as the next smaller one.
        """
        side = max(side // self.step * self.step, self.least)
        count = max(math.ceil((length - self.overlap) / (side - self.overlap)), 1)
        if length <= side:
            return [Span(0, length, np.ones(length, np.float32))]
        stride = math.ceil((length - self.overlap) / count / self.step) * self.step
        starts = range(0, length - self.overlap, stride)
        return [self._span(start, min(start + stride + self.overlap, length), length) for start in starts]

    def _span(self, start: int, stop: int, length: int) -> Span:
        """Ramps up in the middle half of the first `overlap` pixels, and down in that of the last, beside another."""
        quarter = self.overlap // 4
        ramp = ((np.arange(self.overlap) - quarter + 0.5) / (self.overlap - 2 * quarter)).clip(0, 1).astype(np.float32)
        weights = np.ones(stop - start, np.float32)
        if start:
            weights[: self.overlap] = ramp
        if stop < length:
            weights[-self.overlap :] = 1 - ramp
        return Span(start, stop, weights)


def windows(shape: tuple[int, int], side: int, grid: Grid) -> Iterator[tuple[Window, np.ndarray]]:
    """Each tile of a picture of that height and width, with the weight of its pixels, float32 h×w×1."""
    for row in grid.spans(shape[0], side):
        for column in grid.spans(shape[1], side):
            weights = np.outer(row.weights, column.weights)[..., None]
            yield (slice(row.start, row.stop), slice(column.start, column.stop)), weights


def in_tiles(work: Callable[[Window], np.ndarray], shape: tuple[int, int], side: int, grid: Grid) -> np.ndarray:
    """What work returns for windows of a picture, uint8 h×w×C, joined to one uint8 H×W×C. A side of 0: all at once."""
    if not side or max(shape) <= side:
        return work((slice(0, shape[0]), slice(0, shape[1])))
    joined: np.ndarray | None = None
    for window, weights in windows(shape, side, grid):
        part = work(window)
        if joined is None:
            joined = np.zeros((*shape, part.shape[2]), np.float32)
        joined[window] += part * weights
    assert joined is not None  # a picture has at least one pixel
    return np.rint(joined, out=joined).astype(np.uint8)


def side_for(pixels: int, bytes_a_pixel: float, room: float, grid: Grid) -> int:
    """The side of square tiles that fit into so many bytes; 0 where the whole picture does."""
    if pixels <= SMALL or pixels * bytes_a_pixel <= room:
        return 0
    side = int(math.sqrt(room / bytes_a_pixel))
    return max(side // grid.step * grid.step, grid.least)


def room_on(engine: Engine) -> float:
    """Bytes that restoring may take."""
    if engine.device.type == "cuda":
        return GPU_SHARE * torch.cuda.mem_get_info(engine.device)[0]
    return WORK


def bytes_a_pixel(method: Method, told: bool, engine: Engine) -> float:
    """Most memory that a method takes to restore, a pixel, measured on a gray PROBE×PROBE picture.

    Memory is taken to grow with the number of pixels: true of convolutions, Fourier transforms and windowed attention,
    not of attention over the whole picture.
    """
    side = math.ceil(PROBE / method.multiple_of) * method.multiple_of
    picture = torch.full((1, 3, side, side), 0.5, device=engine.device)
    mask = torch.zeros_like(picture[:, :1]) if told else None
    if mask is not None:
        mask[..., side // 4 : side // 2, side // 4 : side // 2] = 1
    with frozen(method), LiveBytes() as live:
        restore_tensor(method, picture, mask)
    return max(SLACK * live.most / side**2, OUTSIDE)


class LiveBytes(TorchDispatchMode):
    """While entered, `most` is the largest sum of the tensors that lived at once, of those made meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Do what is asked and look at what came of it."""
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor):
                self._note(each.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._seen:
            return
        self._seen.add(key)
        self.now += storage.nbytes()
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._gone, key, storage.nbytes())

    def _gone(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size
