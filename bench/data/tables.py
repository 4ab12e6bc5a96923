"""What lies beside a folder's pictures as CSV: five landmarks per face, and whose face it is."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from bench.data.files import Entry
from bench.errors import UserError

TEST_NAMES = ("test", "val", "valid", "validation")
_PARTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
COLUMNS = tuple(f"{part}_{axis}" for part in _PARTS for axis in "xy")
_FILES = {"train": "landmarks_train.csv", "test": "landmarks_test.csv", "": "landmarks.csv"}

Rows = Mapping[str, tuple[str, ...]]


def identities(root: Path, entries: Mapping[str, Entry]) -> dict[str, str]:
    """Whose picture each id is, from identity.csv (image_id, identity) in the folder or above it; empty without it."""
    rows = _table(root, "identity.csv", ("identity",))
    found = {image_id: _find(rows, entry) for image_id, entry in entries.items()}
    return {image_id: row[0] for image_id, row in found.items() if row is not None}


def _table(root: Path, name: str, columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Rows of a CSV beside or above the pictures by their image_id; nothing where there is no such file."""
    for path in (root / name, root.resolve().parent / name):
        if not path.is_file():
            continue
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [column for column in ("image_id", *columns) if column not in (rows.fieldnames or ())]
            if missing:
                raise UserError(f"{path}: has no column {', '.join(missing)}")
            return {row["image_id"]: tuple(row[column] or "" for column in columns) for row in rows}
    return {}


def _find(rows: Rows, entry: Entry) -> tuple[str, ...] | None:
    """A picture's row: by its path inside the folder, by its file name, or by that without the suffix."""
    name = PurePosixPath(entry.inside)
    return next((rows[key] for key in (entry.inside, name.name, name.stem) if key in rows), None)


def landmarks(root: Path, entries: Mapping[str, Entry]) -> dict[str, np.ndarray]:
    """Float32 5×2 per id, in pixels of the picture as shown: from landmarks_{train,test}.csv or landmarks.csv.

    A picture below a folder named train or test looks in that side's list first: both may hold a 0001.jpg.
    """
    tables = {side: (name, _table(root, name, COLUMNS)) for side, name in _FILES.items()}
    if not any(rows for _, rows in tables.values()):
        return {}
    found: dict[str, np.ndarray] = {}
    for image_id, entry in entries.items():
        side = _side_of(root, entry)
        for where in dict.fromkeys((side, "") if side else ("", "train", "test")):
            name, rows = tables[where]
            row = _find(rows, entry)
            if row is not None:
                found[image_id] = five_points(row, f"{name}, picture {entry.inside}")
                break
    return found


def _side_of(root: Path, entry: Entry) -> str:
    """train or test where the folder, or one on the way to the picture, says so; else nothing."""
    for part in (root.resolve().name, *PurePosixPath(entry.inside).parts[:-1])[::-1]:
        if part.lower() == "train":
            return "train"
        if part.lower() in TEST_NAMES:
            return "test"
    return ""


def five_points(row: Sequence[str | float], where: str) -> np.ndarray:
    """Ten numbers (x, y of both eyes, nose tip, both mouth corners) as float32 5×2; left becomes the smaller x.

    Raises UserError that begins with where.
    """
    try:
        points = np.array([float(value) for value in row], np.float32).reshape(5, 2)
    except ValueError as error:
        raise UserError(f"{where}: not ten numbers ({error})") from error
    for left, right in ((0, 1), (3, 4)):  # left is the smaller x, whatever the list's own convention
        if points[left, 0] > points[right, 0]:
            points[[left, right]] = points[[right, left]]
    return points
