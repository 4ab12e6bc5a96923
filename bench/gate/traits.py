"""What a restored picture is like, in a few numbers that a baseline can keep: tones, place, JPEG grid, borders."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

BINS = 16  # of equally many pixels each
REACH = 3  # px; displacements that are looked for
FRAME = 3  # px; how far in a border reaches
SMALLEST = 24  # px; a shorter side tells too little
QUALITIES = (95, 90, 85, 80, 75, 70, 60, 50, 40, 30)
SIDES = ("top", "bottom", "left", "right")


@dataclass(frozen=True)
class Traits:
    """Of one restored picture.

    tones: per channel R, G, B the means of BINS equal parts of its sorted values, 0 to 255; a tone curve applied to
    the picture is applied to them. shift: (down, right) in px, where it fits the truth best. grid: how much better JPEG
    reproduces it on its own 8×8 grid than on a displaced one (1: alike, near 0: it was stored as JPEG), and at
    what quality. borders: mean squared error within FRAME px of each of SIDES. inner: the same of the rest.
    """

    tones: tuple[tuple[float, ...], ...]
    shift: tuple[int, int]
    grid: float
    quality: int
    borders: tuple[float, ...]
    inner: float


def traits_of(restored: Path, truth: Path) -> Traits | None:
    """Of two PNG files; None where one cannot be read, they differ in size, or are too small to tell anything."""
    ours, theirs = _read(restored), _read(truth)
    if ours is None or theirs is None or ours.shape != theirs.shape or min(ours.shape[:2]) < SMALLEST:
        return None
    return measure_traits(ours, theirs)


def measure_traits(restored: np.ndarray, truth: np.ndarray) -> Traits:
    """Of two uint8 H×W×3 pictures of one size, both sides at least SMALLEST."""
    grid, quality = _jpeg_grid(restored)
    error = np.square(restored.astype(float) - truth).mean(axis=2)
    inside = slice(FRAME, -FRAME)  # no corners, which belong to two sides
    borders = (error[:FRAME, inside], error[-FRAME:, inside], error[inside, :FRAME], error[inside, -FRAME:])
    inner = error[inside, inside].mean()
    sizes = tuple(round(float(each.mean()), 3) for each in borders)
    return Traits(_tones(restored), _shift(restored, truth), grid, quality, sizes, round(float(inner), 3))


def _tones(picture: np.ndarray) -> tuple[tuple[float, ...], ...]:
    channels = np.sort(picture.reshape(-1, 3).T.astype(float), axis=1)
    return tuple(tuple(round(float(part.mean()), 2) for part in np.array_split(each, BINS)) for each in channels)


def _shift(restored: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """The whole displacement of at most REACH px that leaves the smallest squared error."""
    ours, theirs = restored.mean(axis=2), truth.mean(axis=2)
    height, width = ours.shape
    middle = theirs[REACH : height - REACH, REACH : width - REACH]
    errors = {
        (down, right): np.square(
            ours[REACH + down : height - REACH + down, REACH + right : width - REACH + right] - middle
        ).mean()
        for down in range(-REACH, REACH + 1)
        for right in range(-REACH, REACH + 1)
    }
    best = min(errors, key=lambda each: errors[each])
    return best if errors[best] < 0.98 * errors[0, 0] else (0, 0)


def _jpeg_grid(picture: np.ndarray) -> tuple[float, int]:
    """(ratio, quality): the lowest ratio of what JPEG changes on the picture's own grid to a grid displaced by 4 px.

    A picture that was stored as JPEG is nearly a fixed point of storing it again (JPEG ghosts: Farid, "Exposing digital
    forgeries from JPEG ghosts", IEEE TIFS 2009), but only on the same grid.
    """
    height, width = (side // 8 * 8 for side in picture.shape[:2])
    own, displaced = picture[:height, :width], picture[4 : height - 4, 4 : width - 4]
    ratios = {quality: _change(own, quality) / max(_change(displaced, quality), 0.01) for quality in QUALITIES}
    best = min(ratios, key=lambda each: ratios[each])
    return round(ratios[best], 3), best


def _change(picture: np.ndarray, quality: int) -> float:
    """Mean squared change of a uint8 picture's brightness when stored as JPEG."""
    gray = Image.fromarray(picture).convert("L")
    buffer = io.BytesIO()
    gray.save(buffer, "JPEG", quality=quality)
    return float(np.square(np.asarray(gray, dtype=float) - np.asarray(Image.open(buffer), dtype=float)).mean())


def _read(path: Path) -> np.ndarray | None:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
