"""Photographed mask templates put on a fitted face (MaskTheFace): RGBA pictures for heads facing front, left and right.

MaskTheFace lists six annotated points per template; here they are read off the template's own alpha outline, so that
any folder of such pictures works.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from PIL import Image

from degradations.facefit import FaceFit
from degradations.files import PictureFile
from degradations.overlay import Layer, brightness, window_of
from degradations.raster import FULL

_SIDES = ("left", "right")
_CLEAR = 8  # alpha below it counts as clear: cut-out pictures have faint halos


def styles(files: Sequence[PictureFile]) -> dict[str, dict[str, PictureFile]]:
    """Templates by style and pose: NAME.png is the front, NAME_left.png and NAME_right.png the sides."""
    found: dict[str, dict[str, PictureFile]] = {}
    for file in files:
        name, _, side = file.path.stem.rpartition("_")
        if name and side in _SIDES:
            found.setdefault(name, {})[side] = file
        else:
            found.setdefault(file.path.stem, {})["front"] = file
    return dict(sorted(found.items()))


def choose_template(files: Sequence[PictureFile], pose: str, rng: np.random.Generator) -> tuple[PictureFile, bool, str]:
    """A template file for a pose, whether to mirror it, and the pose it then shows; the seed draws the style.

    A missing side is the other side mirrored, else the front; a missing front is a side.
    """
    poses = list(styles(files).values())
    style = poses[int(rng.integers(len(poses)))]
    if pose in style:
        return style[pose], False, pose
    other = _SIDES[pose == "left"]
    if pose in _SIDES and other in style:
        return style[other], True, pose
    shown = next(iter(style))
    return style[shown], False, shown


def put_on(face: FaceFit, image: np.ndarray, file: PictureFile, mirrored: bool, pose: str) -> Layer | None:
    """A template warped to the face's six points and matched in brightness, as a layer over image (uint8 H×W×3).

    Pixel value is scaled by 1 + (V_face - V_mask)/255 as in MaskTheFace, hue and saturation kept. None when the mask
    falls outside the picture. Raises ValueError for a template without an opaque pixel.
    """
    target = face.six_points()
    margin = 0.6 * face.size
    window = window_of(np.concatenate((target - margin, target + margin)), image.shape)
    if window is None:
        return None
    template = _shrunk(file, mirrored, float(np.ptp(target[:, 0])))
    source = outline_points(np.array(template.getchannel("A")), pose)
    rows, columns = window
    corner = np.array((columns.start, rows.start))
    width, height = columns.stop - columns.start, rows.stop - rows.start
    back = back_projection(target - corner, source, (width, height))
    warped = template.transform((width, height), Image.Transform.PERSPECTIVE, back, Image.Resampling.BILINEAR)
    rgba = np.array(warped)
    alpha = rgba[..., 3].astype(np.int32)
    opacity = np.where(alpha < _CLEAR, 0, alpha + alpha // (FULL // 2))
    solid = opacity * 2 >= FULL
    gain = 1 + (brightness(image[window], solid) - brightness(rgba[..., :3], solid)) / 255
    colour = np.clip(np.rint(rgba[..., :3] * min(max(gain, 0.35), 1.3)), 0, 255).astype(np.int32)
    return Layer(window, colour, opacity)


@functools.lru_cache(maxsize=64)
def _halvings(file: PictureFile) -> tuple[Image.Image, ...]:
    """A template as RGBA, and halved again and again down to 16 pixels."""
    with Image.open(file.path) as picture:
        levels = [picture.convert("RGBA")]
    if not (np.array(levels[0].getchannel("A")) >= 128).any():
        raise ValueError(f"{file.path} has no opaque pixel; a mask template needs an alpha channel around the mask")
    while min(levels[-1].size) >= 32:
        levels.append(levels[-1].reduce(2))
    return tuple(levels)


def _shrunk(file: PictureFile, mirrored: bool, width: float) -> Image.Image:
    """The smallest halving at least that many pixels wide, so that warping does not alias."""
    levels = _halvings(file)
    level = max((level for level in levels if level.width >= width), key=levels.index, default=levels[0])
    return level.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else level


def outline_points(alpha: np.ndarray, pose: str) -> np.ndarray:
    """MaskTheFace's a..f on a template (uint8 h×w alpha): float 6×2 (x, y), in the order of FaceFit.six_points.

    Front: where the outline crosses 20 % and 62 % of its height, top and bottom on its middle column. Side: the same
    on the far edge; on the near edge the outermost points in its upper 30 % and below, the ends of straps if any.
    """
    if pose == "right":
        points = outline_points(alpha[:, ::-1], "left")[[2, 1, 0, 5, 4, 3]]
        return np.stack((alpha.shape[1] - points[:, 0], points[:, 1]), axis=1)
    opaque = alpha >= 128
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    top, height = rows[0], rows[-1] - rows[0] + 1
    first, width = columns[0], columns[-1] - columns[0] + 1
    high, low = top + height * 20 // 100, top + height * 62 // 100
    bridge = first + width * (50 if pose == "front" else 24) // 100
    chin = first + width * (50 if pose == "front" else 30) // 100
    a, d = _ends(opaque[high])[0], _ends(opaque[low])[0]
    if pose == "front":
        c, f = (_ends(opaque[high])[1], high), (_ends(opaque[low])[1], low)
    else:
        split = top + max(height * 30 // 100, 1)
        c, f = _rightmost(opaque[:split], 0), _rightmost(opaque[split:], split)
    b, e = _ends(opaque[:, bridge])[0], _ends(opaque[:, chin])[1]
    return np.array([(a, high), (bridge, b), c, (d, low), (chin, e), f], float)


def _ends(line: np.ndarray) -> tuple[int, int]:
    """Where the set pixels of a line (bool n) begin and end; the line's own ends when none is set."""
    places = np.flatnonzero(line)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, len(line))


def _rightmost(opaque: np.ndarray, top: int) -> tuple[int, int]:
    """x, y of the set pixel furthest right, the middle one of several."""
    reach = np.where(opaque.any(axis=1), opaque.shape[1] - opaque[:, ::-1].argmax(axis=1), 0)
    rows = np.flatnonzero(reach == reach.max())
    return int(reach.max()), top + int(rows[len(rows) // 2])


def back_projection(target: np.ndarray, source: np.ndarray, size: tuple[int, int]) -> tuple[float, ...]:
    """Pillow's eight PERSPECTIVE coefficients, from a window of that size back to the template.

    target, source: n×2 points, n >= 4, matched with least algebraic error (DLT). Where the horizon would cross the
    window, the best affine map instead.
    """
    x, y = target.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    left = np.stack((x, y, one, zero, zero, zero), axis=1)
    right = np.stack((zero, zero, zero, x, y, one), axis=1)
    affine, wanted = np.concatenate((left, right)), np.concatenate((source[:, 0], source[:, 1]))
    bend = -wanted[:, None] * np.concatenate((target, target))
    full = np.linalg.lstsq(np.concatenate((affine, bend), axis=1), wanted, rcond=None)[0]
    g, h = full[6:]
    if min(1 + g * u + h * v for u in (0, size[0]) for v in (0, size[1])) < 0.2:
        full = np.append(np.linalg.lstsq(affine, wanted, rcond=None)[0], (0.0, 0.0))
    return tuple(float(value) for value in full)
