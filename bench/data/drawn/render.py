"""draw_face: one seed to one portrait with exact landmarks."""

from __future__ import annotations

import cv2
import numpy as np

from bench.data.drawn import features, hair, scene, skin
from bench.data.drawn.grid import Grid, View, clouds, paint
from bench.data.drawn.person import Person, sample
from bench.data.pictures import Picture

RENDERER = "faces-1"  # part of every digest: a change of the drawing is a new renderer
_WORKING_SIDE = 192  # smallest canvas drawn on; it is then averaged down


def draw_face(seed: int, size: int = 128) -> Picture:
    """Draw a portrait: uint8 size×size×3 and its five landmarks; the same seed is the same person at every size.

    Drawn at one and a half times the size or more and averaged down. Equal on one machine for equal packages; between
    processors floating point may move a value over a rounding edge: one grey level.
    """
    if size < 16:
        raise ValueError(f"a face of {size} px cannot be drawn; ask for 16 or more")
    side = max(_WORKING_SIDE, size + size // 2)
    rng = np.random.default_rng(seed)
    person = sample(rng)
    view = View(person.pose, person.shape, side)
    canvas = _compose(view, person, rng)
    canvas = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    pixels = _develop(canvas, person, rng)
    points = (landmarks(view) + 0.5) * (size / side) - 0.5
    return Picture(id=f"face_{seed}", pixels=pixels, landmarks=points.astype(np.float32))


def landmarks(view: View) -> np.ndarray:
    """Eyes, nose tip and mouth corners on the working canvas, 5×2 (x, y), in the order of Picture.landmarks."""
    shape = view.shape
    corner = float(skin.lip_line(shape, np.array(1.0)))
    return np.array(
        [
            view.place(-shape.eye_x, 0.0),
            view.place(shape.eye_x, 0.0),
            view.place(0.0, shape.nose_len, shape.nose_out),
            view.place(-shape.mouth_w, corner),
            view.place(shape.mouth_w, corner),
        ]
    )


def _compose(view: View, person: Person, rng: np.random.Generator) -> np.ndarray:
    """All layers from back to front, linear light, side×side×3."""
    grid = view.grid()
    canvas = scene.background(rng, view.side)
    coat = hair.grow(grid, person, rng)
    if coat is not None:
        long = hair.STYLES[person.look.style].length > 0 or person.look.style in ("bun", "afro", "curly")
        if long:
            paint(canvas, coat.colour * np.float32(0.42), coat.behind)
    scene.body(canvas, view, grid, person, rng)
    scene.ears(canvas, view, grid, person)
    _head(canvas, view, grid, person, rng)
    if coat is not None:
        hair.cast_shadow(canvas, coat, person, view.unit)
        hair.lay(canvas, coat)
    if person.look.glasses:
        features.glasses(canvas, view, grid, person)
    return canvas


def _head(canvas: np.ndarray, view: View, grid: Grid, person: Person, rng: np.random.Generator) -> None:
    """Skin and features, painted on a copy of the head's window and laid down inside the head's outline."""
    window = view.window(view.pixel(0.0, 0.0), person.shape.width + 0.14, 1.06)
    part = grid.crop(window)
    noise = clouds(rng, view.side, view.side // 3)[window]
    height = skin.relief(part, person)
    face = np.zeros_like(canvas)
    face[window] = skin.lit(height, skin.albedo(part, person, noise), person, view)
    features.beard(face[window], part, person, rng)
    features.nostrils(face, view, grid, person)
    features.mouth(face, view, grid, person)
    for side in (-1, 1):
        features.eye(face, view, grid, person, side)
    features.brow(face, view, grid, person, rng)
    paint(canvas[window], face[window], part.inside)
    if person.look.earrings:
        features.earring(canvas, view, grid, person)


def _develop(canvas: np.ndarray, person: Person, rng: np.random.Generator) -> np.ndarray:
    """Linear light to uint8: soft shoulder, gamma, a trace of film grain."""
    meter = (
        0.40 / float((person.look.skin**2).mean())
    ) ** 0.28  # the photographer exposes for the face, part of the way
    exposed = np.maximum(canvas, 0) * np.float32(rng.uniform(0.95, 1.2) * meter)
    rolled = np.where(exposed > 0.7, 0.7 + 0.3 * np.tanh((exposed - 0.7) / 0.3), exposed)
    grain = (rng.random(canvas.shape[:2]) - 0.5) * rng.uniform(0.008, 0.026)
    return np.clip(np.sqrt(rolled) * 255 + grain[..., None] * 255 + 0.5, 0, 255).astype(np.uint8)
