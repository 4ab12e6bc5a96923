"""A drawn mask on a fitted face: outline, light, folds, straps."""

from __future__ import annotations

import numpy as np

from degradations.facefit import FaceFit
from degradations.maskstyles import Look, outline, shading, weave
from degradations.overlay import Layer, Window, brightness, window_of
from degradations.raster import FULL, coverage, smooth


def draw(face: FaceFit, look: Look, image: np.ndarray, rng: np.random.Generator) -> Layer | None:
    """The mask and its straps as a layer over image (uint8 H×W×3); None when they fall outside it."""
    edge = _to_pixels(face, look, smooth(outline(look.style, face.pose), closed=True))
    loops = _straps(face, look)
    window = window_of(np.concatenate((edge, *loops)), image.shape)
    if window is None:
        return None
    corner = np.array((window[1].start, window[0].start))
    patch = image[window]
    shape = patch.shape[:2]
    fabric = coverage([edge - corner], *shape)
    bare = np.minimum(coverage([loop - corner for loop in loops], *shape), FULL - fabric)
    hem = fabric - coverage([_shrunk(edge, 0.06 * face.size) - corner], *shape)
    p, q = _mask_coordinates(face, look, window)
    gain = shading(look, p, q, 1 / (face.chin - face.bridge)) + np.float32(look.style.hem / FULL) * hem
    gain *= _light(patch, fabric * 2 >= FULL, p)
    grain = rng.integers(-3, 4, shape).astype(np.float32)
    cloth = weave(look, p, q) * gain[..., None] + grain[..., None]
    band = look.strap * np.clip(gain, 0, 1)[..., None]
    opacity = fabric + bare
    share = (fabric / np.maximum(opacity, 1)).astype(np.float32)[..., None]
    colour = np.clip(np.rint(cloth * share + band * (1 - share)), 0, 255).astype(np.int32)
    return Layer(window, colour, opacity)


def _place(face: FaceFit, look: Look, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame's y, and x of the mask's middle line, at heights q.

    The middle line leads from the bridge past the nose's tip, which sticks out when the head turns, to the chin.
    """
    y = face.bridge + (q + look.lift) * (face.chin - face.bridge)
    return y, face.nose[0] * (0.55 + 0.6 * q - 0.95 * q * q)


def _to_pixels(face: FaceFit, look: Look, points: np.ndarray) -> np.ndarray:
    """Mask coordinates (p, q) to picture coordinates: n×2 to n×2."""
    p, q = points.T
    y, middle = _place(face, look, q)
    return face.frame.to_pixels(middle + np.where(p > 0, p * (face.right - middle), p * (middle - face.left)), y)


def _mask_coordinates(face: FaceFit, look: Look, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """p and q of every pixel's centre in a window: float32 h×w each."""
    rows, columns = window
    x = np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5)
    y = np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5)
    x, y = face.frame.from_pixels(x[None], y[:, None])
    q = (y - face.bridge) / (face.chin - face.bridge) - look.lift
    _, middle = _place(face, look, np.clip(q, 0, 1))
    off = x - middle
    return off / np.where(off > 0, face.right - middle, middle - face.left), q


def _shrunk(edge: np.ndarray, width: float) -> np.ndarray:
    """An outline with a border of about that width taken off, by pulling it towards its middle."""
    middle = edge.mean(axis=0)
    reach = np.maximum(np.abs(edge - middle).max(axis=0), 1e-6)
    return middle + (edge - middle) * np.maximum(1 - width / reach, 0)


def _straps(face: FaceFit, look: Look) -> list[np.ndarray]:
    """Ear loops as polygons: from under the fabric's upper and lower corner on each visible side to the ear."""
    corner, low, high, lobe = np.array((0.62, 1.15, 0.3, 0.72)) * face.mouth
    shift = look.lift * (face.chin - face.bridge)
    pieces: list[np.ndarray] = []
    for side, edge, ear in (("left", face.left, face.ear_left), ("right", face.right, face.ear_right)):
        if side == face.pose:  # the far ear is hidden
            continue
        for start_y, end_y in ((corner, high), (low, lobe)):
            x = np.array((0.72 * edge, 0.4 * edge + 0.6 * ear, ear))
            y = np.array((start_y + shift, 0.4 * start_y + 0.6 * end_y, end_y))
            pieces.append(_ribbon(face.frame.to_pixels(x, y), look.style.strap * face.size))
    return pieces


def _ribbon(points: np.ndarray, width: float) -> np.ndarray:
    """A gently bent line (float n×2) given a width: the polygon round it."""
    along = np.gradient(points, axis=0)
    length = np.sqrt((along * along).sum(axis=1, keepdims=True))
    side = along[:, ::-1] * (-1, 1) * (width / 2 / np.maximum(length, 1e-6))
    return np.concatenate((points + side, (points - side)[::-1]))


def _light(patch: np.ndarray, covered: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The face's own light on the mask: float32 h×w, 1 on a well-lit fair face.

    MaskTheFace's gain 1 + (V_face - V_mask)/255, against a fixed level instead of the mask's own, so that a black mask
    stays black; and the left-right fall of light on the skin that the mask covers.
    """
    left, right = brightness(patch, covered & (p < 0)), brightness(patch, covered & (p > 0))
    level = 1 + 0.9 * (brightness(patch, covered) - 190) / 255
    slope = min(max(0.8 * (right - left) / max(right + left, 1), -0.25), 0.25)
    return min(max(level, 0.4), 1.06) * (1 + slope * np.clip(p, -1, 1))
