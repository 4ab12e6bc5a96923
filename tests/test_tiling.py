"""Large pictures in overlapping tiles: the same pixels as in one piece, where the method looks no further."""

import cv2
import numpy as np
import pytest
import torch

from bench import tiling
from bench.discovery import discover
from bench.scoring.restore import restore
from bench.tiling import Grid, LiveBytes, bytes_a_pixel, in_tiles, side_for, windows
from bench.training.engine import choose_engine
from methods.regressors import DnCnn
from tests.conftest import draw


@pytest.fixture(scope="module")
def engine():
    return choose_engine("cpu", "float32")


def tiled(method, picture, side, engine, mask=None):
    """uint8 H×W×3, in one piece with a side of 0."""

    def one(window):
        return restore(method, picture[window][None], None if mask is None else mask[window][None], engine)[0][0]

    return in_tiles(one, picture.shape[:2], side, Grid.of(method.multiple_of))


@pytest.mark.parametrize("length", [1, 255, 256, 257, 300, 383, 384, 385, 1000, 4001])
@pytest.mark.parametrize("multiple", [1, 4, 96, 256])
def test_tiles_cover_a_picture_and_their_weights_add_up_to_one(length, multiple):
    grid = Grid.of(multiple)
    side = grid.least + 3 * grid.step
    spans = grid.spans(length, side)
    total = np.zeros(length, np.float32)
    for span in spans:
        assert span.start % multiple == span.start % 16 == 0 and span.stop - span.start <= side
        total[span.start : span.stop] += span.weights
    assert np.abs(total - 1).max() < 1e-6 and spans[-1].stop == length
    assert all(one.stop - other.start == grid.overlap for one, other in zip(spans, spans[1:], strict=False))


def test_a_pixel_s_own_work_is_joined_without_a_trace():
    picture = draw(0, 700, 900)
    joined = in_tiles(lambda window: picture[window], (700, 900), 256, Grid.of(1))
    assert np.array_equal(joined, picture) and len(list(windows((700, 900), 256, Grid.of(1)))) > 20


def test_dncnn_in_tiles_is_dncnn_in_one_piece(engine):
    """Its field of 17 pixels is within the 32 that the join throws away: exact, but for rounding at half a level."""
    method = DnCnn(DnCnn.Config(depth=17, width=4))
    with torch.no_grad():
        method.network.model[-1].weight.mul_(100)  # from the start of training, where it hardly does anything
    picture = draw(1, 280, 400)
    whole, parts = tiled(method, picture, 0, engine), tiled(method, picture, 256, engine)
    assert np.abs(whole.astype(int) - picture).mean() > 1
    off = np.abs(whole.astype(int) - parts)
    assert off.max() <= 1 and (off > 0).mean() < 1e-4


def test_a_far_seeing_method_differs_near_the_tile_s_edge_only(engine):
    """A mean over 2·60 + 1 pixels: within 60 of a cut edge it may differ, beyond not."""

    def one(window):
        return cv2.blur(picture[window].copy(), (121, 121), borderType=cv2.BORDER_REFLECT_101)

    picture = np.zeros((300, 900, 3), np.uint8)
    picture[:, ::2] = draw(2, 300, 450)
    picture[:, (np.arange(900) // 48) % 2 > 0] = 255
    grid = Grid.of(1)
    off = np.abs(in_tiles(one, (300, 900), 384, grid).astype(int) - one(np.s_[:, :])).max(axis=(0, 2))
    safe = np.ones(900, bool)
    for span in grid.spans(900, 384):
        safe[max(span.stop - 60, 0) : span.stop] &= span.stop == 900
        safe[span.start : span.start + 60] &= span.start == 0
    assert off[safe].max() <= 1 and safe.mean() > 0.5 and off[~safe].max() > 1


@pytest.mark.parametrize(
    "name, config, most", [("median", {}, 0), ("telea", {}, 0), ("tv", {}, 2), ("glcic", {"base": 4}, 2)]
)
def test_other_methods_in_tiles(name, config, most, engine):
    """What docs/restore.md states, in levels, of methods that look far but not at the whole picture."""
    method = discover(()).method(name).override(config).build()
    picture, mask = draw(3, 300, 420), np.zeros((300, 420), np.uint8)
    mask[190:210, 200:220] = 1
    whole, parts = (tiled(method, picture, side, engine, mask).astype(int) for side in (0, 256))
    assert np.abs(whole - parts).max() <= most


def test_a_norm_over_the_picture_makes_tiles_differ(engine):
    """As docs/restore.md warns: the mean over a tile is not the mean over the picture."""
    method = discover(()).method("unet_l1").override({"levels": 4, "base": 4}).build()
    picture = draw(3, 300, 420)
    whole, parts = (tiled(method, picture, side, engine).astype(int) for side in (0, 256))
    assert np.abs(whole - parts).max() > 1


def test_a_method_s_memory_is_what_its_maps_take(engine):
    narrow, wide = (bytes_a_pixel(DnCnn(DnCnn.Config(depth=5, width=width)), False, engine) for width in (64, 256))
    assert 2 * 64 * 4 < narrow / tiling.SLACK < 3 * 64 * 4
    assert 3.5 < wide / narrow < 4.5


def test_what_is_freed_is_not_counted_twice():
    with LiveBytes() as live:
        for _ in range(5):
            each = torch.zeros(1000)
            each.add_(1).view(10, 100)
        del each
    assert 4000 <= live.most <= 8000 and live.now == 0


def test_the_side_follows_from_the_room():
    grid = Grid.of(1)
    assert side_for(500 * 500, 1e9, 1, grid) == 0  # a small picture is never cut
    assert side_for(12_000_000, 10, 1 << 30, grid) == 0  # there is room
    side = side_for(12_000_000, 1000, 1 << 29, grid)
    assert side % 16 == 0 and 0.9 * (1 << 29) < side**2 * 1000 <= 1 << 29
    assert side_for(12_000_000, 1e6, 1 << 20, Grid.of(256)) == 512  # the least
