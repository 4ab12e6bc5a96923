"""Face masks drawn by us: outlines, colours, folds and straps of surgical, respirator and cloth masks.

Outlines live in mask coordinates: q from 0 (bridge of the nose) to 1 (chin), p from -1 to 1 between the cheeks' edges,
0 on the mask's middle line. Side outlines look to the left (p = -1 is the far cheek) and are mirrored for the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

Colour = tuple[int, int, int]
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Style:
    """One kind of mask."""

    front: Curve  # right half of the outline, top to bottom
    side: Curve  # the whole outline, clockwise from the bridge
    colours: tuple[Colour, ...]
    folds: tuple[float, ...]  # q of each pleat on the middle line
    hem: float  # light added (or taken) along the edge
    ridge: float  # darkness of the seam or crease along the middle line
    strap: float  # strap's width in head sizes
    patterned: bool


def _curve(text: str) -> Curve:
    pairs = (pair.split() for pair in text.split(","))
    return tuple((float(p), float(q)) for p, q in pairs)


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple((int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) for code in text.split())


STYLES: MappingProxyType[str, Style] = MappingProxyType(
    {
        "surgical": Style(
            front=_curve("0 0, 0.2 0.01, 0.5 0.07, 1 0.14, 1 0.15, 1.01 0.38, 0.9 0.62, 0.66 0.84, 0.3 0.98"),
            side=_curve(
                "-0.3 0, 0.1 0, 0.5 0.07, 1 0.15, 1 0.17, 0.98 0.42, 0.86 0.64, 0.55 0.85, 0.1 0.98, -0.5 1, -0.95 "
                "0.86, -1.1 0.6, -1.12 0.35, -1 0.15, -0.7 0.03"
            ),
            colours=_colours("7eb6de a6cee8 80c4b4 6caca0 e8eaec dee2e8 3a3c42 ecc4ce b0b8c4"),
            folds=(0.3, 0.48, 0.66),
            hem=0.1,
            ridge=0.0,
            strap=0.03,
            patterned=False,
        ),
        "respirator": Style(
            front=_curve("0 -0.02, 0.16 0, 0.45 0.1, 0.8 0.24, 0.95 0.42, 0.9 0.62, 0.68 0.84, 0.3 0.98"),
            side=_curve(
                "-0.35 -0.03, 0.1 0, 0.45 0.1, 0.8 0.26, 0.92 0.45, 0.85 0.66, 0.55 0.86, 0.1 0.98, -0.5 1, -0.95 "
                "0.86, -1.2 0.62, -1.28 0.38, -1.1 0.17, -0.75 0.02"
            ),
            colours=_colours("ecece8 e4e4de d6d8da 46484c 288ca0"),
            folds=(),
            hem=-0.07,
            ridge=0.13,
            strap=0.045,
            patterned=False,
        ),
        "cloth": Style(
            front=_curve("0 -0.04, 0.2 -0.01, 0.5 0.1, 1.02 0.16, 1.02 0.17, 1 0.42, 0.88 0.66, 0.6 0.88, 0.25 1"),
            side=_curve(
                "-0.35 -0.04, 0.1 -0.02, 0.5 0.08, 1.08 0.17, 1.08 0.18, 1 0.4, 0.85 0.66, 0.5 0.88, 0.1 1, -0.5 "
                "1.02, -0.95 0.88, -1.2 0.62, -1.25 0.36, -1.08 0.15, -0.75 0"
            ),
            colours=_colours("222225 3e3f42 626266 283054 682430 485038 c4b298 ba7882 426e96 d6d0c8"),
            folds=(),
            hem=-0.12,
            ridge=0.22,
            strap=0.055,
            patterned=True,
        ),
    }
)


@dataclass(frozen=True)
class Look:
    """One mask's choices, drawn from the seed."""

    style: Style
    colour: np.ndarray  # float32 3, 0..255
    second: np.ndarray  # float32 3, the pattern's other colour
    pattern: str  # "plain", "stripes", "checks" or "dots"
    pitch: float  # pattern repeats across half the mask
    light: float  # p of the brightest place
    crumple: float  # phase of the faint creases
    lift: float  # how much higher or lower than usual the mask sits, in q
    strap: np.ndarray  # float32 3, the ear loops' colour


def choose(rng: np.random.Generator) -> Look:
    """A kind, colour and pattern of mask: surgical half of the time, respirator and cloth a quarter each."""
    style = STYLES[("surgical", "surgical", "respirator", "cloth")[int(rng.integers(4))]]
    colour = np.array(style.colours[int(rng.integers(len(style.colours)))], np.float32)
    strap = np.array((236, 236, 236), np.float32) if style.folds or colour.mean() > 150 else 0.9 * colour
    colour = np.clip(colour + rng.uniform(-12, 8) + rng.uniform(-4, 4, 3), 0, 255).astype(np.float32)
    pattern = "plain"
    if style.patterned and rng.random() < 0.45:
        pattern = ("stripes", "checks", "dots")[int(rng.integers(3))]
    contrast = rng.uniform(25, 80) * (1 if colour.mean() < 128 else -1)
    second = np.clip(colour + contrast + rng.uniform(-20, 20, 3), 0, 255).astype(np.float32)
    pitch, light, crumple, lift = rng.uniform((2, -0.35, 0, -0.03), (4.5, 0.35, 2, 0.05))
    return Look(style, colour, second, pattern, float(pitch), float(light), float(crumple), float(lift), strap)


def outline(style: Style, pose: str) -> np.ndarray:
    """The closed outline for a pose ("front", "left", "right"): float n×2 (p, q)."""
    if pose == "front":
        right = np.array(style.front)
        left = right[:0:-1] * (-1, 1)
        return np.concatenate((right, left))
    return np.array(style.side) * ((1, 1) if pose == "left" else (-1, 1))


def weave(look: Look, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The fabric's colour before light: float32, broadcastable to H×W×3."""
    if look.pattern == "plain":
        return look.colour
    a, b = _wave(p * look.pitch), _wave(q * (2.2 * look.pitch))
    if look.pattern == "stripes":
        mix = np.clip(4 * b - 1.5, 0, 1)
    elif look.pattern == "checks":
        mix = (np.clip(4 * a - 1.5, 0, 1) + np.clip(4 * b - 1.5, 0, 1)) / 2
    else:
        mix = np.clip(6 * (a + b) - 8.2, 0, 1)
    return look.colour + mix[..., None] * (look.second - look.colour)


def shading(look: Look, p: np.ndarray, q: np.ndarray, pixel: float) -> np.ndarray:
    """Light on the mask, about 1: float32 H×W. pixel: a pixel's height in q, the least width of a drawn line.

    The bell 1/(1+x²)² stands for a Gaussian, which machines round differently.
    """
    gain = 0.74 + 0.34 * _bell((p - look.light) / 1.5) - 0.16 * np.maximum(q - 0.55, 0)
    for fold in look.style.folds:  # pleats spread on the middle line and meet towards the sides
        line = fold + (0.42 - fold) * 0.45 * p * p
        width = max(0.035, 0.9 * pixel)
        gain += 0.10 * _bell((q - line + 1.2 * width) / width) - 0.24 * _bell((q - line - 0.3 * width) / width)
    if look.style.ridge:
        width = max(0.05, 1.5 * pixel)
        gain -= look.style.ridge * _bell(p / width)
        gain += 0.06 * _bell((p + 0.25) / 0.2)
    gain += 0.05 * (_wave(1.5 * p + 2.3 * q + look.crumple) - 0.5) * (1 - look.style.ridge)
    return gain


def _bell(x: np.ndarray) -> np.ndarray:
    fall = 1 + x * x
    return 1 / (fall * fall)


def _wave(x: np.ndarray) -> np.ndarray:
    """A triangle wave of period 1 between 0 and 1."""
    return np.abs(2 * (x - np.floor(x)) - 1)
