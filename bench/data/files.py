"""Where a picture's bytes lie: a file, a box of a picture, a slice of an archive."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from bench.data.pictures import UnreadablePicture, decode_pixels, read_pixels
from bench.errors import UserError


@dataclass(frozen=True)
class Entry:
    """One picture file: its path inside the source, with / between parts, and where it lies."""

    inside: str
    path: Path

    @property
    def stem(self) -> str:
        """The inside path without its suffix: what ids and splits come from."""
        return str(PurePosixPath(self.inside).with_suffix(""))

    def pixels(self) -> np.ndarray:
        """Uint8 H×W×3 RGB. Raises UnreadablePicture."""
        return read_pixels(self.path)

    def digest(self) -> str:
        """Hex sha256 of what the pixels are decoded from."""
        return file_digest(self.path)


@dataclass(frozen=True)
class Crop(Entry):
    """The square about a box of a picture: its longer side, moved inward where it would stick out.

    box: left, top, right, bottom as shares of the picture's width and height, 0 to 1.
    """

    box: tuple[float, float, float, float]

    def pixels(self) -> np.ndarray:
        """Uint8 S×S×3 RGB, S at most the picture's shorter side. Raises UnreadablePicture."""
        whole = read_pixels(self.path)
        size = np.array(whole.shape[1::-1])
        corners = np.array(self.box).reshape(2, 2) * size
        side = int(np.clip(np.ceil((corners[1] - corners[0]).max()), 1, size.min()))
        left, top = np.clip((corners.mean(axis=0) - side / 2).round().astype(int), 0, size - side)
        return np.ascontiguousarray(whole[top : top + side, left : left + side])

    def digest(self) -> str:
        """Of the picture's file and the box."""
        return hashlib.sha256(f"{file_digest(self.path)} {self.box}".encode()).hexdigest()


@dataclass(frozen=True)
class Member(Entry):
    """A picture inside an uncompressed archive, read in place: nothing is ever unpacked."""

    offset: int
    size: int

    def pixels(self) -> np.ndarray:
        """Uint8 H×W×3 RGB. Raises UnreadablePicture."""
        return decode_pixels(self._data(), f"{self.path}, member {self.inside}")

    def digest(self) -> str:
        """Of the member's bytes."""
        return hashlib.sha256(self._data()).hexdigest()

    def _data(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read(self.size)
        except OSError as error:
            raise UnreadablePicture(f"{self.path}: cannot be opened ({error.strerror or error})") from error


def file_digest(path: Path) -> str:
    """sha256 of a file's content, remembered for as long as its size and time stay the same."""
    try:
        state = path.stat()
        return _content_digest(str(path.resolve()), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise UserError(f"{path}: cannot be read any more ({error.strerror})") from error


@lru_cache(maxsize=1_000_000)
def _content_digest(path: str, size: int, time_ns: int) -> str:
    """Size and time are part of the key only: a changed file is read again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
