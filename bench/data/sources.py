"""Where clean pictures come from: a spec such as "folder:photos" or "celeba:/data/celeba" opened as a Source."""

from __future__ import annotations

from typing import Literal, Protocol

from bench.data.embedded import SPLITS, FacesSource, ScenesSource
from bench.data.folder import open_folder
from bench.data.pack import open_pack
from bench.data.pictures import Picture
from bench.data.sets import OUR_SPLIT, SETS, open_set
from bench.errors import UserError, unknown

Split = Literal["train", "test", "all"]
EMBEDDED = ("faces", "scenes")
KINDS = {
    "embedded": "embedded:scenes (scikit-image's photographs) or embedded:faces (drawn, exact landmarks)",
    "folder": "folder:PATH, any folder of pictures",
    "pack": "pack:FILE, another source decoded once by `restorebench pack`",
    **{name: f"{name}:PATH, {declared.title}" for name, declared in SETS.items()},
}
HOMEMADE = frozenset({"folder", *OUR_SPLIT})  # nobody has looked whether one picture stands on both of their sides


class Source(Protocol):
    """Clean pictures by id. Opening is quick; files are decoded when read."""

    @property
    def name(self) -> str:
        """The spec it was opened from, e.g. "folder:photos"."""

    @property
    def content(self) -> str:
        """ "scenes" or "faces"."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Every picture's id, in a stable order; ids are safe as file names."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What was left out or is missing, a line each."""

    def read(self, image_id: str) -> Picture:
        """One picture. Raises pictures.UnreadablePicture when its file is damaged."""

    def digest(self) -> str:
        """Hex digest of the content behind the ids."""


def open_source(spec: str, split: Split) -> Source:
    """Open a data source: one side of its split, or all of it. Raises UserError on a bad spec."""
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    kind, colon, rest = spec.partition(":")
    if kind not in KINDS:
        raise unknown("data source", kind, KINDS)
    if not colon or not rest:
        raise UserError(f"data source '{spec}' is incomplete; write {KINDS[kind]}")
    if kind == "folder":
        return open_folder(spec, rest, split)
    if kind == "pack":
        return open_pack(spec, rest, split)
    if kind in SETS:
        return open_set(spec, rest, split)
    if rest not in EMBEDDED:
        raise unknown("data source", spec, (f"embedded:{name}" for name in EMBEDDED))
    return ScenesSource(split) if rest == "scenes" else FacesSource(split)
