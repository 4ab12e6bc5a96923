"""Holes painted mid grey (Image completion, Iizuka et al. 2017): boxes, free forms, mask files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degradations.base import Degradation, Degraded, Task, check_image
from degradations.files import PictureFile, content_digest, pictures_in, read_gray
from degradations.raster import filled, stroke

TASK = Task(
    name="hole",
    lost="A rectangular or free-form hole is cut out and painted mid grey.",
    source="Image completion (Iizuka et al. 2017; karantrehan/Image_Completion_Experiment)",
    tells_mask=True,
    content=frozenset({"scenes", "faces"}),
    train="hole_box",
    levels=("hole_box", "hole_free"),
)
GREY = 128
_TRIES = 12


def paint(image: np.ndarray, hole: np.ndarray) -> Degraded:
    """A copy of the picture with the hole (bool H×W) in mid grey."""
    painted = image.copy()
    painted[hole] = GREY
    return Degraded(painted, hole.astype(np.uint8))


def box(rng: np.random.Generator, shape: tuple[int, int], low: float, high: float) -> np.ndarray:
    """One rectangle wholly inside: bool H×W. low, high: bounds of its sides, in parts of the short side."""
    short = min(shape)
    least = min(max(int(short * low + 0.5), 1), short)
    most = min(max(int(short * high + 0.5), least), short)
    height, width = (int(side) for side in rng.integers(least, most + 1, 2))
    return _placed(rng, shape, height, width)


def _placed(rng: np.random.Generator, shape: tuple[int, int], height: int, width: int) -> np.ndarray:
    """A rectangle of that size anywhere inside: bool H×W."""
    y, x = int(rng.integers(shape[0] - height + 1)), int(rng.integers(shape[1] - width + 1))
    hole = np.zeros(shape, bool)
    hole[y : y + height, x : x + width] = True
    return hole


def strokes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """One to four thick brush strokes that turn to and fro (DeepFill v2, LaMa): bool H×W."""
    unit = (shape[0] * shape[1]) ** 0.5
    pieces: list[np.ndarray] = []
    for _ in range(int(rng.integers(1, 5))):
        turns = int(rng.integers(2, 6))
        lean = rng.uniform(0.4, 2.0, turns) * np.where(np.arange(turns) % 2 == 0, 1, -1)
        angle = rng.uniform(0, 2 * np.pi) + np.cumsum(lean)
        length = rng.uniform(0.08, 0.4, turns)[:, None] * unit
        moves = length * np.stack((np.cos(angle), np.sin(angle)), axis=1)
        start = rng.uniform(0, 1, 2) * (shape[1], shape[0])
        path = np.clip(start + np.concatenate((np.zeros((1, 2)), np.cumsum(moves, axis=0))), 0, (shape[1], shape[0]))
        pieces += stroke(path, float(rng.uniform(0.06, 0.2)) * unit)
    return filled(pieces, *shape)


def free_form(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Strokes, one to four boxes, or both: bool H×W."""
    kind = int(rng.integers(4))
    hole = strokes(rng, shape) if kind < 3 else np.zeros(shape, bool)
    if kind >= 2:
        for _ in range(int(rng.integers(1, 5 if kind == 3 else 3))):
            hole |= box(rng, shape, 0.12, 0.45)
    return hole


def _box_of_area(rng: np.random.Generator, shape: tuple[int, int], area: float) -> np.ndarray:
    """A rectangle of about that many pixels, square where the picture allows: bool H×W."""
    height = min(max(int(area**0.5 + 0.5), 1), shape[0])
    width = min(max(int(area / height + 0.5), 1), shape[1])
    height = min(max(int(area / width + 0.5), 1), shape[0])
    return _placed(rng, shape, height, width)


@dataclass(frozen=True)
class BoxHole(Degradation):
    """One rectangle, its sides drawn from 96..128 at a short side of 256 and in proportion elsewhere."""

    low: float = 96 / 256
    high: float = 128 / 256

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__."""
        check_image(image)
        rng = np.random.Generator(np.random.PCG64(seed))
        return paint(image, box(rng, image.shape[:2], self.low, self.high))


@dataclass(frozen=True)
class FreeHole(Degradation):
    """Thick strokes and boxes whose area is kept within a band.

    Forms outside the band are drawn again; pictures too small or long for them get one box of the band's middle.
    """

    least: float = 0.10  # part of the picture
    most: float = 0.40

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__."""
        check_image(image)
        rng = np.random.Generator(np.random.PCG64(seed))
        shape = image.shape[:2]
        for _ in range(_TRIES):
            hole = free_form(rng, shape)
            if self.least * hole.size <= np.count_nonzero(hole) <= self.most * hole.size:
                return paint(image, hole)
        return paint(image, _box_of_area(rng, shape, (self.least + self.most) / 2 * hole.size))


@dataclass(frozen=True)
class FileHole(Degradation):
    """Holes from a folder of mask files, white = hole, nearest-resized to the picture; the seed chooses the file."""

    folder: Path | None = None

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__. Raises ValueError without a folder of readable masks."""
        check_image(image)
        files = self._files()
        rng = np.random.Generator(np.random.PCG64(seed))
        mask = read_gray(files[int(rng.integers(len(files)))])
        rows, columns = (
            (2 * np.arange(side) + 1) * source // (2 * side)
            for side, source in zip(image.shape[:2], mask.shape, strict=True)
        )
        return paint(image, mask[rows[:, None], columns] >= 128)

    def digest(self) -> str:
        """Parameters and the masks' contents, wherever the folder lies."""
        if self.folder is None:
            return repr(self)
        return f"{dataclasses.replace(self, folder=None)!r} files={content_digest(self._files())}"

    def _files(self) -> tuple[PictureFile, ...]:
        return pictures_in(self.folder, "hole_files", "mask pictures, white = hole")


LEVELS: dict[str, Degradation] = {
    "hole_box": BoxHole(),
    "hole_free": FreeHole(),
    "hole_files": FileHole(),
}
