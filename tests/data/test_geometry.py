"""Resizing, cropping and flipping, and where landmarks go."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data import pictures
from bench.data.pictures import Picture
from tests.data.samples import photo


def marked(height: int = 60, width: int = 90) -> Picture:
    """Black, with a bright 3×3 dot centred on every landmark."""
    points = np.array([[30, 20], [55, 22], [43, 30], [33, 42], [52, 43]], np.float32)
    pixels = np.zeros((height, width, 3), np.uint8)
    for x, y in points.astype(int):
        pixels[y - 1 : y + 2, x - 1 : x + 2] = 255
    return Picture("m", pixels, points)


def dot_near(picture: Picture, index: int, reach: int) -> np.ndarray:
    """Centre of brightness in a window around a landmark."""
    x, y = np.rint(picture.landmarks[index]).astype(int)
    window = picture.pixels[y - reach : y + reach + 1, x - reach : x + reach + 1, 0].astype(float)
    rows, columns = np.mgrid[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return np.array([(window * columns).sum(), (window * rows).sum()]) / window.sum()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p,
        lambda p: pictures.resize_short_side(p, 120),
        lambda p: pictures.resize_short_side(p, 41),
        lambda p: pictures.centre_crop(p, 50),
        lambda p: pictures.square(p, 55),
        pictures.flip,
    ],
)
def test_landmarks_stay_on_their_features(change):
    changed = change(marked())
    reach = 5 if changed.pixels.shape[0] > 100 else 3
    for index in range(5):
        # a fifth of a pixel: bicubic rounding of an 8-bit dot moves its centre less than that
        assert np.abs(dot_near(changed, index, reach) - changed.landmarks[index]).max() < 0.2
    assert changed.landmarks[0, 0] < changed.landmarks[1, 0] and changed.landmarks[3, 0] < changed.landmarks[4, 0]


def test_sizes_after_resize_and_crop():
    picture = Picture("a", photo(height=50, width=101))
    assert pictures.resize_short_side(picture, 25).pixels.shape == (25, 50, 3)
    assert pictures.square(picture, 32).pixels.shape == (32, 32, 3)
    assert pictures.resize_short_side(picture, 50) is picture
    with pytest.raises(ValueError, match="too small"):
        pictures.centre_crop(picture, 51)


def test_shrinking_averages_instead_of_skipping():
    """A 1-pixel checkerboard shrunk fourfold is grey; sampling without a filter would be black or white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = pictures.resize_short_side(Picture("c", np.repeat(board[..., None], 3, axis=2)), 16).pixels
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 2
