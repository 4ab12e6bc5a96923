"""Side-by-side crops: which pictures to show, one box for all methods, lossless copies beside the pages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.results.store import input_path
from reports.tables.board import BASELINE, TaskBoard
from reports.tables.scores import Scores
from reports.viewer import outline

LIMIT = 24  # pictures of a task in the viewer, the same image at two levels counted twice
EACH = LIMIT // 6  # where more were kept: the best, the median and the worst, beside the LIMIT / 2 most disputed
SIDE = 160  # px; larger pictures are cropped to this
BOX_RULE = (
    f"Pictures larger than {SIDE} px are cropped, all methods alike: around the lost region or, where that is larger, "
    "to the window where the restorations differ most. Each method shows its first seed."
)
Box = tuple[int, int, int, int]  # left, top, right, bottom
Place = tuple[str, str]  # level, image


@dataclass(frozen=True)
class Cut:
    """The written crops of one picture. src: by column id, relative to the site; outline: "" where none is drawn."""

    src: dict[str, str]
    outline: str
    width: int
    height: int
    note: str


@dataclass(frozen=True)
class Chosen:
    """Pictures to show, most disputed first, and in words how many of how many they are."""

    places: tuple[Place, ...]
    rule: str


def choose(board: TaskBoard, scores: Scores) -> Chosen:
    """All pictures that were kept; where these are too many, the most disputed, the best, the median and the worst."""
    spread, mean = _by_place(board, scores)
    kept = sorted(_kept(board, scores), key=lambda each: (-spread.get(each, 0.0), each))
    if len(kept) <= LIMIT:
        return Chosen(tuple(kept), f"All {len(kept)} pictures that were kept.")
    sign = -1 if scores.metrics[board.main[0]]["higher_is_better"] else 1
    ranked = sorted(kept, key=lambda each: (sign * mean.get(each, np.inf * sign), each))
    middle = (len(ranked) - EACH) // 2
    wanted = {*kept[: LIMIT // 2], *ranked[:EACH], *ranked[middle : middle + EACH], *ranked[-EACH:]}
    words = f"Of {len(kept)} pictures kept: the {LIMIT // 2} most disputed, the {EACH} best, median and worst."
    return Chosen(tuple(each for each in kept if each in wanted), words)


def _by_place(board: TaskBoard, scores: Scores) -> tuple[dict[Place, float], dict[Place, float]]:
    """Standard deviation and mean over methods of the main metric, by level and image; no entry where it has none."""
    images = [image for image in scores.images if image]
    judged = [method for method in board.methods if method.name != BASELINE and not method.oracle]
    spread: dict[Place, float] = {}
    mean: dict[Place, float] = {}
    for level in scores.named_levels() if judged and scores.by_picture(board.main) else []:
        matrix = scores.matrix(board.main, level)
        rows = np.array([_mean(matrix[list(method.runs)]) for method in judged])
        for image, column in zip(images, rows.T, strict=True):
            known = column[np.isfinite(column)]
            if known.size:
                spread[level, image], mean[level, image] = float(known.std()), float(known.mean())
    return spread, mean


def _mean(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    return np.where(finite, values, 0).sum(axis=0) / np.where(finite.any(axis=0), finite.sum(axis=0), np.nan)


def _kept(board: TaskBoard, scores: Scores) -> set[Place]:
    """Pictures stored by at least one run, with their inputs."""
    found = set()
    for entry in scores.entries:
        found |= {(path.parent.name, path.stem) for path in (entry.folder / "images").glob("*/*.png")}
    root, run = board.selection.root, scores.entries[0].run
    inputs = ("truth", "degraded")
    return {each for each in found if all(input_path(root, run, kind, *each).exists() for kind in inputs)}


def cut(sources: Mapping[str, Path], mask: Path, site: Path, base: str) -> Cut | None:
    """Write the same box of every picture as site/<base>/<column id>.png, and the border of what was lost.

    sources: a picture by column id, "truth" among them. One that cannot be read, or is not of the truth's size, is left
    out of `src`. Returns None where the truth cannot be read.
    """
    size = _size(sources["truth"])
    if size is None:
        return None
    sound = {name: path for name, path in sources.items() if _size(path) == size}
    lost = _lost(mask, size)
    restored = [path for name, path in sound.items() if name not in ("degraded", "truth")]
    box = crop_box(np.ones(size[::-1], bool) if lost is None else lost, restored)
    left, top, right, bottom = box
    (site / base).mkdir(parents=True, exist_ok=True)
    src = {name: f"{base}/{name}.png" for name, path in sound.items() if _save(path, site / base / f"{name}.png", box)}
    whole = (right - left, bottom - top) == size
    note = "whole picture" if whole else f"crop at {left}, {top} of {size[0]} × {size[1]} px"
    border = _outline(lost, box, site, f"{base}/outline.svg")
    return Cut(src, border, right - left, bottom - top, note) if "truth" in src else None


def crop_box(lost: np.ndarray, restored: Sequence[Path]) -> Box:
    """The box to show: all of a small picture, else SIDE px around the loss or where restorations differ most.

    lost: bool H×W. restored: pictures of that size.
    """
    height, width = lost.shape
    tall, wide = min(SIDE, height), min(SIDE, width)
    if not lost.any():
        lost = np.ones_like(lost)
    rows, columns = np.flatnonzero(lost.any(axis=1)), np.flatnonzero(lost.any(axis=0))
    if rows[-1] - rows[0] < tall and columns[-1] - columns[0] < wide or not restored:
        top = (rows[0] + rows[-1] + 1 - tall) // 2
        left = (columns[0] + columns[-1] + 1 - wide) // 2
    else:
        total = np.pad(_differing(restored, lost.shape) * lost, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        windows = total[tall:, wide:] - total[:-tall, wide:] - total[tall:, :-wide] + total[:-tall, :-wide]
        top, left = np.unravel_index(np.argmax(windows), windows.shape)
    top, left = int(np.clip(top, 0, height - tall)), int(np.clip(left, 0, width - wide))
    return left, top, left + wide, top + tall


def _differing(restored: Sequence[Path], shape: tuple[int, ...]) -> np.ndarray:
    """Standard deviation over pictures of their grey value, float64 H×W; one picture at a time is in memory."""
    total, squares, count = np.zeros(shape), np.zeros(shape), 0
    for path in restored:
        pixels = _read(path)
        if pixels is not None:
            grey = pixels.mean(axis=2)
            total, squares, count = total + grey, squares + grey**2, count + 1
    return np.sqrt(np.maximum(squares / max(count, 1) - (total / max(count, 1)) ** 2, 0))


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture, or None where there is none that can be read."""
    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _read(path: Path) -> np.ndarray | None:
    """uint8 H×W×3, or None where there is no readable picture."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _lost(mask: Path, size: tuple[int, int]) -> np.ndarray | None:
    pixels = _read(mask)
    return None if pixels is None or pixels.shape[1::-1] != size else pixels[..., 0] > 0


def _save(source: Path, target: Path, box: Box) -> bool:
    """Write the box of a picture as PNG; a whole one is copied as it is stored. False where it cannot be read."""
    left, top, right, bottom = box
    try:
        with Image.open(source) as picture:
            if picture.size == (right - left, bottom - top) and picture.format == "PNG":
                picture.verify()
                shutil.copyfile(source, target)
            else:
                picture.convert("RGB").crop(box).save(target, compress_level=3)  # half the time of 6, a fifth larger
    except (OSError, SyntaxError):
        return False
    return True


def _outline(lost: np.ndarray | None, box: Box, site: Path, relative: str) -> str:
    left, top, right, bottom = box
    drawing = "" if lost is None else outline.svg(lost[top:bottom, left:right])
    if drawing:
        (site / relative).write_text(drawing, encoding="utf-8", newline="\n")
    return relative if drawing else ""
