"""Which folder holds the pictures of which level and seed: read from its layout, or said by the user."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError, unknown
from bench.scoring.folders import FolderRestorer, index

SEED_FOLDER = re.compile(r"seed_?(\d+)")


@dataclass(frozen=True)
class Given:
    """A folder of restored pictures: of all levels and seeds by its layout, unless it is said to be of one."""

    folder: Path
    level: str = ""
    seed: int | None = None

    @classmethod
    def parse(cls, text: str) -> Given:
        """From "FOLDER", "LEVEL=FOLDER", "SEED=FOLDER" or "LEVEL/SEED=FOLDER"."""
        said, equals, folder = text.partition("=")
        if not equals or Path(text).is_dir():
            return cls(Path(text))
        level, _, seed = ("", "", said) if said.isdecimal() else said.partition("/")
        if (seed and not seed.isdecimal()) or not folder:
            raise UserError(f"'{text}': write FOLDER, LEVEL=FOLDER, SEED=FOLDER or LEVEL/SEED=FOLDER, SEED a number")
        return cls(Path(folder), level, int(seed) if seed else None)


@dataclass(frozen=True)
class PredictionFolders:
    """The pictures of each seed: FOLDER[/seedN][/LEVEL]/ID.png. Seed None: one set of which no seed is known."""

    seeds: dict[int | None, FolderRestorer]

    @classmethod
    def open(cls, given: Sequence[Given], levels: list[str]) -> PredictionFolders:
        """Find everything. Raises UserError on a level twice, absent or unknown, or seeds given for a part only."""
        files: dict[int | None, dict[str, dict[str, Path]]] = {}
        for seed, level, folder in _places(given, levels):
            found = files.setdefault(seed, {})
            if level in found:
                raise UserError(f"{folder}: level '{level}'{_of(seed)} is given twice; keep one folder of it")
            found[level] = index(folder)
        if None in files and len(files) > 1:
            raise UserError("some of the folders are of a seed and some of none; name the seed of each, or of none")
        for seed, found in files.items():
            absent = [level for level in levels if level not in found]
            if absent:
                raise UserError(f"no folder for level {', '.join(absent)}{_of(seed)}; each level needs its pictures")
        return cls({seed: FolderRestorer(files[seed]) for seed in sorted(files, key=lambda each: each or 0)})

    def digest(self) -> str:
        """Digest of every file's seed, name and content."""
        parts = (f"{seed}:{restorer.digest()}" for seed, restorer in self.seeds.items())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _of(seed: int | None) -> str:
    return "" if seed is None else f" of seed {seed}"


def _places(given: Iterable[Given], levels: list[str]) -> Iterator[tuple[int | None, str, Path]]:
    """(seed, level, folder) of everything given, following the layout where it is not said."""
    for each in given:
        if not each.folder.is_dir():
            raise UserError(f"{each.folder} is not a folder")
        if each.level and each.level not in levels:
            raise unknown("level", each.level, levels)
        inside = {} if each.seed is not None else _seed_folders(each.folder)
        for seed, folder in (inside or {each.seed: each.folder}).items():
            for level, place in _level_folders(folder, each.level, levels).items():
                yield seed, level, place


def _seed_folders(folder: Path) -> dict[int | None, Path]:
    named = ((SEED_FOLDER.fullmatch(path.name), path) for path in sorted(folder.iterdir()) if path.is_dir())
    return {int(match[1]): path for match, path in named if match}


def _level_folders(folder: Path, level: str, levels: list[str]) -> dict[str, Path]:
    """Where the pictures of a level lie: in its subfolder, or in the folder itself if that can only mean one level."""
    inside = {each: folder / each for each in ([level] if level else levels) if (folder / each).is_dir()}
    if inside:
        return inside
    if level or len(levels) == 1:
        return {level or levels[0]: folder}
    raise UserError(f"{folder} has no subfolder {', '.join(levels)}; each level's pictures go in their own")
