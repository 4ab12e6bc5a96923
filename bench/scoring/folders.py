"""Pictures made elsewhere: a folder of predictions for a task, or two plain folders to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.ahead import ahead
from bench.data.batches import Case
from bench.data.pictures import EXTENSIONS, UnreadablePicture, read_pixels
from bench.errors import UserError


def index(folder: Path) -> dict[str, Path]:
    """Pictures below a folder by relative path without suffix, "/" as "__". Raises UserError on none, or twins."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in EXTENSIONS or path.name.startswith(".") or not path.is_file():
            continue
        name = path.relative_to(folder).with_suffix("").as_posix().replace("/", "__")
        if name in found:
            raise UserError(f"{folder}: '{found[name].name}' and '{path.name}' share a name; keep one of them")
        found[name] = path
    if not found:
        raise UserError(f"{folder} has no pictures ({', '.join(sorted(EXTENSIONS))})")
    return found


@dataclass(frozen=True)
class FolderRestorer:
    """Restored pictures found by level and image id: FOLDER/LEVEL/ID.png, or FOLDER/ID.png with a single level."""

    files: dict[str, dict[str, Path]]  # level -> image id -> file

    @classmethod
    def open(cls, folder: Path, levels: list[str]) -> FolderRestorer:
        """Find the pictures of each level. Raises UserError when a level has no place in the folder."""
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder")
        if len(levels) == 1 and not (folder / levels[0]).is_dir():
            return cls({levels[0]: index(folder)})
        absent = [level for level in levels if not (folder / level).is_dir()]
        if absent:
            raise UserError(f"{folder} has no subfolder {', '.join(absent)}; each level's pictures go in their own")
        return cls({level: index(folder / level) for level in levels})

    def digest(self) -> str:
        """Digest of every file's name and content."""
        total = hashlib.sha256()
        for level, files in sorted(self.files.items()):
            for name, path in sorted(files.items()):
                total.update(f"{level}/{name}".encode() + hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()

    def extra(self, ids: list[str]) -> list[str]:
        """A line per level with pictures that no case asks for."""
        spare = {level: sorted(files.keys() - set(ids)) for level, files in self.files.items()}
        return [
            f"{level}: {len(names)} pictures not asked for, e.g. {names[0]}" for level, names in spare.items() if names
        ]

    def __call__(self, level: str, cases: list[Case]) -> list[np.ndarray | str]:
        """The pictures of these cases; a word for each that is missing, unreadable or of another size."""
        return [self._one(self.files[level].get(case.image_id), case) for case in cases]

    def masks(self, cases: list[Case]) -> None:
        """A folder of pictures says nothing of masks."""

    @staticmethod
    def _one(path: Path | None, case: Case) -> np.ndarray | str:
        if path is None:
            return "missing"
        try:
            pixels = read_pixels(path)
        except UnreadablePicture:
            return "unreadable"
        return pixels if pixels.shape == case.clean.shape else "other_size"


@dataclass(frozen=True)
class Pair:
    """A restored picture with its reference and mask where given; `problem` says why it cannot be compared."""

    image_id: str
    restored: np.ndarray | None = None
    reference: np.ndarray | None = None
    mask: np.ndarray | None = None
    problem: str = ""


def pairs(restored: Path, reference: Path | None, mask: Path | None) -> Iterator[Pair]:
    """Pictures of two or three folders matched by name. Raises UserError when none match."""
    ours = index(restored)
    theirs = None if reference is None else index(reference)
    masks = None if mask is None else index(mask)
    if theirs is not None and not ours.keys() & theirs.keys():
        raise UserError(
            f"no picture of {restored} has the name of one in {reference} "
            f"(e.g. '{next(iter(ours))}' and '{next(iter(theirs))}'); rename one side"
        )
    yield from ahead(lambda name: _pair(name, ours[name], theirs, masks), ours)


def _pair(name: str, path: Path, theirs: dict[str, Path] | None, masks: dict[str, Path] | None) -> Pair:
    for kind, files in (("reference", theirs), ("mask", masks)):
        if files is not None and name not in files:
            return Pair(name, problem=f"no {kind} of this name")
    try:
        pixels = read_pixels(path)
        truth = None if theirs is None else read_pixels(theirs[name])
        lost = None if masks is None else (read_pixels(masks[name])[..., 0] > 127).astype(np.uint8)
    except UnreadablePicture as error:
        return Pair(name, problem=str(error))
    for kind, other in (("reference", truth), ("mask", lost)):
        if other is not None and other.shape[:2] != pixels.shape[:2]:
            sizes = f"{pixels.shape[1]}x{pixels.shape[0]}", f"{other.shape[1]}x{other.shape[0]}"
            return Pair(name, problem=f"restored is {sizes[0]}, {kind} is {sizes[1]}")
    return Pair(name, pixels, truth, lost)
