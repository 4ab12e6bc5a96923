"""A source decoded once: every picture's pixels in one file that is mapped into memory, and an index beside it.

FILE holds uint8 H×W×3 after H×W×3 and nothing else; FILE.json says what lies where, with a sha256 for each picture,
and which ids, problems and digest each side of the source has. A pack opened as pack:FILE gives what its source gave.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bench.data.ahead import ahead
from bench.data.folder import resolve, safe
from bench.data.pictures import Picture, UnreadablePicture
from bench.data.tables import five_points
from bench.errors import UserError
from bench.results.atomic import sweep, unfinished, write_atomic

FORMAT = "restorebench-pack-1"
SIDES = ("train", "test", "all")


@dataclass(frozen=True)
class PackReport:
    """What was packed: pictures with pixels, bytes of pixels, and a line for each that could not be read."""

    written: int
    size: int
    problems: list[str]


class PackSource:
    """One side of a pack. Pixels are mapped, and checked against their digest when first read."""

    def __init__(self, name: str, path: Path, index: dict[str, Any], split: str) -> None:
        side = index["splits"][split]
        if "error" in side:
            raise UserError(f"{name}: {side['error']}")
        self.name, self.content = name, str(side["content"])
        self.problems: tuple[str, ...] = tuple(side["problems"])
        self._records = {index["pictures"][place]["id"]: index["pictures"][place] for place in side["pictures"]}
        self.ids = tuple(self._records)
        self._digest = str(side["digest"])
        self._pixels = np.memmap(path, np.uint8, mode="r")
        self._checked: set[str] = set()

    def read(self, image_id: str) -> Picture:
        """One picture. Raises UnreadablePicture where its source could not read it, or its pixels have changed."""
        if image_id not in self._records:
            raise UserError(f"{self.name} has no picture '{image_id}'")
        record = self._records[image_id]
        if "error" in record:
            raise UnreadablePicture(record["error"])
        height, width = record["height"], record["width"]
        flat = self._pixels[record["offset"] : record["offset"] + height * width * 3]
        if image_id not in self._checked:
            if hashlib.sha256(flat.data).hexdigest() != record["sha256"]:
                raise UnreadablePicture(f"{self.name}: the pixels of '{image_id}' have changed; pack it again")
            self._checked.add(image_id)
        pixels = np.array(flat).reshape(height, width, 3)
        marks = record.get("landmarks")
        return Picture(image_id, pixels, None if marks is None else np.array(marks, np.float32))

    def digest(self) -> str:
        """The packed source's own, from when it was packed."""
        return self._digest


def index_of(path: Path) -> Path:
    """Where a pack's index lies."""
    return path.with_name(path.name + ".json")


def write_pack(spec: str, out: Path) -> PackReport:
    """Pack every picture of a source, with both sides of its split, at the size it has.

    OUT appears whole or not at all, its index last: a pack without one is never opened. Raises UserError.
    """
    sides, sources = _sides(spec)
    if out.is_dir() or (out.exists() and not index_of(out).is_file()):
        raise UserError(f"{out}: is there already and is no pack; choose another name")
    whole = sources["all"]
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent, deep=False)  # what a killed pack left
    temporary = unfinished(out)
    try:
        with temporary.open("wb") as file:
            records = list(_write(whole, file))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        if not size:
            raise UserError(
                f"{spec}: not one picture could be read; {records[0]['error'] if records else 'it is empty'}"
            )
        places = {record["id"]: place for place, record in enumerate(records)}
        for split, source in sources.items():
            sides[split]["pictures"] = [places[image_id] for image_id in source.ids]
        index = {"format": FORMAT, "source": spec, "bytes": size, "splits": sides, "pictures": records}
        index_of(out).unlink(missing_ok=True)  # from here to the end there is no pack: no index beside other pixels
        os.replace(temporary, out)
        write_atomic(index_of(out), json.dumps(index).encode())
    finally:
        temporary.unlink(missing_ok=True)
    problems = [f"{record['error']}; left out" for record in records if "error" in record]
    return PackReport(len(records) - len(problems), size, problems + list(whole.problems))


def open_pack(spec: str, path: str, split: str) -> PackSource:
    """Open pack:FILE. Raises UserError, one line, where it is absent, cut short, or its index makes no sense."""
    file = resolve(spec, path)
    again = "make it with: restorebench pack SOURCE FILE"
    if not file.is_file():
        raise UserError(f"{spec}: no such file; {again}")
    if not index_of(file).is_file():
        raise UserError(f"{spec}: has no index {index_of(file).name} beside it; {again}")
    try:
        index = json.loads(index_of(file).read_bytes())
        _check(index)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, UserError) as error:
        raise UserError(f"{spec}: its index {index_of(file).name} is damaged or of another version; {again}") from error
    size = file.stat().st_size
    if size != index["bytes"]:
        what = "truncated" if size < index["bytes"] else "not the file its index describes"
        raise UserError(f"{spec}: {what} ({size:,} of {index['bytes']:,} bytes); {again}")
    return PackSource(spec, file, index, split)


def _sides(spec: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What the index says of each side, and the sides' sources; a side that a source lacks is an error for later."""
    from bench.data.sources import open_source  # which opens packs

    sides: dict[str, dict[str, Any]] = {}
    sources = {}
    for split in SIDES:
        try:
            source = open_source(spec, split)  # type: ignore[arg-type]
        except UserError as error:
            if split == "all":
                raise
            sides[split] = {"error": str(error)}
            continue
        sources[split] = source
        sides[split] = {"content": source.content, "digest": source.digest(), "problems": list(source.problems)}
    return sides, sources


def _write(source: Any, file: BinaryIO) -> Iterator[dict[str, Any]]:
    """Append the pixels of every picture; yields its record."""

    def read(image_id: str) -> Picture | UnreadablePicture:
        try:
            return source.read(image_id)
        except UnreadablePicture as error:
            return error

    for image_id, found in zip(source.ids, ahead(read, source.ids), strict=True):
        if isinstance(found, UnreadablePicture):
            yield {"id": image_id, "error": str(found)}
            continue
        height, width = found.pixels.shape[:2]
        flat = np.ascontiguousarray(found.pixels)
        record = {"id": image_id, "offset": file.tell(), "height": height, "width": width,
                  "sha256": hashlib.sha256(flat.data).hexdigest()}  # fmt: skip
        if found.landmarks is not None:
            record["landmarks"] = found.landmarks.tolist()
        file.write(flat.data)
        yield record


def _check(index: dict[str, Any]) -> None:
    """Raise ValueError, or what a wrong type raises, unless every record lies in the file and ids are file names."""
    if index["format"] != FORMAT or not index["bytes"] > 0:
        raise ValueError("format")
    count = len(index["pictures"])
    for record in index["pictures"]:
        if safe(record["id"]) != record["id"] or record["id"].startswith("."):
            raise ValueError("id")
        if "error" not in record:
            end = record["offset"] + record["height"] * record["width"] * 3
            if min(record["offset"], record["height"] - 1, record["width"] - 1) < 0 or end > index["bytes"]:
                raise ValueError("place")
            if record.get("landmarks") is not None:
                five_points(np.array(record["landmarks"], np.float32).ravel().tolist(), "index")
    for split in SIDES:
        side = index["splits"][split]
        if "error" not in side and not all(0 <= place < count for place in side["pictures"]):
            raise ValueError("side")
