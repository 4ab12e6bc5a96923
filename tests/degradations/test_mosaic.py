"""Mosaic cells and their object-shaped regions."""

from __future__ import annotations

import numpy as np
import pytest

from degradations import mosaic
from tests.degradations.samples import (
    picture,
)


@pytest.mark.parametrize("fill", ["mean", "topleft"])
@pytest.mark.parametrize("cell", mosaic.CELLS)
def test_mosaic_cells(cell, fill):
    image = picture(97, 131)
    result = mosaic.LEVELS[f"mosaic_c{cell}" + ("" if fill == "mean" else "_topleft")](image, 4)
    region = mosaic.top_region(mosaic.saliency(np.random.Generator(np.random.PCG64(4)), 97, 131), 0.3)
    assert region.sum() == round(0.3 * 97 * 131)
    filled_cells = 0
    for y in range(0, 97, cell):
        for x in range(0, 131, cell):
            before, after = image[y : y + cell, x : x + cell], result.image[y : y + cell, x : x + cell]
            assert (result.mask[y : y + cell, x : x + cell] == region[y, x]).all()
            if region[y, x]:
                filled_cells += 1
                mean = np.floor(before.reshape(-1, 3).mean(axis=0) + 0.5)
                assert (after == (mean if fill == "mean" else before[0, 0])).all()
    assert filled_cells > 3


def test_mosaic_source_variant_is_the_sources_loops():
    image = picture(64, 70)
    result = mosaic.LEVELS["mosaic_c10_source"](image, 9)
    region = mosaic.top_region(mosaic.saliency(np.random.Generator(np.random.PCG64(9)), 64, 70), 0.3)
    expected = image.copy()
    for y in range(0, 64 - 10, 10):
        for x in range(0, 70 - 10, 10):
            if region[y, x]:
                expected[y : y + 10, x : x + 10] = image[y, x]
    assert np.array_equal(result.image, expected)
    assert not result.mask[60:].any() and not result.mask[:, 60:].any()


def test_mosaic_region_takes_exactly_the_highest_pixels():
    field = np.array([[5, 1, 5], [5, 5, 0]], np.float32)
    assert mosaic.top_region(field, 0.5).tolist() == [[True, False, True], [True, False, False]]
    assert mosaic.top_region(field, 1.0).all()
    assert mosaic.top_region(field, 0.01).sum() == 1


def test_mosaic_region_is_an_object_near_the_middle():
    hits, sides = np.zeros((64, 64)), []
    for seed in range(60):
        region = mosaic.top_region(mosaic.saliency(np.random.Generator(np.random.PCG64(seed)), 64, 64), 0.3)
        hits += region
        sides.append(np.count_nonzero(region[:, 1:] != region[:, :-1]) / 64)
    assert hits[24:40, 24:40].mean() > 3 * hits[:8].mean()
    assert np.mean(sides) < 3  # few edges per row: a blob, not noise


def test_mosaic_range_level_draws_every_cell_size():
    def made_of(mask: np.ndarray, cell: int) -> bool:
        return np.array_equal(mask, mask[::cell, ::cell].repeat(cell, 0).repeat(cell, 1)[:64, :64])

    drawn = set()
    for seed in range(120):
        mask = mosaic.LEVELS["mosaic_c4to16"](picture(64, 64), seed).mask
        drawn.add(max(cell for cell in range(4, 17) if made_of(mask, cell)))
    assert drawn == set(range(4, 17))


@pytest.mark.parametrize("wrong", [{"fill": "median"}, {"cell": 0}, {"cell_max": 3}, {"ratio": 0.0}])
def test_mosaic_refuses_wrong_parameters(wrong):
    with pytest.raises(ValueError, match="mosaic"):
        mosaic.Mosaic(**wrong)
