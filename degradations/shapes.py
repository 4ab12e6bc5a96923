"""Hand-drawn looking shapes on a 50×50 canvas: what the DotCSV project drew with a mouse, drawn here from a seed.

The project's eight drawings are short wobbly strokes, ticks, cups, pairs and dots; blobs, crescents, rings, patches and
scribbles are added so that shapes also take solid areas away.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from degradations.raster import FULL, coverage, disc, smooth, stroke

CANVAS = 50
_LOW, _HIGH = 4.0, 46.0  # ink keeps this far from the canvas's edge

Polygons = list[np.ndarray]


def draw(rng: np.random.Generator) -> np.ndarray:
    """One shape of a random kind: uint8 50×50, 255 where ink is, edges smooth."""
    kind = list(KINDS)[int(rng.integers(len(KINDS)))]
    return ink(KINDS[kind](rng))


def ink(polygons: Polygons) -> np.ndarray:
    """Polygons on the canvas: uint8 50×50, 0..255."""
    return (coverage(polygons, CANVAS, CANVAS) * 255 // FULL).astype(np.uint8)


def _inside(points: np.ndarray) -> np.ndarray:
    return np.clip(points, _LOW, _HIGH)


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Points turned about the canvas's centre."""
    c, s = np.cos(angle), np.sin(angle)
    dx, dy = (points - CANVAS / 2).T
    return np.stack((c * dx - s * dy, s * dx + c * dy), axis=1) + CANVAS / 2


def _turn(rng: np.random.Generator) -> float:
    return float(rng.uniform(0, 2 * np.pi))


def _wander(rng: np.random.Generator) -> Polygons:
    """A wobbly line."""
    steps = int(rng.integers(3, 7))
    angle = _turn(rng) + np.cumsum(rng.uniform(-0.8, 0.8, steps))
    reach = rng.uniform(5, 10, steps)[:, None]
    path = np.cumsum(reach * np.stack((np.cos(angle), np.sin(angle)), axis=1), axis=0)
    path = path - (path.min(axis=0) + path.max(axis=0)) / 2 + CANVAS / 2 + rng.uniform(-4, 4, 2)
    return stroke(smooth(_inside(path), closed=False), float(rng.uniform(2.5, 7)))


def _tick(rng: np.random.Generator) -> Polygons:
    """One short straight stroke."""
    half = rng.uniform(6, 14)
    line = np.array([[25 - half, 25], [25, 25 + rng.uniform(-2, 2)], [25 + half, 25]])
    return stroke(_turned(line, _turn(rng)), float(rng.uniform(2.5, 6)))


def _cup(rng: np.random.Generator) -> Polygons:
    """A smile: a flat stroke with both ends turned up, as wide as a mouth or deep as a vee."""
    half, depth = rng.uniform(8, 17), rng.uniform(5, 26)
    foot = half * rng.uniform(0.15, 0.9)
    line = np.array([[-half, -depth / 2], [-foot, depth / 2], [foot, depth / 2], [half, -depth / 2]])
    line = line + 25 + rng.uniform(-2, 2, (4, 2))
    return stroke(smooth(_inside(line), closed=False), float(rng.uniform(2.5, 5.5)))


def _pair(rng: np.random.Generator) -> Polygons:
    """Two short arcs side by side, as over two eyes."""
    gap, width = rng.uniform(9, 14), float(rng.uniform(2.5, 6))
    arc = np.array([[-5.0, -1.5], [0.0, 1.5], [5.0, -1.0]]) * rng.uniform(0.8, 1.3)
    y = rng.uniform(14, 36)
    left, right = arc + (25 - gap, y), arc * (-1, 1) + (25 + gap, y + rng.uniform(-2, 2))
    return stroke(smooth(left, closed=False), width) + stroke(smooth(right, closed=False), width)


def _dots(rng: np.random.Generator) -> Polygons:
    """A handful of dots."""
    places = rng.uniform(8, 42, (int(rng.integers(4, 9)), 2))
    return [disc(place, float(rng.uniform(1.2, 3.5))) for place in places]


def _blob(rng: np.random.Generator) -> Polygons:
    """A filled potato."""
    count = int(rng.integers(7, 12))
    angle = np.arange(count) * (2 * np.pi / count)
    reach = rng.uniform(8, 21, count)[:, None] * rng.uniform(0.55, 1.0, 2)
    outline = 25 + reach * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return [_inside(_turned(smooth(outline, closed=True), _turn(rng)))]


def _crescent(rng: np.random.Generator) -> Polygons:
    """A new moon."""
    radius, bite = rng.uniform(12, 20), rng.uniform(0.3, 0.75)
    angle = np.linspace(-1.0, 1.0, 13) * rng.uniform(1.1, 1.6)
    outer = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    inner = outer * (bite, 1) + ((1 - bite) * np.cos(angle[0]), 0)
    return [_turned(25 + radius * np.concatenate((outer, inner[::-1])) - (radius / 2, 0), _turn(rng))]


def _ring(rng: np.random.Generator) -> Polygons:
    """A loop drawn with a pen, its ends not quite meeting."""
    angle = np.linspace(0, 2 * np.pi * rng.uniform(0.88, 1.02), 13)
    reach = rng.uniform(9, 18, 2) * rng.uniform(0.88, 1.12, (13, 1))
    loop = 25 + reach * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return stroke(smooth(_inside(_turned(loop, _turn(rng))), closed=False, rounds=1), float(rng.uniform(2.5, 5)))


def _patch(rng: np.random.Generator) -> Polygons:
    """A block with crooked sides."""
    half = rng.uniform(7, 17, 2)
    corners = np.array([[-1, -1], [0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0]]) * half
    corners = corners + 25 + rng.uniform(-2.5, 2.5, (8, 2))
    return [_inside(_turned(smooth(corners, closed=True, rounds=1), float(rng.uniform(-0.5, 0.5))))]


def _scribble(rng: np.random.Generator) -> Polygons:
    """A zigzag, as when shading by hand."""
    count = int(rng.integers(5, 9))
    x = np.linspace(-15, 15, count)
    y = np.where(np.arange(count) % 2 == 0, -1, 1) * rng.uniform(6, 15, count)
    line = np.stack((x, y), axis=1) * rng.uniform(0.7, 1.0) + 25
    return stroke(_inside(_turned(line, _turn(rng))), float(rng.uniform(3, 6.5)))


KINDS: MappingProxyType[str, Callable[[np.random.Generator], Polygons]] = MappingProxyType(
    {
        "wander": _wander,
        "tick": _tick,
        "cup": _cup,
        "pair": _pair,
        "dots": _dots,
        "blob": _blob,
        "crescent": _crescent,
        "ring": _ring,
        "patch": _patch,
        "scribble": _scribble,
    }
)
