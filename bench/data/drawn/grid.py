"""The canvas in the head's own coordinates, and the small brushes every part is drawn with.

Head frame: origin at the head's centre, one unit is half the head's height, y downwards; skull top at -1, chin at +1.
(u, v) is where a pixel's surface point would lie on the same head seen from the front, so features drawn in (u, v)
turn with the head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache

import cv2
import numpy as np

from bench.data.drawn.person import Pose, Shape

_REACH = 2.2  # tables of functions of y cover -_REACH .. _REACH
_ENTRIES = 4096


@dataclass(frozen=True)
class Grid:
    """Maps over the canvas (or a window of it), float32."""

    x: np.ndarray  # head frame, turned with the roll
    y: np.ndarray
    bx: np.ndarray  # body frame: same unit, upright
    by: np.ndarray
    u: np.ndarray  # front-view coordinates
    v: np.ndarray
    round: np.ndarray  # sqrt(1 - (x / half width)^2): 1 on the mid line, 0 at the outline
    wide: np.ndarray  # half width of the head at this height
    inside: np.ndarray  # coverage of the head, 0..1

    def crop(self, window: tuple[slice, slice]) -> Grid:
        """The same maps seen through a window."""
        return Grid(*(getattr(self, field.name)[window] for field in fields(self)))


def table(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Look a function of y up; values are taken at heights()."""
    index = np.clip((y + _REACH) * (_ENTRIES / (2 * _REACH)), 0, _ENTRIES - 1).astype(np.int32)
    return np.take(values.astype(np.float32), index)


@cache
def heights() -> np.ndarray:
    """The heights that tables are given at (shared: not to be written to)."""
    return np.linspace(-_REACH, _REACH, _ENTRIES, dtype=np.float64)


def outline(shape: Shape, y: np.ndarray) -> np.ndarray:
    """Half width of the head at height y; zero above the skull and below the chin."""
    up, down = np.clip(-y, 0, 1), np.clip(y, 0, 1)
    skull = (1 - up**2.35) ** (1 / 2.35)
    jaw = (1 - down**shape.jaw) ** (1 / shape.jaw) * (1 - shape.taper * down**1.5)
    return shape.width * np.where(y < 0, skull, jaw)


class View:
    """Places points of the head on the canvas: the inverse of Grid, for a few points."""

    def __init__(self, pose: Pose, shape: Shape, side: int) -> None:
        self.pose, self.shape, self.side = pose, shape, side
        self.unit = pose.scale * side  # pixels per head half-height
        self._half = outline(shape, heights())

    def place(self, u: float, v: float, out: float = 0.0) -> tuple[float, float]:
        """Canvas pixel of the surface point seen at (u, v) from the front, raised by out above the surface."""
        pose, x, y = self.pose, u, v
        for _ in range(8):  # y depends on x through the head's roundness: a contraction for small pitch
            wide = max(float(np.interp(y, heights(), self._half)), 1e-3)
            depth = math.sqrt(max(wide**2 - u**2, 0.0))
            x = u * math.cos(pose.yaw) + depth * math.sin(pose.yaw)
            y = v + math.sin(pose.pitch) * (1 - min(y * y, 1)) * math.sqrt(max(1 - (x / wide) ** 2, 0.0))
        return self.pixel(x + out * math.sin(pose.yaw), y + out * math.sin(pose.pitch))

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Canvas pixel (index units) of a point of the head frame."""
        cos, sin = math.cos(self.pose.roll), math.sin(self.pose.roll)
        px = self.pose.cx * self.side + self.unit * (cos * x - sin * y) - 0.5
        py = self.pose.cy * self.side + self.unit * (sin * x + cos * y) - 0.5
        return float(px), float(py)

    def window(self, centre: tuple[float, float], wide: float, tall: float | None = None) -> tuple[slice, slice]:
        """Rows and columns around a canvas pixel, reaching wide and tall head units from it, cut at the canvas."""
        reach = (wide * self.unit + 2, (tall or wide) * self.unit + 2)
        columns, rows = (
            slice(max(int(c - r), 0), max(min(int(c + r) + 2, self.side), 0))
            for c, r in zip(centre, reach, strict=True)
        )
        return rows, columns

    def grid(self) -> Grid:
        """The maps of the whole canvas."""
        pose, step = self.pose, 1.0 / self.unit
        axis = (np.arange(self.side, dtype=np.float32) + 0.5) * step
        bx = np.broadcast_to(axis - pose.cx / pose.scale, (self.side, self.side)).astype(np.float32)
        by = np.ascontiguousarray(np.broadcast_to((axis - pose.cy / pose.scale)[:, None], bx.shape), np.float32)
        cos, sin = math.cos(pose.roll), math.sin(pose.roll)
        x, y = cos * bx + sin * by, cos * by - sin * bx
        wide = table(self._half, y)
        slope = table(np.hypot(1, np.gradient(self._half, heights())), y)
        beyond = np.maximum(np.abs(y) - 1, 0)
        inside = np.clip(((wide - np.abs(x)) / slope - beyond) * self.unit * 0.7 + 0.5, 0, 1)
        ratio = np.minimum(np.abs(x) / np.maximum(wide, 1e-3), 1)
        around = np.sqrt(1 - ratio * ratio)
        u = x * math.cos(pose.yaw) - around * wide * math.sin(pose.yaw)
        v = y - math.sin(pose.pitch) * np.maximum(1 - y * y, 0) * around
        return Grid(x, y, bx, by, u, v, around, wide, inside)


def ramp(low: float | np.ndarray, high: float | np.ndarray, value: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at low to 1 at high (low may exceed high)."""
    t = np.clip((value - low) * (1.0 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gaussian of already scaled coordinates."""
    return np.exp(-0.5 * (x * x + y * y))


def paint(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Lay a colour (3 or H×W×3, linear) over image in place with H×W coverage."""
    alpha = alpha.astype(np.float32, copy=False)
    for c in range(3):  # by plane: numpy is slow over a last axis of three
        plane = image[..., c]
        plane += (colour[..., c] - plane) * alpha


def linear(colour: np.ndarray) -> np.ndarray:
    """sRGB-like colour to the light the renderer computes in (gamma 2, undone by a square root)."""
    return (np.asarray(colour, np.float64) ** 2).astype(np.float32)


def clouds(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth value noise in 0..1, side×side, with the given number of cells across."""
    coarse = rng.random((cells, cells)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)


def strands(rng: np.random.Generator, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Hair-like noise in 0..1: fast across the flow, slow along it. Coordinates in head units."""
    fine = rng.random((24, 256)).astype(np.float32)
    coarse = cv2.resize(rng.random((24, 64)).astype(np.float32), (256, 24), interpolation=cv2.INTER_LINEAR)
    noise = 0.5 * fine + 0.5 * coarse
    return cv2.remap(
        noise,
        (across * 60 + 128).astype(np.float32),
        (along * 5 + 12).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
