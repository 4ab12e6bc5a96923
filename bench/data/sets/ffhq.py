"""Flickr-Faces-HQ: numbered pictures, and a JSON with 68 landmarks and the md5 of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.files import Entry
from bench.data.sets.layout import Layout, first, inside_of, need, pictures
from bench.data.tables import five_points, landmarks
from bench.errors import UserError

FOLDERS = {"images1024x1024": "image", "thumbnails128x128": "thumbnail"}  # and its key in the JSON
LIST = "ffhq-dataset-v2.json"
TRAINING = 60_000  # pictures numbered below
SIDES = {"training": "train", "validation": "test"}
FULL, THUMBNAIL = 1024, 128  # px; the JSON's landmarks are in pixels of the first


def ffhq(root: Path) -> Layout:
    """images1024x1024 or thumbnails128x128, with landmarks where ffhq-dataset-v2.json lies beside them."""
    notes: list[str] = []
    folder = need(root, tuple(FOLDERS))
    entries = pictures(folder, notes)
    if first(root, (LIST,)) is None:
        return Layout(entries, {i: _side(entry) for i, entry in entries.items()}, landmarks(root, entries), notes=notes)
    ids = {entry.path: image_id for image_id, entry in entries.items()}
    sides: dict[str, str] = {}
    marks: dict[str, np.ndarray] = {}
    for number, item, path in _records(root, folder.name, notes):
        if path not in ids:
            continue  # a part of the set is a fair source; how many are missing is said by their number
        sides[ids[path]] = SIDES.get(item.get("category", ""), "")
        try:
            marks[ids[path]] = _five(item["image"]["face_landmarks"], folder.name, f"{root / LIST}, picture {number}")
        except (KeyError, TypeError, ValueError, IndexError, UserError):
            notes.append(f"{root / LIST}: the landmarks of picture {number} are damaged; left out")
    return Layout(entries, sides, marks, notes=notes)


def ffhq_digests(root: Path) -> Mapping[str, str]:
    """md5 of every picture as the JSON gives them, for the pictures that are here."""
    folder = first(root, tuple(FOLDERS))
    if folder is None or first(root, (LIST,)) is None:
        return {}
    found = {}
    for _, item, path in _records(root, folder.name, []):
        md5 = item.get(FOLDERS[folder.name], {}).get("file_md5")
        if isinstance(md5, str) and path.is_file():
            found[path.relative_to(root).as_posix()] = md5
    return found


def _side(entry: Entry) -> str:
    number = Path(entry.inside).stem
    return "" if not number.isdigit() else "train" if int(number) < TRAINING else "test"


def _records(root: Path, folder: str, notes: list[str]) -> Iterator[tuple[str, dict[str, Any], Path]]:
    """Number, record and file of each picture of the JSON; a record that makes no sense goes to notes."""
    for number, item in _read(root / LIST).items():
        try:
            name = item[FOLDERS[folder]]["file_path"]
            path = inside_of(root, name)
        except (KeyError, TypeError):
            notes.append(f"{root / LIST}: record {number} is damaged; left out")
            continue
        if path is None:
            notes.append(f"{root / LIST}: record {number} leads out of the folder ({name!r}); left out")
        else:
            yield number, item, path


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON that can be read ({error})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: is not the list of FFHQ: it should be an object of records by number")
    return found


def _five(points: list[list[float]], folder: str, where: str) -> np.ndarray:
    """Eyes (means of 36-41 and 42-47), nose tip 30, mouth corners 48 and 54 of the 68, in pixels of the picture."""
    all68 = np.array(points, np.float64).reshape(68, 2)
    five = np.stack([all68[36:42].mean(0), all68[42:48].mean(0), all68[30], all68[48], all68[54]])
    scale = (FULL if folder == "images1024x1024" else THUMBNAIL) / FULL
    return five_points(((five + 0.5) * scale - 0.5).ravel().tolist(), where)
