"""What is around the face: background, clothes, neck and ears."""

from __future__ import annotations

import math

import cv2
import numpy as np

from bench.data.drawn.grid import Grid, View, bump, clouds, linear, paint, ramp
from bench.data.drawn.person import Person
from bench.data.drawn.skin import light_colours


def background(rng: np.random.Generator, side: int) -> np.ndarray:
    """An out-of-focus place, linear, side×side×3: studio backdrop, lights at night, a room, or leaves."""
    small = 64
    rows = np.linspace(0, 1, small, dtype=np.float32)[:, None]
    columns = np.linspace(0, 1, small, dtype=np.float32)[None]
    angle = rng.uniform(0, 2 * np.pi)
    slide = np.clip(0.5 + (columns - 0.5) * np.cos(angle) + (rows - 0.5) * np.sin(angle), 0, 1)[..., None]
    hue = rng.random()
    first, second = (
        _hue(hue, rng.uniform(0.05, 0.45), rng.uniform(0.15, 0.85)),
        _hue(hue + rng.uniform(-0.12, 0.12), rng.uniform(0.05, 0.5), rng.uniform(0.1, 0.8)),
    )
    image = (first + (second - first) * slide).astype(np.float32)
    kind = rng.choice(("studio", "lights", "room", "leaves"), p=(0.34, 0.22, 0.24, 0.20))
    if kind == "studio":
        image *= 0.75 + 0.5 * bump((columns - rng.uniform(0.2, 0.8)) / 0.45, (rows - 0.35) / 0.5)[..., None]
    elif kind == "room":
        image = _room(rng, image)
    else:
        image = _discs(rng, image, str(kind))
    wide = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(wide, 0.02, 0.95).astype(np.float32) ** 2


def _hue(hue: float, saturation: float, value: float) -> np.ndarray:
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return value * (1 - saturation + saturation * wheel)


def _discs(rng: np.random.Generator, image: np.ndarray, kind: str) -> np.ndarray:
    """Blurred spots of light: few and bright at night, many and green among leaves."""
    leaves = kind == "leaves"
    scale = 4
    big: np.ndarray = cv2.resize(image * (0.8 if leaves else 0.40), (64 * scale, 64 * scale))
    for _ in range(int(rng.integers(28, 46) if leaves else rng.integers(8, 18))):
        hue = rng.uniform(0.18, 0.40) if leaves else rng.choice((0.08, 0.12, 0.55, 0.0)) + rng.uniform(-0.03, 0.03)
        colour = _hue(float(hue), rng.uniform(0.2, 0.6), rng.uniform(0.25, 0.8) if leaves else rng.uniform(0.6, 1.0))
        layer = big.copy()
        centre = tuple(int(c) for c in rng.integers(0, 64 * scale, size=2))
        radius = int(rng.uniform(0.04, 0.11) * 64 * scale)
        cv2.circle(layer, centre, radius, [float(c) for c in colour], -1, cv2.LINE_AA)
        opacity = rng.uniform(0.25, 0.7)
        big += (layer - big) * np.float32(opacity)
    return cv2.GaussianBlur(big, (0, 0), 2.5 if not leaves else 5.0)


def _room(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Shelves, frames and a window, far out of focus."""
    room = image.copy()
    for _ in range(int(rng.integers(3, 8))):
        x, y = (int(c) for c in rng.integers(-8, 60, size=2))
        w, h = int(rng.integers(6, 26)), int(rng.integers(8, 40))
        tone = float(rng.uniform(0.45, 1.6))
        colour = np.clip(image[32, 32] * tone + rng.uniform(-0.12, 0.12, size=3), 0.02, 1.0)
        cv2.rectangle(room, (x, y), (x + w, y + h), [float(c) for c in colour], -1)
    return cv2.GaussianBlur(room, (0, 0), rng.uniform(1.2, 2.6))


def body(whole: np.ndarray, view: View, everywhere: Grid, person: Person, rng: np.random.Generator) -> None:
    """Neck, shoulders and clothes, upright below the head."""
    look, shape, light = person.look, person.shape, person.pose.light
    window = _below(view, 0.30)
    canvas, grid = whole[window], everywhere.crop(window)
    x = grid.bx + 0.95 * math.sin(person.pose.roll)  # the neck meets the head where the chin hangs
    y = grid.by
    thick = 0.55 * shape.width + 0.07 * (shape.jaw - 2.25)
    key, fill = light_colours(person.pose)
    half = thick + 0.10 * ramp(0.9, 1.35, y) + 0.55 * ramp(1.22, 1.62, y)
    neck = ramp(0.02, -0.02, np.abs(x) - half) * ramp(0.3, 0.4, y)
    turn = np.clip(x / thick, -1, 1)
    facing = np.clip(turn * light[0] + np.sqrt(1 - 0.85 * turn * turn) * light[2] + 0.15, 0, 1)
    under = 1 - 0.62 * ramp(1.36, 0.98, y - 0.12 * turn * math.copysign(1, light[0]))
    cords = 1 - 0.10 * bump((np.abs(x) - 0.42 * thick - 0.25 * (1.3 - y)) / 0.04, (y - 1.25) / 0.2)
    shade = (facing * 0.95 + person.pose.ambient) * under * cords
    paint(canvas, linear(look.skin) * shade[..., None] * key, neck)
    folds = clouds(rng, view.side, 7)
    lower = _below(view, 0.98)
    _clothes(whole[lower], everywhere.crop(lower), person, folds[lower])


def _below(view: View, y: float) -> tuple[slice, slice]:
    """The canvas below a height of the body frame."""
    return slice(int(view.pose.cy * view.side + y * view.unit), view.side), slice(0, view.side)


def _clothes(canvas: np.ndarray, grid: Grid, person: Person, folds: np.ndarray) -> None:
    look, light, y = person.look, person.pose.light, grid.by
    x = grid.bx + 0.95 * math.sin(person.pose.roll)
    side = np.abs(x)
    slope = 1.13 + 0.05 * side + 0.24 * np.maximum(side - 0.35, 0) ** 1.2
    cut = {"crew": 0.17, "vee": 0.40, "shirt": 0.22, "jacket": 0.30}[look.collar]
    dip = cut * np.clip(1 - (side / 0.46) ** (1.1 if look.collar in ("vee", "shirt") else 2.2), 0, 1)
    cover = ramp(-0.015, 0.015, y - slope - dip)
    weave = 1 + 0.10 * np.sin(grid.bx * 75) * (look.wave > 0.6) + 0.08 * np.sin(grid.by * 60) * (look.wave > 0.8)
    facing = 0.55 + 0.35 * light[0] * np.clip(x, -1, 1) + 0.5 * (folds - 0.5)
    shade = np.clip(facing + person.pose.ambient * 0.6, 0.1, 1.3) * weave
    paint(canvas, linear(look.cloth) * shade[..., None], cover)
    edge = np.exp(-(((y - slope - dip - 0.035) / 0.018) ** 2)) * (side < 0.5)
    canvas *= 1 - (0.22 * edge)[..., None]
    if look.collar in ("shirt", "jacket"):
        flap = ramp(-0.02, 0.02, y - slope + 0.08) * ramp(0.02, -0.02, np.abs(side - 0.24 + 0.35 * (y - 1.25)) - 0.10)
        paint(
            canvas, linear(look.inner) * (shade * 1.1)[..., None], flap * ramp(0.0, 0.05, y - slope - dip + 0.14) * 0.95
        )


def ears(canvas: np.ndarray, view: View, grid: Grid, person: Person) -> None:
    """Both ears, behind the head; the one turned away sinks behind it."""
    look, pose, shape = person.look, person.pose, person.shape
    for side in (-1, 1):
        turned = side * math.sin(pose.yaw)
        cx = side * (shape.width * 0.985 - 0.10 * max(turned, 0.0) - 0.05 * min(turned, 0.0) * 0.5)
        cy = 0.09 - 0.9 * math.sin(pose.pitch) * 0.3
        window = view.window(view.pixel(cx, cy), 0.36)
        part, image = grid.crop(window), canvas[window]
        x, y = (part.x - cx) * side, part.y - cy
        lean = x - 0.18 * (-y)
        far = np.hypot(lean / (0.10 - 0.04 * min(turned, 0) * -1), (y - 0.02) / (0.235 - 0.05 * ramp(-0.1, 0.3, y)))
        rim = np.exp(-(((far - 0.82) / 0.16) ** 2))
        bowl = bump((lean - 0.005) / 0.042, (y - 0.0) / 0.09)
        lit = 0.55 + 0.45 * np.clip(side * pose.light[0] * 1.2 + 0.3, -0.6, 1)
        shade = lit * (0.78 + 0.28 * rim - 0.42 * bowl)
        colour = linear(look.skin * np.array([1.0, 0.92, 0.90])) * shade[..., None]
        paint(image, colour, ramp(1.06, 0.94, far))
