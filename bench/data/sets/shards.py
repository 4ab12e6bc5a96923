"""WebDataset shards: tar files whose members KEY.jpg and KEY.json make a sample. Nothing is ever unpacked.

Pictures are read in place by their offsets, so that any of them can be had without reading the shard.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from bench.data.files import Entry, Member
from bench.data.folder import name_entries, split_by_hash
from bench.data.pictures import EXTENSIONS
from bench.data.sets.layout import DataSet, Layout
from bench.data.tables import TEST_NAMES, five_points
from bench.errors import UserError

LARGEST_MEMBER = 1 << 30  # bytes; no picture that is read is larger
LARGEST_JSON = 1 << 20


@dataclass
class _Found:
    """What the shards hold: picture members, the JSON beside each (by shard and key), and what was left out."""

    pictures: dict[tuple[Path, str], Member] = field(default_factory=dict)
    about: dict[tuple[Path, str], dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def webdataset(root: Path) -> Layout:
    """The pictures of a folder's *.tar. KEY.json may tell "landmarks" (5×2 px) and "identity".

    Shards named train-... and test-... (or val-...) are the sides; otherwise keys, or identities, are split by hash.
    """
    shards = sorted(root.glob("*.tar"))
    if not shards:
        packed = next(root.glob("*.tar.*"), None) or next(root.glob("*.tgz"), None)
        why = f"{packed.name} is compressed; shards are read in place: unpack it to .tar" if packed else "no *.tar here"
        raise UserError(f"{root}: {why}")
    found = _Found()
    for shard in shards:
        _index(shard, found)
    if not found.pictures:
        raise UserError(f"{root}: not one picture in {len(shards)} shards; {'; '.join(found.notes[:1])}")
    entries = name_entries(list(found.pictures.values()))
    places = {member: place for place, member in found.pictures.items()}
    about = {i: found.about.get(places[entry], {}) for i, entry in entries.items() if isinstance(entry, Member)}
    people = {i: str(each["identity"]) for i, each in about.items() if "identity" in each}
    marks = _marks(about, found.notes)
    return Layout(entries, _sides(entries, people), marks, people, found.notes)


def _index(shard: Path, found: _Found) -> None:
    """Note where a shard's members lie. A shard that ends too early gives what stands before."""
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                _take(shard, archive, member, found)
    except (tarfile.TarError, OSError, EOFError) as error:
        found.notes.append(f"{shard}: truncated or damaged ({error}); what stands before is used")


def _take(shard: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, found: _Found) -> None:
    """Note one member: a picture by its place, a JSON by its content."""
    if member.isdir():
        return
    name = PurePosixPath(member.name)
    where = f"{shard}, member {member.name!r}"
    if not member.isreg() or member.issparse():
        found.notes.append(f"{where}: a link or special file; left out")
    elif name.is_absolute() or ".." in name.parts:
        found.notes.append(f"{where}: its name leads out of the archive; left out")
    elif (shard, key := _key(name)) in found.pictures and name.suffix.lower() in EXTENSIONS:
        found.notes.append(f"{where}: a second picture of this key; left out")
    elif name.suffix.lower() in EXTENSIONS:
        if 0 < member.size <= LARGEST_MEMBER and member.offset_data + member.size <= shard.stat().st_size:
            found.pictures[shard, key] = Member(str(name), shard, member.offset_data, member.size)
        else:
            found.notes.append(f"{where}: {member.size} bytes: empty, cut off, or more than is read; left out")
    elif name.suffix == ".json" and member.size <= LARGEST_JSON:
        content = archive.extractfile(member)
        found.about[shard, key] = _object(content.read() if content else b"", where, found.notes)


def _key(name: PurePosixPath) -> str:
    """A sample's key: the path up to the first dot of the file's name."""
    return str(name.with_name(name.name.split(".")[0] or name.name))


def _object(data: bytes, where: str, notes: list[str]) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    notes.append(f"{where}: not a JSON object; its landmarks and identity are unknown")
    return {}


def _marks(about: Mapping[str, Mapping[str, Any]], notes: list[str]) -> dict[str, np.ndarray]:
    """float32 5×2 by id, of the JSON that tell them."""
    marks = {}
    for image_id, each in about.items():
        if each.get("landmarks") is not None:
            try:
                marks[image_id] = five_points(np.array(each["landmarks"], np.float64).ravel().tolist(), image_id)
            except (UserError, ValueError, TypeError):
                notes.append(f"{image_id}: its landmarks are not five points; left out")
    return marks


def _sides(entries: Mapping[str, Entry], people: Mapping[str, str]) -> dict[str, str]:
    words = {i: entry.path.name.lower().replace("_", "-").split("-")[0] for i, entry in entries.items()}
    held = next((name for name in TEST_NAMES if name in words.values()), None)
    if held and "train" in words.values():
        return {i: "train" if word == "train" else "test" if word == held else "" for i, word in words.items()}
    return split_by_hash({image_id: people.get(image_id, entry.stem) for image_id, entry in entries.items()})


WEBDATASET = DataSet(
    "webdataset", "WebDataset shards: *.tar of KEY.jpg with KEY.json", "", webdataset,
    "shards train-*.tar and test-*.tar (or val-*.tar); else one key, or identity, in five is test, by hash",
    "that of the pictures in the shards", "WebDataset, https://github.com/webdataset/webdataset",
    "https://github.com/webdataset/webdataset",
    "write shards with webdataset.ShardWriter, or `tar --sort=name -cf 000000.tar *`, into PATH",
)  # fmt: skip
