"""Drawn shapes that are blacked out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from degradations import erase
from degradations.shapes import CANVAS, KINDS, ink
from tests.degradations.samples import (
    picture,
)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (64, 64), (97, 131), (1, 1), (3, 90)])
def test_erase_boxes_lie_inside_and_keep_the_sources_scale(height, width):
    short, counts, sides = min(height, width), set(), []
    for seed in range(200):
        boxes = erase.placements(np.random.Generator(np.random.PCG64(seed)), (height, width))
        counts.add(len(boxes))
        for x, y, side in boxes:
            assert x >= 0 and x + side <= width and y >= 0 and y + side <= height
            sides.append(side)
    assert counts == {1, 2}
    assert min(sides) >= max(1, int(short * 50 / 256)) and max(sides) <= max(1, round(short * 250 / 256))
    if short == 256:
        assert min(sides) < 60 and max(sides) > 240


@pytest.mark.parametrize(("name", "fill"), [("erase_black", (0, 0, 0)), ("erase_magenta", (255, 0, 255))])
def test_erase_fill_is_pure_and_the_rest_untouched(name, fill):
    image = np.maximum(picture(128, 128), 1)
    for seed in range(20):
        result = erase.LEVELS[name](image, seed)
        assert (result.image[result.mask == 1] == fill).all()
        assert ((result.image == fill).all(axis=2) == (result.mask == 1)).all()  # no rim in between
        assert 0 < result.mask.mean() < 0.5


def test_erase_magenta_loses_what_black_loses():
    image = picture(64, 64)
    black, magenta = (erase.LEVELS[name](image, 6).mask for name in ("erase_black", "erase_magenta"))
    assert np.array_equal(black, magenta)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_vary_and_stay_on_the_canvas(kind):
    drawings = [ink(KINDS[kind](np.random.Generator(np.random.PCG64(seed)))) for seed in range(30)]
    assert len({drawing.tobytes() for drawing in drawings}) == 30
    for drawing in drawings:
        assert drawing.shape == (CANVAS, CANVAS) and drawing.max() > 200
        assert 10 < np.count_nonzero(drawing >= 128) < 0.6 * CANVAS**2
        assert not drawing[0].any() and not drawing[-1].any() and not drawing[:, 0].any() and not drawing[:, -1].any()


def test_thin_strokes_survive_shrinking():
    drawing = np.zeros((50, 50), np.uint8)
    drawing[10:40, 24:26] = 255
    assert erase.stretch(drawing, 8).any() and erase.stretch(drawing, 250).mean() == pytest.approx(0.024, abs=0.004)


def test_erase_files_takes_dark_as_erased(folders):
    level = dataclasses.replace(erase.LEVELS["erase_files"], folder=folders["erase_files"])
    image = picture(256, 256)
    areas = [level(image, seed).mask.mean() for seed in range(30)]
    assert min(areas) > 0 and max(areas) < 0.45
