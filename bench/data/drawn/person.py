"""Who is drawn: every free choice of a portrait, sampled from one seed. Lengths are in head half-heights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.data.drawn.palette import CLOTH, IRIS, LIPSTICK, bare_lip, hair_colour, skin_colour


@dataclass(frozen=True)
class Pose:
    """How the head stands before the camera: radians, and fractions of the canvas."""

    yaw: float
    pitch: float
    roll: float
    scale: float  # head half-height over canvas side
    cx: float
    cy: float
    light: tuple[float, float, float]  # unit vector to the key light, y downwards
    ambient: float
    warmth: float  # of the key light; the fill takes the opposite


@dataclass(frozen=True)
class Shape:
    """Build of the head and of its features."""

    width: float
    jaw: float
    taper: float
    eye_x: float
    eye_w: float
    eye_open: float
    eye_tilt: float
    fold: float
    brow_y: float
    brow_arch: float
    brow_thick: float
    nose_len: float
    nose_w: float
    nose_out: float
    mouth_y: float
    mouth_w: float
    lip_up: float
    lip_low: float
    cheek: float
    chin: float
    smile: float
    gap: float  # opening of the mouth, 0 is closed
    gaze: tuple[float, float]


@dataclass(frozen=True)
class Look:
    """Colours (sRGB in 0..1) and everything that can be put on or taken off."""

    tone: float  # 0 lightest .. 9 deepest
    skin: np.ndarray
    hair: np.ndarray
    lip: np.ndarray
    iris: np.ndarray
    cloth: np.ndarray
    inner: np.ndarray
    style: str
    part: float
    volume: float
    wave: float
    collar: str
    beard: float
    moustache: float
    stubble: float
    glasses: str
    earrings: bool
    lashes: float
    age: float
    freckles: float
    blush: float


@dataclass(frozen=True)
class Person:
    """One portrait before it is drawn."""

    pose: Pose
    shape: Shape
    look: Look


def sample(rng: np.random.Generator) -> Person:
    """Draw every choice of one portrait from rng."""
    masculine, age = rng.random() < 0.5, rng.random() ** 1.3
    return Person(_pose(rng), _shape(rng, masculine), _look(rng, masculine, age))


def _around(rng: np.random.Generator, centre: float, spread: float) -> float:
    """A bell-like value within centre ± spread (mean of three uniforms: bounded, unlike a normal)."""
    return float(centre + spread * (2.0 * rng.random(3).mean() - 1.0) * 1.5)


def _pose(rng: np.random.Generator) -> Pose:
    side = rng.choice((-1.0, 1.0))
    light = np.array([side * rng.uniform(0.15, 0.85), -rng.uniform(0.25, 0.75), rng.uniform(0.65, 1.0)])
    light /= np.linalg.norm(light)
    return Pose(
        yaw=_around(rng, 0, 0.42),
        pitch=_around(rng, 0, 0.16),
        roll=_around(rng, 0, 0.16),
        scale=rng.uniform(0.345, 0.395),
        cx=0.5 + _around(rng, 0, 0.03),
        cy=0.475 + _around(rng, 0, 0.02),
        light=(float(light[0]), float(light[1]), float(light[2])),
        ambient=rng.uniform(0.22, 0.42),
        warmth=rng.uniform(-0.06, 0.10),
    )


def _shape(rng: np.random.Generator, masculine: bool) -> Shape:
    man = 1.0 if masculine else 0.0
    smile = rng.uniform(-0.15, 1.0)
    return Shape(
        width=_around(rng, 0.705 + 0.02 * man, 0.045),
        jaw=_around(rng, 2.25 + 0.5 * man, 0.45),
        taper=_around(rng, 0.31 - 0.08 * man, 0.08),
        eye_x=_around(rng, 0.305, 0.025),
        eye_w=_around(rng, 0.158 - 0.006 * man, 0.014),
        eye_open=_around(rng, 0.084 - 0.012 * man, 0.018) * (1.0 - 0.18 * max(smile, 0.0)),
        eye_tilt=_around(rng, 0.04, 0.08),
        fold=rng.uniform(0.15, 1.0),
        brow_y=_around(rng, -0.185 + 0.03 * man, 0.03),
        brow_arch=_around(rng, 0.045 - 0.02 * man, 0.03),
        brow_thick=_around(rng, 0.026 + 0.012 * man, 0.010),
        nose_len=_around(rng, 0.370, 0.035),
        nose_w=_around(rng, 0.135 + 0.012 * man, 0.04),
        nose_out=_around(rng, 0.20 + 0.02 * man, 0.04),
        mouth_y=_around(rng, 0.615, 0.022),
        mouth_w=_around(rng, 0.250, 0.03) * (1.0 + 0.16 * max(smile, 0.0)),
        lip_up=_around(rng, 0.062 - 0.014 * man, 0.018),
        lip_low=_around(rng, 0.090 - 0.016 * man, 0.020),
        cheek=_around(rng, 0.9, 0.4),
        chin=_around(rng, 0.8 + 0.3 * man, 0.4),
        smile=smile,
        gap=rng.uniform(0.035, 0.075) if smile > 0.45 and rng.random() < 0.7 else 0.0,
        gaze=(_around(rng, 0, 0.03), _around(rng, 0, 0.012)),
    )


def _look(rng: np.random.Generator, masculine: bool, age: float) -> Look:
    tone = rng.uniform(0, 9)
    skin = skin_colour(rng, tone)
    made_up = not masculine and rng.random() < 0.45
    lip = np.array(LIPSTICK[rng.integers(len(LIPSTICK))]) / 255 if made_up else bare_lip(skin, tone)
    iris = IRIS[min(int(rng.exponential(0.5 if tone > 4.5 else 3.0)), len(IRIS) - 1)]
    bearded = masculine and rng.random() < 0.42
    cloth, inner = (np.array(CLOTH[i]) / 255 for i in rng.integers(len(CLOTH), size=2))
    return Look(
        tone=tone,
        skin=skin,
        hair=hair_colour(rng, tone, age),
        lip=lip,
        iris=np.array(iris) / 255,
        cloth=cloth,
        inner=inner,
        style=_style(rng, masculine, tone, age),
        part=float(rng.choice((-1.0, 1.0)) * rng.uniform(0.15, 0.5)),
        volume=rng.uniform(0.6, 1.3),
        wave=rng.random(),
        collar=str(rng.choice(("crew", "vee", "shirt", "jacket"))),
        beard=rng.uniform(0.6, 1.0) if bearded and rng.random() < 0.55 else 0.0,
        moustache=rng.uniform(0.6, 1.0) if bearded else 0.0,
        stubble=rng.uniform(0.1, 0.6) if masculine else 0.0,
        glasses=str(rng.choice(("round", "square"))) if rng.random() < 0.17 else "",
        earrings=not masculine and rng.random() < 0.4,
        lashes=rng.uniform(0.5, 1.0) if not masculine else rng.uniform(0.1, 0.35),
        age=age,
        freckles=rng.uniform(0.3, 1.0) if tone < 4 and rng.random() < 0.2 else 0.0,
        blush=rng.uniform(0.15, 0.75),
    )


def _style(rng: np.random.Generator, masculine: bool, tone: float, age: float) -> str:
    styles: tuple[str, ...]
    if masculine:
        styles, weights = (
            ("buzz", "crop", "side", "quiff", "fringe", "curly", "bald"),
            [2, 4, 4, 3, 2, 2, 0.4 + 2 * age],
        )
    else:
        styles = ("long", "longside", "bangs", "bob", "bobbangs", "tied", "bun", "curls", "scarf")
        weights = [3, 4, 2, 3, 2, 2, 1.5, 2.5, 1]
    if tone > 6:
        styles, weights = (*styles, "afro"), [*weights, 3.0]
    share = np.array(weights) / sum(weights)
    return str(styles[int(np.searchsorted(np.cumsum(share), rng.random()))])
