"""Hair: where it grows and falls, how its strands run, and how light lies on it. Headscarves use the same outline."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from bench.data.drawn.grid import Grid, clouds, heights, linear, outline, paint, ramp, strands, table
from bench.data.drawn.person import Person
from bench.data.drawn.skin import light_colours


@dataclass(frozen=True)
class Style:
    """A cut. The hairline is line + bow * |u/width - part|^power; lengths in head half-heights."""

    line: float
    bow: float
    power: float
    parted: float  # 0: no parting, 1: where the person parts it
    drop: float  # how far down hair lies beside the face
    top: float
    wide: float
    length: float  # of the hair behind and beside the neck; 0: none
    curl: float = 0.0
    ragged: float = 0.06  # unevenness of the hairline
    open: float = 0.90  # half width of the face left free beside long hair, over the head's
    dense: float = 1.0


STYLES = {
    "buzz": Style(-0.60, 0.06, 2.0, 0, 0.02, 0.015, 0.005, 0, ragged=0.05, dense=0.62),
    "crop": Style(-0.56, 0.08, 2.0, 0, 0.10, 0.10, 0.035, 0),
    "side": Style(-0.60, 0.22, 1.2, 1, 0.12, 0.13, 0.04, 0),
    "quiff": Style(-0.62, 0.10, 2.0, 0, 0.08, 0.22, 0.02, 0, ragged=0.04),
    "fringe": Style(-0.30, 0.04, 2.0, 0, 0.14, 0.12, 0.06, 0, ragged=0.20),
    "curly": Style(-0.50, 0.06, 2.0, 0, 0.12, 0.20, 0.10, 0, curl=1.0, ragged=0.07),
    "long": Style(-0.66, 0.62, 1.0, 0, 9.0, 0.09, 0.10, 1.9),
    "longside": Style(-0.66, 0.50, 1.0, 1, 9.0, 0.12, 0.12, 1.9),
    "bangs": Style(-0.20, -0.02, 2.0, 0, 9.0, 0.10, 0.09, 1.9, ragged=0.08),
    "bob": Style(-0.64, 0.50, 1.1, 1, 9.0, 0.11, 0.13, 0.80),
    "bobbangs": Style(-0.20, -0.02, 2.0, 0, 9.0, 0.11, 0.13, 0.74, ragged=0.07),
    "tied": Style(-0.62, 0.10, 1.8, 0, 0.05, 0.05, 0.015, 0, ragged=0.03),
    "bun": Style(-0.62, 0.10, 1.8, 0, 0.05, 0.06, 0.015, 0, ragged=0.03),
    "curls": Style(-0.56, 0.34, 1.2, 1, 9.0, 0.20, 0.26, 1.25, curl=0.8, ragged=0.05),
    "afro": Style(-0.52, 0.05, 2.0, 0, 0.30, 0.34, 0.36, 0, curl=1.0, ragged=0.05),
    "scarf": Style(-0.58, 0.10, 2.0, 0, 9.0, 0.08, 0.09, 2.1, ragged=0.0, open=0.88),
}


@dataclass(frozen=True)
class Coat:
    """Hair ready to lay down: coverage behind the head, coverage before it, and its colour (linear)."""

    behind: np.ndarray
    before: np.ndarray
    colour: np.ndarray


def grow(grid: Grid, person: Person, rng: np.random.Generator) -> Coat | None:
    """The hair of a person, or None for a bald one."""
    style = STYLES.get(person.look.style)
    if style is None:
        return None
    top = style.top * person.look.volume
    x = grid.x + 0.06 * math.sin(person.pose.yaw)
    across, along = _flow(x, grid.y, person, top)
    side = grid.x.shape[0]
    lumps = clouds(rng, side, 44 if style.curl else 9) if person.look.style != "scarf" else clouds(rng, side, 4)
    if style.curl:
        across, along = across + 0.16 * style.curl * (lumps - 0.5), along + 0.5 * (clouds(rng, side, 36) - 0.5)
    smooth = 0.16 if person.look.style == "scarf" else 1.0
    strand = strands(rng, across * smooth, along * smooth)
    if style.curl:
        ringlet = 1 - np.abs(2 * clouds(rng, side, 40) - 1) ** 0.8
        strand = 0.3 * strand + 0.25 * lumps + 0.45 * ringlet
    jag = (strand - 0.5) * 0.05 + (lumps - 0.5) * (0.05 + 0.10 * style.curl) * (smooth == 1.0)
    hull = _hull(grid, person, style, top, jag)
    before = hull * (1 - _opening(grid, person, style, jag + style.ragged * (strand - 0.5)))
    if not style.length:
        # Cut hair ends at the side of the head; what is drawn above the ears fades into them.
        before *= ramp(style.drop + 0.10, style.drop - 0.05, grid.y + 0.06 * (strand - 0.5))
    if person.look.style == "bun":
        hull = np.maximum(hull, _bun(grid, jag))
        before = np.maximum(before, _bun(grid, jag) * (1 - grid.inside))
    return Coat(hull, before * style.dense, _shade(grid, person, (strand, along), x))


def _flow(x: np.ndarray, y: np.ndarray, person: Person, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates across and along the strands: from the parting out over the skull, then straight down."""
    style, look = STYLES[person.look.style], person.look
    at = heights()
    climb = np.clip((at + 1 + top) / (1.15 + top), 0.0, 1.0)
    spread = np.sqrt(np.clip(1 - (1 - climb) ** 2, 0.004, 1.0))
    root = look.part * style.parted * person.shape.width * np.clip(1 - climb, 0, 1)
    across = (x - table(root, y)) / table(spread, y)
    waves = 0.045 * look.wave * ramp(-0.4, 0.9, y) * np.sin(7.5 * y + 2 * across + 9 * look.part)
    return across + waves, y - 0.25 * np.abs(across)


def _hull(grid: Grid, person: Person, style: Style, top: float, jag: np.ndarray) -> np.ndarray:
    """Coverage of the whole hair, the face included."""
    at, shape = heights(), person.shape
    if style.length:
        fall = np.clip(at / style.length, 0, 1)
        flare = 0.10 * fall if style.length > 1 else 0.10 * np.sin(np.pi * fall) - 0.06 * fall**4
        width = shape.width + style.wide * person.look.volume + flare
        ends = ramp(0.08, -0.08, grid.y - style.length + 1.6 * jag + 0.12 * (grid.x * grid.x))
    else:
        width = outline(shape, at) + style.wide * person.look.volume * np.clip(1 - at, 0, 1)
        ends = np.ones((), np.float32)
    side = np.abs(grid.x + 0.06 * math.sin(person.pose.yaw))
    reach = shape.width + style.wide * person.look.volume
    lifted = np.maximum(-grid.y, 0) * np.float32(1 / (1 + top))
    above = reach * (1 - ((side / reach) ** 2.7 + lifted**2.7) ** (1 / 2.7))
    edge = np.where(grid.y < 0, above, table(width, grid.y) - side)
    soft = 0.012 + 0.02 * style.curl
    return ramp(-soft, soft, edge + jag) * ends


def _opening(grid: Grid, person: Person, style: Style, jag: np.ndarray) -> np.ndarray:
    """Coverage of the hole that the face looks through."""
    q = grid.u / person.shape.width
    away = np.abs(q - person.look.part * style.parted)
    line = style.line + style.bow * away**style.power + 0.03 * person.look.age * (1 - 4 * q * q)
    if style.length:
        tall = np.clip(grid.y, -2, 0.55)
        half = style.open * (1 - 0.34 * ramp(0.25, 1.0, tall) - 0.10 * ramp(0.5, 1.3, grid.y))
        beside = ramp(0.03, -0.03, np.abs(q) - half + jag)
        if person.look.style == "scarf":
            round_chin = ramp(0.02, -0.02, (q / 0.88) ** 2 + ((grid.v - 0.22) / 0.83) ** 2 - 1)
            return round_chin
        return ramp(-0.03, 0.03, grid.v - line + jag) * beside
    lean = 0.16 * ramp(-0.60, 0.05, grid.v)
    temple = ramp(0.77, 0.87, np.abs(q) - lean + 0.5 * jag)
    free = ramp(-0.03, 0.03, grid.v - line + jag) * (1 - temple)
    return np.maximum(free, ramp(style.drop - 0.04, style.drop + 0.04, grid.v + jag))


def _bun(grid: Grid, jag: np.ndarray) -> np.ndarray:
    return ramp(0.02, -0.02, np.hypot(grid.x / 0.30, (grid.y + 1.10) / 0.24) * 0.27 - 0.27 + jag)


def _shade(grid: Grid, person: Person, weave: tuple[np.ndarray, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Colour of the hair under light, linear: a lit ellipsoid, strand by strand, with a band of gloss."""
    strand, along = weave
    scarf = person.look.style == "scarf"
    light = person.pose.light
    nx, ny = np.clip(x / 1.05, -1, 1), np.clip((grid.y + 0.1) / 1.35, -1, 1)
    nz = np.sqrt(np.clip(1 - 0.8 * nx * nx - 0.6 * np.minimum(ny, 0) ** 2, 0.02, 1))
    facing = np.clip(nx * light[0] + ny * light[1] * (ny < 0) + nz * light[2] + 0.25, 0, 1.25) / 1.25
    key, fill = light_colours(person.pose)
    body = (0.42 + 0.85 * strand) if not scarf else (0.72 + 0.5 * strand)
    shade = body * (facing * 0.95 + person.pose.ambient * 0.6)
    base = linear(person.look.cloth if scarf else person.look.hair)
    band = np.exp(-(((along + 0.62 - 0.22 * (strand - 0.5) - 0.10 * light[0] * x) / 0.13) ** 2)) * facing * strand**2
    gloss = (base * 0.9 + 0.05) * (0.25 if scarf else 1.0)
    diffuse, shine, least = base * key * 1.15, gloss * key, 0.004 * fill
    return cv2.merge([shade * diffuse[c] + (band * shine[c] + least[c]) for c in range(3)])


def cast_shadow(canvas: np.ndarray, coat: Coat, person: Person, unit: float) -> None:
    """Darken what lies just beside the front hair, away from the light, in place."""
    dx, dy = (-person.pose.light[i] * 0.07 * unit for i in (0, 1))
    move = np.array([[1, 0, dx], [0, 1, abs(dy)]], np.float32)
    soft = cv2.GaussianBlur(coat.before, (0, 0), 0.05 * unit)
    shadow = cv2.warpAffine(soft, move, coat.before.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    canvas *= 1 - (0.50 * shadow * (1 - coat.before))[..., None]


def lay(canvas: np.ndarray, coat: Coat) -> None:
    """Lay the front hair over the canvas."""
    paint(canvas, coat.colour, np.clip(coat.before, 0, 1))
