"""Mosaic cells: found at every size and phase, interpolated blindly, and nothing else touched."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import skimage.data
from PIL import Image

from methods.classical import CellInterpolation
from methods.parts.cells import Grid, find_grid, mosaicked_cells

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


@functools.cache
def photograph(name: str, size: int) -> np.ndarray:
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    side = min(image.size)
    return np.asarray(image.crop((0, 0, side, side)).resize((size, size), Image.Resampling.LANCZOS))


def mosaic(image: np.ndarray, grid: Grid, top_left: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A disc of cells of the grid filled, as Erase Mossaic does; returns picture and mask (bool H×W)."""
    output, lost = image.copy(), np.zeros(image.shape[:2], bool)
    height, width = lost.shape
    for top in grid.rows(height):
        for left in grid.columns(width):
            if (top - height / 2) ** 2 + (left - width / 2) ** 2 < 0.1 * height * width:
                cell = np.s_[max(top, 0) : top + grid.size, max(left, 0) : left + grid.size]
                block = image[cell]
                output[cell] = block[0, 0] if top_left else np.rint(block.mean(axis=(0, 1)))
                lost[cell] = True
    return output, lost


def psnr(image: np.ndarray, reference: np.ndarray, where: np.ndarray) -> float:
    difference = image[where].astype(float) - reference[where]
    return float(-10 * np.log10(np.square(difference).mean() / 255**2))


@pytest.mark.parametrize("picture", PHOTOGRAPHS)
@pytest.mark.parametrize("size", [4, 5, 8, 12, 16])
def test_mosaic_is_found_at_every_cell_size_and_phase(picture, size):
    for top, left in ((0, 0), (1, size - 1), (size // 2, 3)):
        image, grid = photograph(picture, 128), Grid(size, top, left)
        degraded, lost = mosaic(image, grid)
        assert find_grid(degraded) == grid
        cells = mosaicked_cells(degraded, grid)
        truth = lost[np.ix_(np.maximum(grid.rows(128), 0), np.maximum(grid.columns(128), 0))]
        assert not (cells & ~truth).any()
        missed = (truth & ~cells).sum()  # two cells of one colour side by side are left out: smooth content
        assert missed < 0.2 * truth.sum()


@pytest.mark.parametrize("picture", PHOTOGRAPHS)
@pytest.mark.parametrize("size", [64, 128, 300])
def test_picture_without_mosaic_is_left_alone(picture, size):
    image = photograph(picture, size)
    method = CellInterpolation(CellInterpolation.Config())
    assert np.array_equal(method.restore_picture(image, None), image)


@pytest.mark.parametrize(("top_left", "gain"), [(False, 0.5), (True, 1.5)])
def test_cell_interpolation_beats_the_mosaic(top_left, gain):
    """Blind to size, phase and fill. Gains in dB inside the mosaic, over 4 photographs at 128 pixels."""
    method = CellInterpolation(CellInterpolation.Config())
    gains = []
    for size in (6, 8, 16):
        for name in PHOTOGRAPHS:
            image = photograph(name, 128)
            degraded, lost = mosaic(image, Grid(size, 2, 3), top_left)
            output = method.restore_picture(degraded, None)
            assert np.array_equal(output[~lost], degraded[~lost])
            gains.append(psnr(output, image, lost) - psnr(degraded, image, lost))
    assert np.mean(gains) > gain


def test_cell_interpolation_leaves_sky_alone():
    """Something flat, its edge off the grid, beside a mosaic: only the mosaic changes."""
    image = photograph("astronaut", 128).copy()
    image[:29] = (120, 160, 220)
    image[100:, :37] = 0
    degraded, lost = mosaic(image, Grid(8, 0, 0))
    output = CellInterpolation(CellInterpolation.Config()).restore_picture(degraded, None)
    assert np.array_equal(output[~lost], degraded[~lost])
    assert psnr(output, image, lost) > psnr(degraded, image, lost)


@pytest.mark.parametrize("flat", [0, 77, 255])
def test_cell_interpolation_takes_flat_and_tiny_pictures(flat):
    method = CellInterpolation(CellInterpolation.Config())
    for size in ((3, 3), (5, 64), (64, 64)):
        image = np.full((*size, 3), flat, np.uint8)
        assert np.array_equal(method.restore_picture(image, None), image)
