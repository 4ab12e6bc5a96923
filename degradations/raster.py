"""Polygons to pixels in integer arithmetic, so that every machine draws the same bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FULL = 256  # coverage of a pixel that lies wholly inside
_UNIT = 16  # vertices are rounded to 1/16 pixel


def coverage(polygons: Sequence[np.ndarray], height: int, width: int, lines: int = 4) -> np.ndarray:
    """How much of each pixel the union of some polygons covers: int32 H×W, 0..FULL.

    polygons: float n×2 (x, y) in pixels, closed by themselves; pixel i spans i..i+1. They may leave the frame.
    lines: sample lines per pixel row (1, 2, 4, 8 or 16); along a line coverage is exact. Every polygon is first
    turned the same way round, so overlaps do not cancel; where soft edges meet in a pixel they add up, at most to FULL.
    """
    x0, y0, x1, y1, sign = _edges(polygons, height, width)
    step = _UNIT // lines
    first = np.clip(-((step // 2 - y0) // step), 0, height * lines)
    last = np.clip(-((step // 2 - y1) // step), 0, height * lines)
    count = last - first
    edge = np.repeat(np.arange(len(count)), count)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    per_pixel = FULL // lines
    rise = (line * step + step // 2 - y0[edge]) * (x1 - x0)[edge] * per_pixel
    x = x0[edge] * per_pixel // _UNIT + rise // ((y1 - y0)[edge] * _UNIT)
    x = np.clip(x, 0, width * per_pixel)
    pixel, part = x // per_pixel, x % per_pixel
    cell = line // lines * (width + 2) + pixel
    size = height * (width + 2)
    total = np.bincount(cell, sign[edge] * (per_pixel - part), size)
    total += np.bincount(cell + 1, sign[edge] * part, size)
    winding = np.cumsum(total.reshape(height, width + 2), axis=1)[:, :width]
    return np.clip(winding, 0, FULL).astype(np.int32)


def filled(polygons: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    """Pixels at least half covered by the union of some polygons: bool H×W. One sample line per row."""
    return coverage(polygons, height, width, lines=1) * 2 >= FULL


def _edges(polygons: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    """Edges of all polygons pointing down, in 1/16 pixel: int64 rows x0, y0, x1, y1, sign; level edges left out."""
    far = 64 * (height + width)  # keeps wild vertices from overflowing
    blocks = []
    for polygon in polygons:
        start = np.rint(np.clip(polygon, -far, far) * _UNIT).astype(np.int64)
        end = np.concatenate((start[1:], start[:1]))
        area = np.sum(start[:, 0] * end[:, 1] - end[:, 0] * start[:, 1])
        blocks.append((start, end) if area >= 0 else (end, start))
    if not blocks:
        return np.zeros((5, 0), np.int64)
    start = np.concatenate([block[0] for block in blocks])
    end = np.concatenate([block[1] for block in blocks])
    rising = start[:, 1] > end[:, 1]  # an inside pixel has the upward edge of a positive polygon on its left
    top, bottom = np.where(rising[:, None], end, start), np.where(rising[:, None], start, end)
    edges = np.stack((top[:, 0], top[:, 1], bottom[:, 0], bottom[:, 1], np.where(rising, 1, -1)))
    return edges[:, top[:, 1] < bottom[:, 1]]


def smooth(points: np.ndarray, closed: bool, rounds: int = 2) -> np.ndarray:
    """Cut the corners of a line of points (Chaikin): float n×2 to more points, ends kept when open."""
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0) if closed else points[1:]
        before = points if closed else points[:-1]
        cut = np.stack((0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after), axis=1).reshape(-1, 2)
        points = cut if closed else np.concatenate((points[:1], cut, points[-1:]))
    return points


def disc(centre: np.ndarray, radius: float, corners: int = 16) -> np.ndarray:
    """A regular polygon standing for a disc: float corners×2."""
    angle = np.arange(corners) * (2 * np.pi / corners)
    return centre + radius * np.stack((np.cos(angle), np.sin(angle)), axis=1)


def stroke(points: np.ndarray, width: float) -> list[np.ndarray]:
    """A round-ended brush stroke along points (float n×2): one quadrilateral per segment, one disc per point."""
    unit = disc(np.zeros(2), width / 2, 8 if width < 6 else 16)
    pieces = [point + unit for point in points]
    for start, end in zip(points[:-1], points[1:], strict=True):
        along = end - start
        length = np.sqrt(along[0] * along[0] + along[1] * along[1])
        if length > 0:
            side = np.array([-along[1], along[0]]) * (width / 2 / length)
            pieces.append(np.stack((start + side, end + side, end - side, start - side)))
    return pieces
