"""Data sets in the layouts their makers hand out. A declaration each; all are opened by open_set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.data.folder import FolderSource, resolve
from bench.data.sets.faces import FACES
from bench.data.sets.huggingface import HUGGINGFACE
from bench.data.sets.layout import DataSet, Layout
from bench.data.sets.scenes import SCENES
from bench.data.sets.shards import WEBDATASET
from bench.errors import UserError

SETS: Mapping[str, DataSet] = {each.name: each for each in (*FACES, *SCENES, WEBDATASET, HUGGINGFACE)}
OUR_SPLIT = frozenset({"dataturks", "webdataset", "huggingface"})  # may be split by hash: worth a look for duplicates


@dataclass(frozen=True)
class Checked:
    """One file beside its published digest. state: "as published", "DIFFERS" or "not here"."""

    file: str
    state: str
    published: str


def open_set(spec: str, path: str, split: str) -> FolderSource:
    """Open NAME:PATH of SETS: one side as its makers split it, or all of it. Raises UserError."""
    declared = SETS[spec.partition(":")[0]]
    root = _root(declared, spec, path)
    try:
        layout = declared.layout(root)
    except UserError as error:
        raise UserError(f"{spec}: {error}. To get it: {declared.obtain} ({declared.homepage})") from error
    notes = [*layout.notes, *_counts(declared, layout, split)]
    shared = _shared(layout) if split == "train" else frozenset()
    if shared:
        notes.append(f"{spec}: {len(shared)} training pictures show somebody of the test side; left out")
    chosen = {
        image_id: entry
        for image_id, entry in layout.entries.items()
        if split == "all" or (layout.sides.get(image_id) == split and image_id not in shared)
    }
    if not chosen:
        raise UserError(f"{spec}: nothing to {split} with: {declared.split}; name another source for that half")
    return FolderSource(spec, chosen, layout.marks, notes, declared.content)


def check_files(spec: str) -> Iterator[Checked]:
    """Every file with a published md5, and whether it is that file. Raises UserError on an unknown or absent set."""
    name, _, path = spec.partition(":")
    if name not in SETS:
        raise UserError(f"'{spec}' is not a data set with published files; they are NAME:PATH of {', '.join(SETS)}")
    declared = SETS[name]
    root = _root(declared, spec, path)
    listed = declared.listed(root) if declared.listed else {}
    for file, published in {**declared.digests, **listed}.items():
        found = next((each for each in (root / file, *root.glob(f"*/{file}")) if each.is_file()), None)
        state = "not here" if found is None else "as published" if _md5(found) == published else "DIFFERS"
        yield Checked(file, state, f"md5 {published}")


def _root(declared: DataSet, spec: str, path: str) -> Path:
    root = resolve(spec, path)
    if not root.is_dir():
        raise UserError(f"{spec}: no such folder. To get it: {declared.obtain} ({declared.homepage})")
    return root


def _counts(declared: DataSet, layout: Layout, split: str) -> Iterator[str]:
    """Lines on sides that are not of the published size, and on pictures of neither side."""
    for side, published in declared.published.items():
        count = sum(each == side for each in layout.sides.values())
        if split in (side, "all") and count != published:
            yield f"{declared.name}: {count} pictures to {side} with; the published set has {published}"
    neither = sum(not layout.sides.get(image_id) for image_id in layout.entries)
    if neither and split != "all":
        yield f"{declared.name}: {neither} pictures belong to neither side ({declared.split}); left out"


def _shared(layout: Layout) -> frozenset[str]:
    """Training pictures of somebody who is on the test side too."""
    tested = {layout.people[i] for i, side in layout.sides.items() if side == "test" and i in layout.people}
    return frozenset(i for i, side in layout.sides.items() if side == "train" and layout.people.get(i) in tested)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
