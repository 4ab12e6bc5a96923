"""What a data set's declaration says, what its layout yields, and how pictures are found in its folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from bench.data.files import Entry
from bench.data.folder import name_entries, scan
from bench.errors import UserError

Slot = tuple[str, ...]  # names a folder may have, the first that is there is taken


@dataclass(frozen=True)
class Layout:
    """What lies in a data set's folder.

    entries: by id. sides: "train" or "test" by id, absent for pictures of neither. marks: float32 5×2 by id.
    people: identity by id, where the set tells. notes: what was left out, a line each.
    """

    entries: Mapping[str, Entry]
    sides: Mapping[str, str]
    marks: Mapping[str, np.ndarray] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class DataSet:
    """The declaration of a data set: enough to open it, to cite it and to get it.

    layout raises UserError where a folder or list is missing. content: "faces", "scenes", or "" where landmarks decide.
    split says in words where the sides come from; published is the number of pictures of each. digests: md5 by file,
    as digests_from gives them; listed: md5 of further files that a list of the set's own holds.
    """

    name: str
    title: str
    content: str
    layout: Callable[[Path], Layout]
    split: str
    licence: str
    citation: str
    homepage: str
    obtain: str
    published: Mapping[str, int] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    digests_from: str = ""
    listed: Callable[[Path], Mapping[str, str]] | None = None


def first(root: Path, names: Iterable[str]) -> Path | None:
    """The first of several names that is there."""
    return next((root / name for name in names if (root / name).exists()), None)


def need(root: Path, names: Sequence[str]) -> Path:
    """As first; raises UserError that says what is missing."""
    found = first(root, names)
    if found is None:
        raise UserError(f"{root}: has no {' or '.join(names)}")
    return found


def lines_of(path: Path) -> list[list[str]]:
    """The words of each line of a list; empty lines are left out. Raises UserError."""
    try:
        return [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a list ({error})") from error


def table_of(path: Path, columns: int) -> dict[str, list[str]]:
    """The first word of each line to its other words, of lines with so many words: headers and counts have others.

    Raises UserError where no line has that many.
    """
    rows = {words[0]: words[1:] for words in lines_of(path) if len(words) == columns}
    if not rows:
        raise UserError(f"{path}: no line has {columns} columns; this is not the published list")
    return rows


def inside_of(root: Path, name: str) -> Path | None:
    """The file a list names, or None where the name leads out of root."""
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or "\\" in name:
        return None
    path = root / inside
    return path if path.resolve().is_relative_to(root.resolve()) else None


def pictures(folder: Path, notes: list[str]) -> dict[str, Entry]:
    """The pictures below a folder by id. Raises UserError where there are none."""
    found = name_entries(list(scan(folder, notes)))
    if not found:
        raise UserError(f"{folder}: no pictures here")
    return found


def by_folders(
    root: Path, bases: Slot = (".",), train: tuple[Slot, ...] = (), test: tuple[Slot, ...] = (), alone: bool = False
) -> Layout:
    """A set whose sides are folders; every slot names the folder it may be, below the first base that has one of them.

    alone: one picture folder is both base and slot, so that a set may lie in a folder of any name.
    """
    base = next((root / each for each in bases if any(first(root / each, slot) for slot in (*train, *test))), root)
    notes: list[str] = []
    sides: dict[Entry, str] = {}
    for side, slot in [*(("train", slot) for slot in train), *(("test", slot) for slot in test)]:
        folder = first(base, slot) or (base if alone else None)
        if folder is None:
            notes.append(f"{base}: has no {' or '.join(slot)}; these pictures are left out")
            continue
        sides |= dict.fromkeys(scan(folder, notes), side)
    if not sides:
        wanted = ", ".join(slot[0] for slot in (*train, *test))
        raise UserError(f"{root}: no pictures here" if alone else f"{root}: has no pictures in {wanted}")
    entries = name_entries(list(sides))
    return Layout(entries, {image_id: sides[entry] for image_id, entry in entries.items()}, notes=notes)
