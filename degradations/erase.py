"""Faces with one or two hand-drawn shapes blacked out (DotCSV pix2pix demo)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from degradations.base import Degradation, Degraded, Task, check_image
from degradations.files import PictureFile, content_digest, pictures_in, read_gray
from degradations.shapes import draw

TASK = Task(
    name="erase",
    lost="One or two drawn shapes are blacked out of a face.",
    source="DotCSV pix2pix demo (miguel-rodrigo/dot-csv-pix2pix)",
    tells_mask=False,
    content=frozenset({"faces"}),
    train="erase_black",
    levels=("erase_black",),
)
BLACK, MAGENTA = (0, 0, 0), (255, 0, 255)


class Placement(NamedTuple):
    """A square box in pixels, wholly inside the picture."""

    x: int
    y: int
    side: int


def placements(rng: np.random.Generator, shape: tuple[int, int]) -> list[Placement]:
    """One or two boxes: 50/256 of the short side scaled by U[1, 5], anywhere inside."""
    height, width = shape
    short = min(shape)
    boxes = []
    for _ in range(int(rng.integers(1, 3))):
        side = min(max(int(short * 50 / 256 * rng.uniform(1, 5) + 0.5), 1), short)
        x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        boxes.append(Placement(x, y, side))
    return boxes


def stretch(drawing: np.ndarray, side: int) -> np.ndarray:
    """A drawing (uint8, 255 = ink) as a bool side×side mask.

    The source multiplies by the bilinear-resized mask itself, whose grey rim tells where the damage is; here the
    resized mask is cut at half its darkest value: a pixel is lost or untouched, and a thin line survives shrinking.
    """
    resized = np.asarray(Image.fromarray(drawing).resize((side, side), Image.Resampling.BILINEAR))
    return resized >= max(1, min(128, (int(resized.max()) + 1) // 2))


def paint(image: np.ndarray, lost: np.ndarray, fill: tuple[int, int, int]) -> Degraded:
    """A copy of the picture with the lost pixels (bool H×W) in one colour."""
    painted = image.copy()
    painted[lost] = fill
    return Degraded(painted, lost.astype(np.uint8))


@dataclass(frozen=True)
class Erase(Degradation):
    """Shapes drawn from the seed: kind, form and place, kinds with replacement."""

    fill: tuple[int, int, int] = BLACK

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__."""
        check_image(image)
        rng = np.random.Generator(np.random.PCG64(seed))
        lost = np.zeros(image.shape[:2], bool)
        for x, y, side in placements(rng, image.shape[:2]):
            lost[y : y + side, x : x + side] |= stretch(draw(rng), side)
        return paint(image, lost, self.fill)


@dataclass(frozen=True)
class EraseFiles(Degradation):
    """Shapes drawn with replacement from a folder of pictures, dark ink on white (the source's 50×50 PNGs)."""

    fill: tuple[int, int, int] = BLACK
    folder: Path | None = None

    def __call__(self, image: np.ndarray, seed: int, landmarks: np.ndarray | None = None) -> Degraded:
        """See Degradation.__call__. Raises ValueError without a folder of readable shapes."""
        check_image(image)
        files = self._files()
        rng = np.random.Generator(np.random.PCG64(seed))
        lost = np.zeros(image.shape[:2], bool)
        for x, y, side in placements(rng, image.shape[:2]):
            drawing = 255 - read_gray(files[int(rng.integers(len(files)))])
            lost[y : y + side, x : x + side] |= stretch(drawing, side)
        return paint(image, lost, self.fill)

    def digest(self) -> str:
        """Parameters and the shapes' contents, wherever the folder lies."""
        if self.folder is None:
            return repr(self)
        return f"{dataclasses.replace(self, folder=None)!r} files={content_digest(self._files())}"

    def _files(self) -> tuple[PictureFile, ...]:
        return pictures_in(self.folder, "erase_files", "drawn shapes, dark on white")


LEVELS: dict[str, Degradation] = {
    "erase_black": Erase(BLACK),
    "erase_magenta": Erase(MAGENTA),
    "erase_files": EraseFiles(BLACK),
}
