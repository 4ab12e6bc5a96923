"""The finished part of a video that is being made: OUT.parts/, kept when the work is interrupted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.results.atomic import sweep, unfinished, write_atomic
from bench.video.reading import Form, Frame
from bench.video.writing import write_segment

SEGMENT = 48  # frames; what an interruption can cost
KEY = "made-of.json"

Pair = tuple[float, float] | None  # flicker of a frame against the one before: input's, restored's


@dataclass(frozen=True)
class Parts:
    """Segments 00000.nut, 00001.nut, ... with the flicker of their frames in 00000.json, ..."""

    folder: Path

    @classmethod
    def open(cls, out: Path, key: dict[str, object]) -> Parts:
        """Beside OUT. What was made of something else (the key says of what) is thrown away."""
        folder = out.with_name(f"{out.name}.parts")
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        text = json.dumps(key, sort_keys=True).encode()
        if not (folder / KEY).is_file() or (folder / KEY).read_bytes() != text:
            for path in folder.glob("[0-9]*.*"):
                path.unlink()
            write_atomic(folder / KEY, text)
        return cls(folder)

    def finished(self) -> list[Path]:
        """The segments that are there, from the first on without a gap."""
        found: list[Path] = []
        while (path := self._path(len(found))).is_file():
            found.append(path)
        return found

    def write(self, number: int, form: Form, frames: Iterable[tuple[Frame, Pair]]) -> None:
        """Make one segment; it appears whole or not at all, after its flicker."""
        path, pairs = self._path(number), []

        def noted() -> Iterator[Frame]:
            for frame, pair in frames:
                pairs.append(pair)
                yield frame

        temporary = unfinished_video(path)
        try:
            write_segment(temporary, form, noted())
            write_atomic(path.with_suffix(".json"), json.dumps(pairs).encode())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def pairs(self) -> list[Pair]:
        """The flicker of every finished frame."""
        texts = (path.with_suffix(".json").read_text() for path in self.finished())
        return [pair if pair is None else (pair[0], pair[1]) for text in texts for pair in json.loads(text)]

    def remove(self) -> None:
        """All of it, once it is not needed any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05}.nut"


def unfinished_video(path: Path) -> Path:
    """Where a video is written until it is whole: with its own suffix, apart from what else this thread may write."""
    temporary = unfinished(path)
    return temporary.with_name(f"{temporary.name}{path.suffix}")
