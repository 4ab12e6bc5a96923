"""Picture files a degradation draws from: found once, hashed by content, decoded on demand."""

from __future__ import annotations

import functools
import hashlib
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

_SUFFIXES = frozenset({".png", ".bmp", ".jpg", ".jpeg", ".webp"})


class PictureFile(NamedTuple):
    """One readable picture: where it lies and the sha256 of its bytes."""

    path: Path
    sha256: str


def pictures_in(folder: Path | None, level: str, wanted: str) -> tuple[PictureFile, ...]:
    """The readable pictures of a folder, sorted by name.

    level: the level's name and wanted: what the folder should hold, both for the error's one line.
    Raises ValueError when no folder is given, it does not exist, or holds nothing readable.
    """
    if folder is None:
        raise ValueError(f"{level} needs a folder of {wanted}: write {level}@FOLDER")
    return _index(Path(folder), wanted)


@functools.cache
def _index(folder: Path, wanted: str) -> tuple[PictureFile, ...]:
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; give a folder of {wanted}")
    found, faulty = [], []
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        if path.suffix.lower() not in _SUFFIXES or not path.is_file():
            continue
        try:
            with Image.open(path) as picture:
                picture.load()
            found.append(PictureFile(path, hashlib.sha256(path.read_bytes()).hexdigest()))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            faulty.append(f"{path.name} ({error})")
    if not found:
        why = f"; unreadable: {', '.join(faulty[:3])}" if faulty else ""
        raise ValueError(f"{folder} holds no readable picture{why}; give a folder of {wanted}")
    if faulty:
        warnings.warn(f"{folder}: skipped {len(faulty)} unreadable: {', '.join(faulty[:3])}", stacklevel=2)
    return tuple(found)


def content_digest(files: tuple[PictureFile, ...]) -> str:
    """One sha256 for names and contents, in name order: moving the folder does not change it."""
    text = "\n".join(f"{file.sha256} {file.path.name}" for file in files)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.lru_cache(maxsize=128)
def read_gray(file: PictureFile) -> np.ndarray:
    """Luma of a picture, transparent parts white: uint8 H×W, read-only."""
    with Image.open(file.path) as picture:
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            colour = picture.convert("RGBA")
            gray = np.array(Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour).convert("L"))
        else:
            gray = np.array(picture.convert("L"))
    gray.flags.writeable = False
    return gray
