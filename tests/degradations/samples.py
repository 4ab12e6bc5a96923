"""The levels there are, and pictures, faces and templates to try them on."""

from __future__ import annotations

import importlib

import numpy as np
from PIL import Image

MODULES = {
    name: importlib.import_module(f"degradations.{name}") for name in ("mosaic", "jpeg", "erase", "facemask", "hole")
}
LEVELS = {level: module.LEVELS[level] for module in MODULES.values() for level in module.LEVELS}
FOLDER_LEVELS = tuple(name for name, level in LEVELS.items() if hasattr(level, "folder"))
FIXED_JPEG = tuple(name for name in LEVELS if name.startswith("jpeg_q") and "to" not in name)
SIZES = ((1, 1), (1, 40), (7, 5), (64, 64), (97, 131))  # height, width
FACE = np.array([(0.39, 0.43), (0.62, 0.44), (0.51, 0.58), (0.40, 0.66), (0.61, 0.66)])  # of the short side
JPEG_BUILD = ("3.2.0", "6.2")  # libjpeg-turbo and its libjpeg interface, of the golden hashes


def picture(height: int, width: int) -> np.ndarray:
    """A colourful picture made of integers: slopes, checks and a bright disc."""
    y, x = np.mgrid[:height, :width]
    checks = (x // 7 + y // 5) % 2 * 40
    spot = ((x - width // 3) ** 2 + (y - height // 2) ** 2 < (min(height, width) // 4) ** 2) * 60
    planes = (40 + 2 * x + y + checks, 90 + x + spot, 150 - y + checks // 2 + spot)
    return np.stack([np.clip(plane, 0, 255) for plane in planes], axis=-1).astype(np.uint8)


def face_in(height: int, width: int, turn: float = 0.0) -> np.ndarray:
    """Landmarks of a face filling a picture; turn: the nose tip's shift over the eye distance."""
    points = FACE * min(height, width)
    points[2, 0] = points[:2, 0].mean() + turn * (points[1, 0] - points[0, 0])
    return points


def template_picture(side: bool, colour: tuple[int, int, int]) -> Image.Image:
    """A mask template: a shield on clear ground, on a side template with two straps to the right edge."""
    y, x = np.mgrid[:120, :160]
    reach = np.where(y < 70, 68, 68 - (y - 70))
    shield = (np.abs(x - (60 if side else 80)) < reach * (0.7 if side else 1.0)) & (y > 8) & (y < 114)
    if side:
        shield |= (x > 80) & ((np.abs(y - 20) < 2) | (np.abs(y - 70) < 2))
    rgba = np.zeros((120, 160, 4), np.uint8)
    rgba[..., :3] = np.array(colour) + (y // 12 % 2 * 20)[..., None]
    rgba[..., 3] = shield * 255
    return Image.fromarray(rgba)
