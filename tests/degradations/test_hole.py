"""Rectangular, free-form and given holes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from degradations import hole
from tests.degradations.samples import (
    picture,
)


@pytest.mark.parametrize(("size", "low", "high"), [(256, 96, 128), (128, 48, 64), (64, 24, 32)])
def test_hole_box_sides(size, low, high):
    image, sides = picture(size, size), []
    for seed in range(100):
        result = hole.LEVELS["hole_box"](image, seed)
        rows, columns = np.flatnonzero(result.mask.any(axis=1)), np.flatnonzero(result.mask.any(axis=0))
        sides += [len(rows), len(columns)]
        assert result.mask.sum() == len(rows) * len(columns)  # one rectangle
        assert (result.image[result.mask == 1] == 128).all()
    assert low <= min(sides) <= low + 2 and high - 2 <= max(sides) <= high


@pytest.mark.parametrize(("height", "width"), [(16, 16), (64, 64), (97, 131), (256, 256), (40, 400), (1, 1000)])
def test_hole_free_keeps_its_area_band(height, width):
    level, image = hole.LEVELS["hole_free"], picture(height, width)
    areas = []
    for seed in range(30):
        result = level(image, seed)
        assert (result.image[result.mask == 1] == 128).all()
        areas.append(result.mask.mean())
    assert level.least <= min(areas) and max(areas) <= level.most
    if min(height, width) >= 64:
        assert max(areas) - min(areas) > 0.15


def test_hole_files_are_nearest_resized_white_is_hole(folders):
    level = dataclasses.replace(hole.LEVELS["hole_files"], folder=folders["hole_files"])
    seen = set()
    for seed in range(20):
        mask = level(picture(48, 192), seed).mask
        seen.add(mask.tobytes())
    expected = set()
    for path in folders["hole_files"].iterdir():
        expected.add(np.array(Image.open(path).resize((192, 48), Image.Resampling.NEAREST)).astype(np.uint8).tobytes())
    assert seen == expected
