"""Polygons and strokes with exact coverage."""

from __future__ import annotations

import numpy as np
import pytest

from degradations.raster import FULL, coverage, disc, filled, stroke


def test_coverage_is_the_area_inside():
    square = np.array([(1.25, 2.0), (4.5, 2.0), (4.5, 5.0), (1.25, 5.0)])
    got = coverage([square], 7, 6)
    assert got[3].tolist() == [0, 192, 256, 256, 128, 0]
    assert got.sum() == 3.25 * 3 * FULL
    assert np.array_equal(coverage([square[::-1]], 7, 6), got)  # either way round
    other = square + (1.25, 0)
    assert coverage([square, other[::-1]], 7, 8)[3].tolist() == [0, 192, 256, 256, 256, 192, 0, 0]  # a union
    circle = coverage([disc(np.array([30.0, 30.0]), 20, 64)], 60, 60).sum() / FULL
    assert circle == pytest.approx(np.pi * 400, rel=0.005)


def test_polygons_are_cut_at_the_frame():
    big = np.array([(-50.0, -50.0), (90.0, -50.0), (90.0, 90.0), (-50.0, 90.0)])
    assert (coverage([big], 5, 8) == FULL).all()
    assert not coverage([big + 1000], 5, 8).any()
    assert not coverage([], 5, 8).any()


def test_stroke_is_as_wide_as_asked_with_round_ends():
    mask = filled(stroke(np.array([(10.0, 20.0), (40.0, 20.0)]), 8.0), 40, 50)
    assert mask[:, 25].sum() == 8
    assert mask[20].sum() == pytest.approx(38, abs=1)
