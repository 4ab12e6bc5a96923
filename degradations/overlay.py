"""Laying a drawn or photographed thing over a picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from degradations.base import Degraded
from degradations.raster import FULL

Window = tuple[slice, slice]


class Layer(NamedTuple):
    """Colours and opacity in a window of a picture: int h×w×3 in 0..255, int h×w in 0..FULL."""

    window: Window
    colour: np.ndarray
    opacity: np.ndarray


def window_of(points: np.ndarray, shape: tuple[int, ...]) -> Window | None:
    """The rows and columns that hold points (float n×2, x first), cut to a picture; None when outside it."""
    height, width = shape[:2]
    low = np.clip(np.floor(points.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def lay_over(image: np.ndarray, layer: Layer | None) -> Degraded:
    """A copy of a picture under a layer; the mask is 1 wherever the layer is not wholly clear."""
    painted, mask = image.copy(), np.zeros(image.shape[:2], np.uint8)
    if layer is not None:
        alpha = layer.opacity[..., None]
        mixed = image[layer.window] * (FULL - alpha) + layer.colour * alpha
        painted[layer.window] = (mixed + FULL // 2) // FULL
        mask[layer.window] = layer.opacity > 0
    return Degraded(painted, mask)


def brightness(patch: np.ndarray, where: np.ndarray) -> float:
    """Mean HSV value, the largest of R, G and B, of chosen pixels: 0..255; 128 when none is chosen.

    patch: uint8 h×w×3. where: bool h×w. Integer sums, so that machines agree.
    """
    count = int(np.count_nonzero(where))
    return int(patch.max(axis=2)[where].sum(dtype=np.int64)) / count if count else 128.0
