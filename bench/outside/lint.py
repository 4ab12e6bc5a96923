"""What is wrong with restored pictures before anything is scored: files, sizes, values, place; a line per fault."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.batches import Case
from bench.data.pictures import UnreadablePicture, read_pixels
from bench.gate.traits import FRAME, measure_traits
from bench.scoring.folders import FolderRestorer
from bench.scoring.score import Exam

LOOKED_AT = 16  # pictures of a level, evenly spaced, whose place and compression are measured: these are slow
AGREE = 0.5  # part of them that must show the same fault; one picture alone may look so by chance
REWRITTEN = 0.5  # grid ratio below which a picture was stored as JPEG (bench.gate.traits)
TONES = np.linspace(0, 1, 33)  # quantiles of the values; a filter hardly moves them, another range does
RESCALED = 5.0  # mean distance of the tones from the input's, of 255
COLOURED = 8.0  # mean distance of the largest from the smallest channel
FIXES = {
    "missing": "restore them too; each will have a row that says so",
    "extra": "not asked for, and not scored; is this the folder of another suite?",
    "unreadable": "write them again",
    "size": "write the size of the input: crop what was padded, do not resize",
    "alpha": "laid over white before scoring; write 8-bit RGB",
    "grey": "the inputs are in colour; write 8-bit RGB",
    "jpeg": "JPEG loses what was restored; write PNG",
    "range": "write 0 to 255, with the tones of the input where nothing was lost",
    "channels": "red and blue are swapped; OpenCV reads and writes BGR",
    "shift": "is a border cropped or padded on one side only?",
    "recompressed": "looks as if stored as JPEG on the way; keep every step lossless",
}


@dataclass(frozen=True)
class Fault:
    """One kind of fault in a level: the ids it was seen in, of how many looked at, and what was seen in the first."""

    level: str
    kind: str
    ids: tuple[str, ...]
    of: int
    seen: str

    def __str__(self) -> str:
        seen = f" ({self.seen})" if self.seen else ""
        few = f"{len(self.ids)} of {self.of} pictures" if self.of else f"{len(self.ids)} pictures"
        return f"{self.level}: {self.kind}: {few}, e.g. {self.ids[0]}{seen}; {FIXES[self.kind]}"


def lint(exam: Exam, restorer: FolderRestorer) -> list[Fault]:
    """All faults of a folder of restored pictures, level by level. Nothing is changed, nothing scored."""
    faults: list[Fault] = []
    for level, degradation in exam.levels.items():
        files = restorer.files[level]
        seen: dict[str, dict[str, str]] = defaultdict(dict)  # kind -> id -> what was seen
        sampled = _evenly(exam.pictures.ids)
        looked_at = 0
        for image_id, case in exam.pictures.cases(level, degradation):
            if case is None:
                continue
            path = files.get(image_id)
            for kind, words in _picture_faults(path, case):
                seen[kind][image_id] = words
            spoilt = any(image_id in seen[kind] for kind in ("size", "unreadable", "range"))
            if image_id in sampled and path is not None and not spoilt:
                looked_at += 1
                for kind, words in _slow_faults(read_pixels(path), case):
                    seen[kind][image_id] = words
        spare = sorted(files.keys() - set(exam.pictures.ids))
        seen["extra"] = dict.fromkeys(spare, "")
        faults += _told(level, seen, len(exam.pictures.ids), looked_at)
    return faults


def _told(level: str, seen: dict[str, dict[str, str]], asked: int, looked_at: int) -> Iterator[Fault]:
    """The kinds that were seen, in the order of FIXES; what chance can imitate only where most pictures show it."""
    measured = {"shift": looked_at, "recompressed": looked_at}
    for kind in FIXES:
        found = seen.get(kind, {})
        if kind == "shift" and found:
            same = Counter(found.values()).most_common(1)[0][0]
            found = {name: each for name, each in found.items() if each == same}
        if not found or (kind in ("range", *measured) and len(found) <= AGREE * measured.get(kind, asked)):
            continue
        of = 0 if kind == "extra" else measured.get(kind, asked)
        yield Fault(level, kind, tuple(found), of, next(iter(found.values())))


def _evenly(ids: list[str]) -> frozenset[str]:
    places = np.linspace(0, len(ids) - 1, min(len(ids), LOOKED_AT)).round().astype(int)
    return frozenset(ids[place] for place in places)


def _picture_faults(path: Path | None, case: Case) -> Iterator[tuple[str, str]]:
    """(kind, what was seen) for all that one file tells."""
    if path is None:
        yield "missing", ""
        return
    try:
        pixels = read_pixels(path)
        with Image.open(path) as image:
            stored, transparent = image.format, image.has_transparency_data
    except (UnreadablePicture, OSError) as error:
        yield "unreadable", str(error)
        return
    if transparent:
        yield "alpha", f"{path.name} has an alpha channel"
    if stored == "JPEG":
        yield "jpeg", path.name
    if pixels.shape != case.clean.shape:
        (height, width), (down, right) = case.clean.shape[:2], pixels.shape[:2]
        yield "size", f"{right}x{down} instead of {width}x{height}"
    else:
        yield from _value_faults(pixels, case)


def _value_faults(pixels: np.ndarray, case: Case) -> Iterator[tuple[str, str]]:
    """Faults of the values, told from the input where nothing was lost (everywhere, if all was)."""
    kept = case.mask == 0
    where = kept if kept.mean() > 0.05 else np.ones_like(kept)
    ours, given = pixels[where].astype(float), case.degraded[where].astype(float)
    tones, wanted = np.quantile(ours, TONES), np.quantile(given, TONES)
    if pixels.max() <= 2 < case.degraded.max() // 4:
        yield "range", f"no value above {pixels.max()}; were 0 to 1 written without the factor of 255?"
    elif np.ptp(case.degraded, axis=2).mean() > COLOURED and not np.ptp(pixels, axis=2).any():
        yield "grey", ""
    elif np.abs(tones - wanted).mean() > RESCALED:
        slope, offset = np.polyfit(wanted, tones, 1)
        yield "range", f"values are about {slope:.2f} times the input's {offset:+.0f}"
    elif np.square(ours[:, ::-1] - given).mean() < 0.5 * np.square(ours - given).mean():
        yield "channels", ""


def _slow_faults(pixels: np.ndarray, case: Case) -> Iterator[tuple[str, str]]:
    """Displacement against the truth, and traces of JPEG that the input does not have."""
    if min(pixels.shape[:2]) < 3 * FRAME:
        return
    traits = measure_traits(pixels, case.clean)
    if traits.shift != (0, 0):
        down, right = traits.shift
        yield "shift", f"{down:+d} px down, {right:+d} px right"
    if traits.grid < REWRITTEN and measure_traits(case.degraded, case.clean).grid >= REWRITTEN:
        yield "recompressed", f"about quality {traits.quality}"
