"""The face boxes of Dataturks: a JSON object a line, {"content": URL, "annotation": [{"label", "points"}]}.

Only local files are read: the picture that a link names is looked for below the folder by its file name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from bench.data.files import Crop, Entry
from bench.data.folder import name_entries, scan, split_by_hash
from bench.data.sets.layout import Layout, need
from bench.data.tables import landmarks
from bench.errors import UserError

NAMES = ("face_detection.json", "Face_Detection.json", "faces.json")


def dataturks(root: Path) -> Layout:
    """Each boxed face as a square picture named PICTURE_fN; all faces of a picture stand on one side."""
    notes: list[str] = []
    there = {entry.path.name: entry for entry in scan(root, notes)}
    crops: dict[str, list[Crop]] = {}
    for number, record in _records(need(root, NAMES), notes):
        name = _file_name(record)
        if name not in there:
            notes.append(f"line {number}: picture {name!r} is not below {root}; left out")
        elif name in crops:
            notes.append(f"line {number}: picture {name!r} was named before; left out")
        else:
            crops[name] = list(_faces(there[name], record, f"line {number}", notes))
    entries = name_entries([crop for each in crops.values() for crop in each])
    if not entries:
        raise UserError(f"{root}: not one face of a picture that the list names lies here")
    pictures = {image_id: entry.path.name for image_id, entry in entries.items()}
    return Layout(entries, split_by_hash(pictures), landmarks(root, entries), pictures, notes)


def _records(path: Path, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list, with the numbers of their lines; what is none goes to notes."""
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield number, record
        else:
            notes.append(f"{path}, line {number}: not a JSON object; left out")


def _file_name(record: dict[str, Any]) -> str:
    """The last part of a record's link."""
    try:
        return PurePosixPath(unquote(urlsplit(str(record.get("content", ""))).path)).name
    except ValueError:  # not a link at all
        return ""


def _faces(picture: Entry, record: dict[str, Any], where: str, notes: list[str]) -> Iterator[Crop]:
    """The boxes of a record that have an area."""
    boxes = record.get("annotation")
    for place, each in enumerate(boxes if isinstance(boxes, list) else ()):
        try:
            (left, top), (right, bottom) = (
                (float(corner["x"]), float(corner["y"])) for corner in (each["points"][0], each["points"][1])
            )
        except (KeyError, TypeError, ValueError, IndexError):
            notes.append(f"{where}: box {place} is damaged; left out")
            continue
        box = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        if not 0 <= box[0] < box[2] <= 1 or not 0 <= box[1] < box[3] <= 1:
            notes.append(f"{where}: box {place} is empty or leaves the picture; left out")
            continue
        inside = PurePosixPath(picture.inside)
        yield Crop(str(inside.with_name(f"{inside.stem}_f{place}{inside.suffix}")), picture.path, box)
