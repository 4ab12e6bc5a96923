"""The finished part of a video that is being made: OUT.parts/, kept when the work is interrupted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.results.atomic import sweep, unfinished, write_atomic
from bench.video.reading import Form, Frame
from bench.video.writing import write_segment

SEGMENT = 48  # frames; what an interruption can cost
KEY = "made-of.json"

Pair = tuple[float, float]  # the input's, the restored's


@dataclass(frozen=True)
class Judged:
    """What is known of a frame: its flicker against the one before, and by each metric its score against the truth."""

    flicker: Pair | None = None
    scores: dict[str, Pair] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Judged:
        """From JSON, which knows no tuples."""
        flicker, scores = stored["flicker"], stored["scores"]
        return cls(flicker and (flicker[0], flicker[1]), {name: (pair[0], pair[1]) for name, pair in scores.items()})


@dataclass(frozen=True)
class Parts:
    """Segments 00000.nut, 00001.nut, ... with what is known of their frames in 00000.json, ..."""

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

    def write(self, number: int, form: Form, frames: Iterable[tuple[Frame, Judged]]) -> None:
        """Make one segment; it appears whole or not at all, after what is known of it."""
        path, known = self._path(number), []

        def noted() -> Iterator[Frame]:
            for frame, judged in frames:
                known.append(asdict(judged))
                yield frame

        temporary = unfinished_video(path)
        try:
            write_segment(temporary, form, noted())
            write_atomic(path.with_suffix(".json"), json.dumps(known).encode())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def judged(self) -> list[Judged]:
        """What is known of every finished frame."""
        texts = (path.with_suffix(".json").read_text() for path in self.finished())
        return [Judged.of(each) for text in texts for each in json.loads(text)]

    def remove(self) -> None:
        """All of it, once it is not needed any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05}.nut"


def unfinished_video(path: Path) -> Path:
    """Where a video is written until it is whole: with its own suffix, apart from what else this thread may write."""
    temporary = unfinished(path)
    return temporary.with_name(f"{temporary.name}{path.suffix}")
