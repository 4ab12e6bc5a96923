"""The head's relief and skin: a height field lit by one warm key light and a soft fill."""

from __future__ import annotations

import math

import cv2
import numpy as np

from bench.data.drawn.grid import Grid, View, bump, linear, ramp
from bench.data.drawn.person import Look, Person, Pose, Shape


def relief(grid: Grid, person: Person) -> np.ndarray:
    """Height of the face towards the camera, in head half-heights, H×W."""
    shape, u, v = person.shape, grid.u, grid.v
    side = np.abs(u)
    height = grid.round**0.9 * grid.wide * 0.78
    eyes = side - shape.eye_x
    height += 0.030 * bump(eyes / 0.19, (v - shape.brow_y) / 0.065)
    height -= 0.062 * bump(eyes / 0.15, (v - 0.01) / 0.10)
    height += 0.034 * bump(eyes / 0.10, v / 0.06)
    height += 0.045 * shape.cheek * bump((side - 0.40) / 0.15, (v - 0.27 + 0.05 * shape.smile) / 0.13)
    height += 0.040 * shape.chin * bump(u / 0.15, (v - 0.90) / 0.08)
    height -= 0.022 * bump(u / 0.20, (v - 0.785) / 0.035)
    height += _nose(grid, person) + _mouth_relief(grid, shape)
    fold = side - (0.20 + 0.45 * (v - 0.40) * (1 + 0.3 * shape.smile))
    depth = (0.006 + 0.014 * person.look.age + 0.010 * max(shape.smile, 0)) * ramp(0.36, 0.46, v) * ramp(0.72, 0.56, v)
    height -= depth * np.exp(-((fold / 0.028) ** 2))
    return height


def _nose(grid: Grid, person: Person) -> np.ndarray:
    """Bridge, tip and wings; the tip stands out, so it shifts more than the face when the head turns."""
    shape, pose = person.shape, person.pose
    tip = shape.nose_len
    rise = np.clip((grid.v + 0.12) / (tip + 0.12), 0, 1.15)
    out = shape.nose_out * rise
    u, v = grid.u - out * math.sin(pose.yaw), grid.v - out * math.sin(pose.pitch)
    bridge = 0.15 * shape.nose_out / 0.2 * rise**1.3 * np.exp(-0.5 * (u / (0.045 + 0.035 * rise)) ** 2)
    bridge *= ramp(tip + 0.10, tip - 0.03, v)
    ball = 0.074 * bump(u / 0.075, (v - tip + 0.01) / 0.072)
    wings = 0.060 * bump((np.abs(u) - shape.nose_w * 0.72) / 0.042, (v - tip - 0.025) / 0.045)
    return bridge + ball + wings


def _mouth_relief(grid: Grid, shape: Shape) -> np.ndarray:
    q = grid.u / shape.mouth_w
    low = grid.v - lip_line(shape, q)
    within = np.clip(1 - q * q, 0, 1)
    lips = 0.030 * np.exp(-(((low + 0.5 * shape.lip_up + 0.5 * shape.gap) / (0.7 * shape.lip_up)) ** 2))
    lips += 0.042 * np.exp(-(((low - 0.55 * shape.lip_low - 0.5 * shape.gap) / (0.65 * shape.lip_low)) ** 2))
    muzzle = 0.030 * bump(grid.u / 0.20, (grid.v - 0.60) / 0.14)
    corner = 0.020 * bump((np.abs(q) - 1.06) * shape.mouth_w / 0.045, low / 0.05)
    philtrum = 0.008 * bump(grid.u / 0.022, (grid.v - shape.mouth_y + 0.12) / 0.05)
    return lips * within + muzzle - corner - philtrum


def lip_line(shape: Shape, q: np.ndarray) -> np.ndarray:
    """Height of the line between the lips at q = u / half mouth width; smiling lifts the corners."""
    square = np.minimum(q * q, 1.4)
    return shape.mouth_y - 0.085 * shape.smile * square + 0.006 * np.cos(7 * np.clip(q, -1, 1)) * (1 - square)


def albedo(grid: Grid, person: Person, noise: np.ndarray) -> np.ndarray:
    """Colour of the bare skin before light, linear, H×W×3. noise: fine value noise in 0..1, H×W."""
    look, shape, side = person.look, person.shape, np.abs(grid.u)
    red = bump((side - 0.40) / 0.15, (grid.v - 0.30) / 0.12) * look.blush
    red += 0.4 * bump(grid.u / 0.10, (grid.v - shape.nose_len) / 0.08)
    red += 0.35 * bump(grid.u / 0.14, (grid.v - 0.92) / 0.08)
    tired = bump((side - shape.eye_x + 0.02) / 0.12, (grid.v - 0.105) / 0.035) * (0.3 + 0.7 * look.age)
    lid = bump((side - shape.eye_x) / 0.15, (grid.v + 0.06) / 0.05)
    tint = np.array([0.02, -0.24, -0.20], np.float32) * (1 - look.tone / 14)
    shade = np.array([-0.13, -0.16, -0.10], np.float32)
    colour = 1 + red[..., None] * tint + (tired + 0.7 * lid)[..., None] * shade
    colour += ((noise - 0.5) * 0.05)[..., None]
    if look.freckles:
        spots = ramp(0.72, 0.86, noise) * bump((side - 0.22) / 0.25, (grid.v - 0.24) / 0.13) * look.freckles
        colour *= 1 - spots[..., None] * np.array([0.22, 0.38, 0.45], np.float32)
    return np.maximum(colour, 0.05) ** 2 * linear(look.skin)


def lit(height: np.ndarray, colour: np.ndarray, person: Person, view: View) -> np.ndarray:
    """Skin under light, linear, H×W×3, from its relief and its albedo."""
    nx, ny, nz = normals(height, view.unit)
    light = person.pose.light
    facing = nx * light[0] + ny * light[1] + nz * light[2]
    blur = 0.055 * view.unit
    hollow = np.clip(cv2.GaussianBlur(height, (0, 0), blur) - height, 0, 0.05) * 14
    occluded = 1 - np.clip(hollow, 0, 0.45)
    key, fill = light_colours(person.pose)
    wrap = np.array([0.34, 0.22, 0.17], np.float32)  # light bleeds furthest through skin in red
    direct = np.clip((facing[..., None] + wrap) / (1 + wrap), 0, 1) ** 1.4
    ambient = person.pose.ambient * (0.75 - 0.25 * ny + 0.15 * nz)
    shade = direct * key * occluded[..., None] ** 0.7 + (ambient * occluded)[..., None] * fill
    gloss = np.clip(nx * light[0] * 0.5 + ny * light[1] * 0.5 + nz * (light[2] * 0.5 + 0.5), 0, 1)
    shine = (gloss / math.sqrt(0.5 + 0.5 * light[2])) ** 26 * _oily(person.look) * occluded
    return colour * shade * 1.05 + shine[..., None] * key


def _oily(look: Look) -> float:
    return 0.035 + 0.030 * look.tone / 9


def normals(height: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit normals of a height field whose pixels are 1 / unit wide."""
    scale = unit / 32.0
    gx = cv2.Scharr(height, cv2.CV_32F, 1, 0, scale=scale, borderType=cv2.BORDER_REPLICATE)
    gy = cv2.Scharr(height, cv2.CV_32F, 0, 1, scale=scale, borderType=cv2.BORDER_REPLICATE)
    size = 1.0 / np.sqrt(1 + gx * gx + gy * gy)
    return -gx * size, -gy * size, size


def light_colours(pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """RGB of the key light and of the fill, which leans the other way."""
    w = pose.warmth
    key, fill = np.array([1 + w, 1 + 0.2 * w, 1 - w]), np.array([1 - 0.8 * w, 1.0, 1 + 0.8 * w])
    return key.astype(np.float32), fill.astype(np.float32)
