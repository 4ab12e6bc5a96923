"""A folder of pictures as a source: names, splits, landmarks and digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from bench.data.files import Entry
from bench.data.pictures import EXTENSIONS, Picture
from bench.data.tables import TEST_NAMES, identities, landmarks
from bench.errors import UserError

TEST_SHARE = 0.2
_UNREAD = frozenset({".heic", ".heif", ".avif", ".svg", ".psd", ".raw", ".dng", ".cr2", ".nef", ".arw", ".exr", ".jxl"})
_UNSAFE = frozenset('<>:"\\|?*#%&')
_LONGEST_ID = 150


class FolderSource:
    """Pictures by entry, and their landmarks. Files are decoded when read, not when opened.

    content: "faces" or "scenes"; where it is not said, pictures with landmarks are faces.
    """

    def __init__(
        self,
        name: str,
        entries: Mapping[str, Entry],
        marks: Mapping[str, np.ndarray],
        notes: list[str],
        content: str = "",
    ) -> None:
        self.name = name
        self.ids = tuple(entries)
        self.content = content or ("faces" if any(image_id in marks for image_id in entries) else "scenes")
        self._entries, self._marks = entries, marks
        bare = len(self.ids) - sum(image_id in marks for image_id in self.ids)
        if self.content == "faces" and bare:
            notes = [*notes, f"{name}: {bare} of {len(self.ids)} pictures have no landmarks"]
        self.problems = tuple(notes)

    def read(self, image_id: str) -> Picture:
        """Decode one picture. Raises UnreadablePicture (one line) when its file is damaged."""
        return Picture(image_id, self._entry(image_id).pixels(), self._marks.get(image_id))

    def path(self, image_id: str) -> Path:
        """The file that a picture lies in."""
        return self._entry(image_id).path

    def _entry(self, image_id: str) -> Entry:
        if image_id not in self._entries:
            raise UserError(f"{self.name} has no picture '{image_id}'")
        return self._entries[image_id]

    def digest(self) -> str:
        """sha256 over the sorted ids, their files' contents and their landmarks."""
        total = hashlib.sha256()
        for image_id in sorted(self.ids):
            total.update(f"{image_id}\0{self._entries[image_id].digest()}\0".encode())
            if image_id in self._marks:
                total.update(self._marks[image_id].astype("<f4").tobytes())
        return total.hexdigest()


def resolve(spec: str, path: str) -> Path:
    """PATH of a spec with ~ and $VARIABLES resolved. Raises UserError on a variable that is not set."""
    root = Path(os.path.expandvars(os.path.expanduser(path)))
    if "$" in str(root) and not root.exists():
        raise UserError(f"{spec}: the environment variable in this path is not set")
    return root


def open_folder(spec: str, path: str, split: str) -> FolderSource:
    """Open folder:PATH; ~ and $VARIABLES in PATH are resolved."""
    root = resolve(spec, path)
    if not root.is_dir():
        what = "is a file; give the folder it lies in" if root.exists() else "no such folder"
        raise UserError(f"{spec}: {what}")
    notes: list[str] = []
    entries = name_entries(list(scan(root, notes)))
    if not entries:
        raise UserError(f"{spec}: no pictures here; formats read: {' '.join(sorted(EXTENSIONS))}")
    sides = _sides(root, entries)
    outside = len(entries) - len(sides)
    if outside and split != "all":
        notes.append(f"{spec}: {outside} pictures beside the train and test folders belong to neither; left out")
    chosen = {image_id: entry for image_id, entry in entries.items() if split in ("all", sides.get(image_id, ""))}
    if not chosen:
        raise UserError(f"{spec}: cannot be split; it takes 2 pictures (of 2 identities) or folders train/ and test/")
    return FolderSource(spec, chosen, landmarks(root, chosen), notes)


def scan(root: Path, notes: list[str]) -> Iterator[Entry]:
    """Picture files below root in a stable order; what looks like a picture but is left out goes to notes."""
    seen: set[str] = set()
    for folder, below, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        below[:] = sorted(name for name in below if not name.startswith(".") and name != "__MACOSX")
        if real in seen:  # a link back up
            below.clear()
            continue
        seen.add(real)
        for file in sorted(name for name in files if not name.startswith(".")):
            path = Path(folder, file)
            suffix = path.suffix.lower()
            if suffix in _UNREAD:
                notes.append(f"{path}: {suffix} files are not read; left out")
            elif suffix in EXTENSIONS:
                if path.is_file() and path.stat().st_size:
                    yield Entry(path.relative_to(root).as_posix(), path)
                else:
                    notes.append(f"{path}: {'empty file (0 bytes)' if path.exists() else 'broken link'}; left out")


def name_entries(entries: list[Entry]) -> dict[str, Entry]:
    """Ids: the inside path with "__" for "/", no suffix; where two would be equal, with suffix, then a hash."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(safe(entry.stem).casefold(), []).append(entry)
    named: dict[str, Entry] = {}
    taken: set[str] = set(groups)
    for group in groups.values():
        for entry in group:
            image_id = safe(entry.stem if len(group) == 1 else entry.inside)
            if len(group) > 1 and image_id.casefold() in taken:
                image_id = f"{image_id}_{hashlib.sha256(entry.inside.encode(errors='replace')).hexdigest()[:8]}"
            taken.add(image_id.casefold())
            named[image_id] = entry
    return dict(sorted(named.items()))


def safe(text: str) -> str:
    """Text fit for a file name on any system and for a link."""
    text = text.replace("/", "__").encode(errors="replace").decode()
    safe = "".join("_" if c in _UNSAFE or c.isspace() or not c.isprintable() else c for c in text)
    if len(safe.encode()) > _LONGEST_ID:
        safe = (
            safe.encode()[: _LONGEST_ID - 9].decode(errors="ignore")
            + "_"
            + hashlib.sha256(text.encode()).hexdigest()[:8]
        )
    return safe


def _sides(root: Path, entries: Mapping[str, Entry]) -> dict[str, str]:
    """train or test for each id: by the folder's own train/ and test/ (or val/), else by hash of id or identity."""
    if (root / "train").is_dir():
        held = next((name for name in TEST_NAMES if (root / name).is_dir()), None)
        if held:
            tops = {image_id: entry.inside.split("/", 1)[0] for image_id, entry in entries.items()}
            return {i: "train" if top == "train" else "test" for i, top in tops.items() if top in ("train", held)}
    people = identities(root, entries)
    return split_by_hash({image_id: people.get(image_id, entry.stem) for image_id, entry in entries.items()})


def split_by_hash(keys: Mapping[str, str]) -> dict[str, str]:
    """train or test for each id; ids of one key stay together, and another file changes nobody's side.

    Only when a side would be empty is the key nearest to the limit moved over.
    """
    places = {
        key: int.from_bytes(hashlib.sha256(key.encode(errors="replace")).digest()[:8], "big") / 2**64
        for key in keys.values()
    }
    test = {key for key, place in places.items() if place < TEST_SHARE}
    if not test and len(places) > 1:
        test = {min(places, key=lambda key: places[key])}
    if len(test) == len(places):
        test.discard(max(places, key=lambda key: places[key]))
    return {image_id: "test" if key in test else "train" for image_id, key in keys.items()}
