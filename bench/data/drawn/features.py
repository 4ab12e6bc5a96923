"""Eyes, brows, nostrils, mouth, beard and glasses, drawn onto the lit head in front-view coordinates."""

from __future__ import annotations

import math

import numpy as np

from bench.data.drawn.grid import Grid, View, bump, linear, paint, ramp, strands
from bench.data.drawn.person import Look, Person, Shape
from bench.data.drawn.skin import lip_line

_EDGE = 0.012  # softness of drawn edges, head units


def eye(canvas: np.ndarray, view: View, grid: Grid, person: Person, side: int) -> None:
    """One eye; side is -1 for the one at smaller x, +1 for the other."""
    shape, look = person.shape, person.look
    window = view.window(view.place(side * shape.eye_x, 0.0), 0.30)
    part, image = grid.crop(window), canvas[window]
    du, dv = part.u - side * shape.eye_x, part.v + 0.0
    dv = dv + side * du * shape.eye_tilt
    q = du * side / shape.eye_w  # -1 at the nose, +1 at the temple
    arch = np.clip(1 - q * q, 0, 1)
    top = -shape.eye_open * arch**0.75 * (1 + 0.12 * q)
    bottom = 0.62 * shape.eye_open * arch * (1 + 0.25 * q)
    opening = ramp(-_EDGE, _EDGE, dv - top) * ramp(_EDGE, -_EDGE, dv - bottom) * ramp(1.04, 0.94, np.abs(q))
    dim = image.mean(axis=(0, 1)).mean() / max(float(linear(look.skin).mean()), 0.05)
    glow = np.clip(dim, 0.35, 1.0) ** 0.6 * (1 - 0.04 * look.tone)  # deep skin is exposed for: whites would burn out
    white = np.array([0.80, 0.76, 0.73], np.float32) * glow * (0.55 + 0.45 * ramp(0, 0.09, dv - top))[..., None]
    white = white * (1 - 0.35 * ramp(0.55, 1.0, np.abs(q)))[..., None]
    paint(image, white, opening)
    paint(image, linear(np.array([0.75, 0.45, 0.42])), opening * ramp(-0.80, -0.97, q) * 0.8)
    _iris(image, (du, dv), opening, person, glow)
    line = np.exp(-(((dv - top) / (0.012 + 0.008 * look.lashes * (1 + q))) ** 2)) * ramp(1.12, 0.9, np.abs(q))
    lash = linear(look.hair * 0.35 + 0.02)
    paint(image, lash, np.clip(line * (0.55 + 0.45 * look.lashes), 0, 1))
    wing = bump((q - 1.06) / 0.10, (dv - top + 0.012 + 0.05 * (q - 1)) / 0.018) * look.lashes
    paint(image, lash, np.clip(wing * 0.8, 0, 1))
    paint(image, lash, 0.30 * np.exp(-(((dv - bottom) / 0.010) ** 2)) * ramp(1.0, 0.8, np.abs(q)))
    fold = np.exp(-(((dv - top + 0.030 + 0.012 * arch) / 0.011) ** 2)) * ramp(1.15, 0.85, np.abs(q))
    image *= 1 - (0.40 * shape.fold * fold)[..., None]


def _iris(
    image: np.ndarray, at: tuple[np.ndarray, np.ndarray], opening: np.ndarray, person: Person, glow: float
) -> None:
    shape, look, light = person.shape, person.look, person.pose.light
    radius = 0.072
    x = at[0] - shape.gaze[0] - 0.06 * math.sin(person.pose.yaw) * 0.2
    y = at[1] - shape.gaze[1] + 0.008
    far = np.hypot(x, y)
    colour = linear(look.iris) * (0.55 + 0.9 * np.clip(0.5 + y / radius * 0.6, 0, 1))[..., None]
    rays = 0.85 + 0.15 * np.sin(np.arctan2(y, x) * 17 + 3 * np.sin(np.arctan2(y, x) * 5))
    colour = colour * rays[..., None] * (1 - 0.65 * ramp(0.78 * radius, 1.02 * radius, far))[..., None] * glow
    paint(image, colour, opening * ramp(radius + _EDGE, radius - _EDGE, far))
    paint(image, np.array([0.012, 0.010, 0.010]), opening * ramp(0.034 + _EDGE, 0.034 - _EDGE, far))
    spark = np.hypot(x - 0.030 * light[0], y - 0.036 * light[1])
    paint(image, np.array([0.95, 0.95, 0.95]), opening * ramp(0.026, 0.008, spark))
    soft = np.hypot(x + 0.030 * light[0], y - 0.030)
    paint(image, np.array([0.6, 0.6, 0.62]), opening * ramp(0.03, 0.0, soft) * 0.25)


def brow(canvas: np.ndarray, view: View, grid: Grid, person: Person, rng: np.random.Generator) -> None:
    """Both brows."""
    shape, look = person.shape, person.look
    window = view.window(view.place(0.0, shape.brow_y), 0.68)
    part, image = grid.crop(window), canvas[window]
    q = (np.abs(part.u) - shape.eye_x - 0.01) / 0.215
    middle = shape.brow_y - shape.brow_arch * (1 - (q - 0.25) ** 2 * 0.8) + shape.eye_tilt * 0.2 * q
    thick = shape.brow_thick * (1.15 - 0.35 * q - 0.5 * np.clip(q, 0, 1) ** 2)
    hair = strands(rng, part.u * 1.2 - part.v * 0.8 * np.sign(part.u), part.v + part.u * 0.2)
    body = np.exp(-(((part.v - middle) / np.maximum(thick, 0.006)) ** 2))
    body *= ramp(-1.08, -0.80, q) * ramp(1.08, 0.7, q)
    colour = linear(np.minimum(look.hair, 0.62) * 0.62 + look.skin * 0.06)
    paint(image, colour, np.clip(body * (0.45 + 0.75 * hair), 0, 1) * 0.88)


def nostrils(canvas: np.ndarray, view: View, grid: Grid, person: Person) -> None:
    """Nostrils, the shadow under the nose and the shadow it casts away from the light."""
    shape, pose = person.shape, person.pose
    centre = view.place(0.0, shape.nose_len, shape.nose_out)
    window = view.window(centre, 0.34)
    part, image = grid.crop(window), canvas[window]
    u = part.u - shape.nose_out * math.sin(pose.yaw)
    v = part.v - shape.nose_out * math.sin(pose.pitch)
    down = v - shape.nose_len - 0.062
    holes = bump((np.abs(u) - 0.46 * shape.nose_w) / 0.030, (down + 0.10 * (np.abs(u) - 0.06)) / 0.013)
    under = bump(u / (0.75 * shape.nose_w), (down - 0.02) / 0.028)
    wing = np.hypot((np.abs(u) - shape.nose_w * 0.62) / 0.85, down + 0.03)
    crease = (
        np.exp(-(((wing - 0.058) / 0.012) ** 2)) * ramp(0.75, 1.0, np.abs(u) / shape.nose_w) * ramp(0.05, 0.0, down)
    )
    cast = bump((u + 0.10 * math.copysign(1, pose.light[0])) / 0.07, (down + 0.04) / 0.10) * abs(pose.light[0])
    image *= 1 - np.clip(0.14 * under + 0.20 * crease + 0.16 * cast, 0, 0.6)[..., None]
    paint(image, image * 0.16, np.clip(holes * 0.92, 0, 1))


def mouth(canvas: np.ndarray, view: View, grid: Grid, person: Person) -> None:
    """Lips, and teeth when the mouth is open."""
    shape, look = person.shape, person.look
    window = view.window(view.place(0.0, shape.mouth_y), 0.42)
    part, image = grid.crop(window), canvas[window]
    q = part.u / shape.mouth_w
    within = np.clip(1 - q * q, 0, 1)
    low = part.v - lip_line(shape, q)
    bow = 1 - 0.30 * np.exp(-((q / 0.13) ** 2)) + 0.14 * np.exp(-(((np.abs(q) - 0.24) / 0.14) ** 2))
    gap = 0.5 * shape.gap * within**0.8
    top = -gap - shape.lip_up * within**0.85 * bow
    bottom = gap + shape.lip_low * within**0.7
    lips = ramp(-_EDGE, _EDGE, low - top) * ramp(1.6 * _EDGE, -1.6 * _EDGE, low - bottom) * ramp(1.03, 0.93, np.abs(q))
    tint = linear(look.lip) / np.maximum(linear(look.skin), 1e-3)
    upper = 1 - 0.24 * ramp(0.012, -0.012, low)
    paint(image, image * np.minimum(tint, 1.35) * upper[..., None], lips * 0.9)
    if shape.gap:
        _teeth(image, low, gap, q)
    line = np.exp(-((low / 0.010) ** 2)) * ramp(1.06, 0.9, np.abs(q)) * (0.0 if shape.gap else 0.75)
    corners = bump((np.abs(q) - 1.0) / 0.09, low / 0.018)
    image *= 1 - np.clip(line + 0.30 * corners, 0, 0.85)[..., None]
    below = bump(part.u / 0.16, (low - shape.lip_low - 0.5 * shape.gap - 0.035) / 0.022)
    image *= 1 - (0.16 * below)[..., None]


def _teeth(image: np.ndarray, low: np.ndarray, gap: np.ndarray, q: np.ndarray) -> None:
    hollow = ramp(-_EDGE, _EDGE, low + gap) * ramp(_EDGE, -_EDGE, low - gap) * ramp(0.93, 0.8, np.abs(q))
    glow = np.clip(image.mean() / 0.3, 0.45, 1.0)
    paint(image, np.array([0.06, 0.014, 0.014]), hollow)
    white = np.array([0.80, 0.77, 0.70], np.float32) * glow
    edges = 1 - 0.16 * np.exp(-(((np.abs(np.sin(q * 9.5))) / 0.16) ** 2))
    shaded = white * ((1 - 0.55 * ramp(0.35, 0.9, np.abs(q))) * edges * (0.7 + 0.3 * ramp(-0.04, 0.0, low)))[..., None]
    paint(image, shaded, hollow * ramp(0.75, 0.35, low / np.maximum(gap, 1e-3)) * ramp(0.90, 0.76, np.abs(q)))


def beard(canvas: np.ndarray, grid: Grid, person: Person, rng: np.random.Generator) -> None:
    """Stubble, moustache and beard over the lit skin."""
    shape, look = person.shape, person.look
    if not (look.stubble or look.moustache):
        return
    u, v, side = grid.u, grid.v, np.abs(grid.u)
    q = u / shape.mouth_w
    low = v - lip_line(shape, q)
    lips = ramp(1.18, 0.98, np.sqrt(q * q + (low / (shape.lip_low + shape.lip_up + shape.gap)) ** 2 * 1.6))
    hair = strands(rng, grid.x * 1.3 + 0.02 * np.sin(14 * grid.y), grid.y * 1.6)
    cheek = 0.40 + 0.42 * ramp(0.58, 0.16, side) - 0.34 * ramp(0.52, 0.72, side)
    jaw = ramp(cheek - 0.05, cheek + 0.07, v + 0.10 * (hair - 0.5)) * (1 - 0.8 * bump(u / 0.12, (v - 0.755) / 0.03))
    tash = bump(np.maximum(side - 0.12, 0) / 0.10, (v - shape.mouth_y + 0.095 - 0.25 * side * side) / 0.042)
    cover = np.maximum(jaw * look.beard, np.clip(1.25 * tash, 0, 1) * look.moustache)
    shadow = np.maximum(jaw, 0.8 * tash) * look.stubble * 0.30 * (1 - cover)
    canvas *= 1 - (shadow * (1 - lips) * (0.7 + 0.6 * hair))[..., None] * np.array([1.0, 0.92, 0.85], np.float32)
    _bristles(canvas, np.clip(cover * (1 - lips), 0, 1) * (0.45 + 0.7 * hair), hair, look)


def _bristles(canvas: np.ndarray, cover: np.ndarray, hair: np.ndarray, look: Look) -> None:
    skin = float(linear(look.skin).mean())
    glow = np.clip(canvas.mean(axis=2) / max(skin, 0.04), 0.25, 1.1)
    colour = linear(look.hair * 0.86) * ((0.45 + 0.95 * hair) * glow)[..., None]
    paint(canvas, colour, np.clip(cover, 0, 1) * 0.96)


def glasses(canvas: np.ndarray, view: View, grid: Grid, person: Person) -> None:
    """Rims, bridge and temples, a little in front of the face."""
    shape, look, pose = person.shape, person.look, person.pose
    window = view.window(view.place(0.0, 0.0), 0.95)
    part, image = grid.crop(window), canvas[window]
    u = part.u - 0.10 * math.sin(pose.yaw)
    power, half = (2.0, (0.195, 0.165)) if look.glasses == "round" else (4.5, (0.215, 0.140))
    x = (np.abs(u) - shape.eye_x - 0.005) / half[0]
    y = (part.v - 0.015) / half[1]
    lens = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power)
    rim = ramp(0.10, 0.04, np.abs(lens - 1))
    bridge = ramp(0.022, 0.008, np.abs(part.v + 0.04 + 0.25 * u * u)) * ramp(
        0.01, -0.01, np.abs(u) - shape.eye_x + half[0]
    )
    arm = ramp(0.022, 0.008, np.abs(part.v + 0.03)) * ramp(0.0, 0.03, np.abs(u) - shape.eye_x - half[0])
    frame = np.clip(np.maximum(rim, np.maximum(bridge, arm)), 0, 1) * part.inside
    inside = ramp(1.0, 0.95, lens)
    streak = ramp(0.35, 0.0, np.abs(x * np.sign(u) + y * 0.7 - 0.5)) * inside
    image *= 1 - (0.10 * inside)[..., None]
    image += (0.035 * streak)[..., None]
    colour = linear(look.inner * 0.35) * (0.6 + 0.8 * ramp(0.3, -1.0, y))[..., None]
    paint(image, colour, frame * 0.95)


def earring(canvas: np.ndarray, view: View, grid: Grid, person: Person) -> None:
    """A small gold bead below each ear that shows."""
    shape: Shape = person.shape
    for side in (-1, 1):
        if side * person.pose.yaw > 0.12:
            continue
        at = view.pixel(side * (shape.width + 0.02), 0.37)
        window = view.window(at, 0.1)
        part, image = grid.crop(window), canvas[window]
        x, y = part.x - side * (shape.width + 0.02), part.y - 0.37
        far = np.hypot(x, y)
        gold = (
            linear(np.array([0.86, 0.70, 0.38]))
            * (0.5 + 1.6 * bump((x + 0.01) / 0.012, (y + 0.012) / 0.012))[..., None]
        )
        paint(image, gold, ramp(0.042, 0.028, far))
