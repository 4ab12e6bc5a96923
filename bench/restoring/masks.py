"""Where a picture lost something: from a folder of masks, or from the picture's own alpha channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from bench.data.photo import read_alpha
from bench.data.pictures import Picture, UnreadablePicture, read_pixels
from bench.scoring.folders import index

HOLE = 128  # what a hole of the benchmark is painted with (degradations/hole.py)


@dataclass(frozen=True)
class Masks:
    """Masks by picture id: files that are not black where something was lost, or transparency; or none at all."""

    files: dict[str, Path] | None = None
    alpha: bool = False

    @classmethod
    def open(cls, folder: Path | None, alpha: bool = False) -> Masks:
        """Raises UserError when the folder has no pictures."""
        return cls(None if folder is None else index(folder), alpha)

    def __bool__(self) -> bool:
        return self.alpha or self.files is not None

    def of(self, picture: Picture, path: Path) -> tuple[Picture, np.ndarray | None]:
        """The picture, with a transparent part painted as a hole, and its mask, uint8 H×W of 0/1, if there are masks.

        path: its file. Raises UnreadablePicture when this picture has no mask, or one of another size.
        """
        if self.alpha:
            mask = (read_alpha(path) < 255).astype(np.uint8)
            return replace(picture, pixels=np.where(mask[..., None] > 0, np.uint8(HOLE), picture.pixels)), mask
        return picture, None if self.files is None else read_mask(self.files.get(picture.id), picture.pixels.shape)


def read_mask(path: Path | None, shape: tuple[int, ...]) -> np.ndarray:
    """A mask file for pixels of that shape: uint8 H×W, 1 where it is not black. Raises UnreadablePicture."""
    if path is None:
        raise UnreadablePicture("has no mask of its name")
    mask = (read_pixels(path).max(axis=2) > 0).astype(np.uint8)
    if mask.shape != shape[:2]:
        (height, width), (high, wide) = mask.shape, shape[:2]
        raise UnreadablePicture(f"its mask is {width}×{height}, the picture {wide}×{high}")
    return mask


def resized(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask at another size: lost wherever anything lost falls on a pixel."""
    height, width = shape[:2]
    return (cv2.resize(mask * np.float32(1), (width, height), interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
