"""Pictures that come with the packages: scikit-image's photographs, and faces drawn by the project."""

from __future__ import annotations

import hashlib
import importlib.resources
from functools import cache
from pathlib import Path

import numpy as np

from bench.data.drawn import RENDERER, draw_face
from bench.data.files import file_digest
from bench.data.pictures import Picture, read_pixels
from bench.errors import UserError, unknown
from bench.seeds import seed_for

# Split by photograph. The two motorcycles are one scene from two places, so they stand on one side.
TRAIN_PHOTOGRAPHS = (
    "astronaut.png", "motorcycle_left.png", "motorcycle_right.png", "hubble_deep_field.jpg", "ihc.png", "retina.jpg",
)  # fmt: skip
TEST_PHOTOGRAPHS = ("chelsea.png", "coffee.png", "rocket.jpg")
TILE = 128  # native pixels; the suites shrink tiles and training photographs alike
FLAT = 20.0  # grey levels of standard deviation below which a tile shows nothing to restore
FACES = {"train": 600, "test": 100}
FACE_SIZE = 128
SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}


class ScenesSource:
    """scikit-image's colour photographs: whole ones to train on, a fixed grid of square tiles to test on.

    Tiles of one photograph are not independent pictures: 23 tiles come from three photographs.
    """

    content = "scenes"
    problems: tuple[str, ...] = ()

    def __init__(self, split: str) -> None:
        self.name = "embedded:scenes"
        sides = SPLITS[split]
        self._boxes: dict[str, tuple[Path, tuple[int, int] | None]] = {}
        if "train" in sides:
            self._boxes |= {Path(name).stem: (_photograph(name), None) for name in TRAIN_PHOTOGRAPHS}
        if "test" in sides:
            for name in TEST_PHOTOGRAPHS:
                self._boxes |= _tiles(_photograph(name))
        self.ids = tuple(self._boxes)

    def read(self, image_id: str) -> Picture:
        """A photograph, or a tile of one."""
        if image_id not in self._boxes:
            raise unknown(f"picture of {self.name}", image_id, self.ids)
        path, corner = self._boxes[image_id]
        pixels = _pixels(path) if corner else read_pixels(path)
        if corner:
            pixels = pixels[corner[0] : corner[0] + TILE, corner[1] : corner[1] + TILE].copy()
        return Picture(image_id, pixels)

    def digest(self) -> str:
        """sha256 over ids, the photographs' files and the tiles' places."""
        lines = [f"{i} {file_digest(path)} {corner} {TILE}" for i, (path, corner) in sorted(self._boxes.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class FacesSource:
    """Portraits drawn on the fly at 128 px, with exact landmarks; every one is somebody else."""

    content = "faces"
    problems: tuple[str, ...] = ()

    def __init__(self, split: str) -> None:
        self.name = "embedded:faces"
        self._seeds = {
            f"face_{side}_{index:03d}": seed_for("face", side, index)
            for side in SPLITS[split]
            for index in range(FACES[side])
        }
        self.ids = tuple(self._seeds)

    def read(self, image_id: str) -> Picture:
        """Draw one portrait."""
        if image_id not in self._seeds:
            raise UserError(f"{self.name} has no picture '{image_id}'")
        drawn = draw_face(self._seeds[image_id], FACE_SIZE)
        return Picture(image_id, drawn.pixels, drawn.landmarks)

    def digest(self) -> str:
        """sha256 over the renderer's version, the size and the ids."""
        return hashlib.sha256("\n".join((RENDERER, str(FACE_SIZE), *sorted(self.ids))).encode()).hexdigest()


def _photograph(name: str) -> Path:
    path = Path(str(importlib.resources.files("skimage"))) / "data" / name
    if not path.is_file():
        raise UserError(f"embedded:scenes: {path} is missing; reinstall scikit-image, whose wheel carries it")
    return path


@cache
def _pixels(path: Path) -> np.ndarray:
    """A test photograph, kept: its tiles are read one after another. Three files of a few hundred pixels."""
    return read_pixels(path)


def _tiles(path: Path) -> dict[str, tuple[Path, tuple[int, int] | None]]:
    """The tiles of a photograph's centred grid that show something."""
    pixels = _pixels(path)
    height, width = pixels.shape[:2]
    rows, columns = height // TILE, width // TILE
    top, left = (height - rows * TILE) // 2, (width - columns * TILE) // 2
    found: dict[str, tuple[Path, tuple[int, int] | None]] = {}
    for row in range(rows):
        for column in range(columns):
            y, x = top + row * TILE, left + column * TILE
            if pixels[y : y + TILE, x : x + TILE].mean(axis=2).std() >= FLAT:
                found[f"{path.stem}_r{row}_c{column}"] = (path, (y, x))
    return found
