"""Side-by-side crops: which pictures to show, one box for all methods, lossless copies beside the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.results.store import input_path, restored_path
from reports.scores import Key, Scores
from reports.tables import BASELINE, Method, TaskBoard
from reports.text import decimals, number, safe_name

LIMIT = 8
SIDE = 160  # px; larger pictures are cropped to this
RULE = (
    "The pictures where methods disagree most (standard deviation over methods of {metric} on the {region} region), "
    f"at most {LIMIT}, each once, at the level where they disagree most. Pictures larger than {SIDE} px are cropped, "
    "all methods alike: around the lost region or, where that is larger, to the window where the restorations differ "
    "most. Each method shows its first seed."
)
Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Shot:
    """One picture of a strip. src is relative to the site, "" where no picture was kept; scores is its own."""

    label: str
    kind: str  # "degraded", "method" or "truth"
    src: str
    scores: str


@dataclass(frozen=True)
class Strip:
    """One test picture at one level: degraded, every method, truth."""

    image: str
    level: str
    width: int
    height: int
    where: str
    shots: tuple[Shot, ...]


def rule(board: TaskBoard) -> str:
    """How the pictures were chosen, in words."""
    return RULE.format(metric=board.main[0], region=board.main[1])


def strips(board: TaskBoard, site: Path) -> list[Strip]:
    """Choose pictures, write their crops under site/pictures/<task>/, and describe them."""
    if board.scores is None:
        return []
    made = (_strip(board, board.scores, level, image, site) for level, image in choose(board, board.scores))
    return [strip for strip in made if strip is not None]


def choose(board: TaskBoard, scores: Scores) -> list[tuple[str, str]]:
    """(level, image) of the kept pictures, the most disputed first, no image twice."""
    kept = _kept(board, scores)
    spread: dict[tuple[str, str], float] = {}
    for level in {level for level, _ in kept}:
        matrix = scores.matrix(board.main, level) if level in scores.levels else np.zeros((0, 0))
        names = [image for image in scores.images if image]
        rows = [_mean(matrix[list(m.runs)]) for m in board.methods if m.name != BASELINE and not m.oracle]
        deviation = np.std(np.array(rows), axis=0) if rows and matrix.size else np.zeros(len(names))
        spread |= {(level, name): float(np.nan_to_num(each)) for name, each in zip(names, deviation, strict=True)}
    chosen: dict[str, str] = {}
    for level, image in sorted(kept, key=lambda each: (-spread.get(each, 0.0), each)):
        chosen.setdefault(image, level)
    return [(level, image) for image, level in chosen.items()][:LIMIT]


def _mean(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    return np.where(finite, values, 0).sum(axis=0) / np.where(finite.any(axis=0), finite.sum(axis=0), np.nan)


def _kept(board: TaskBoard, scores: Scores) -> set[tuple[str, str]]:
    """Pictures stored by at least one run, with their inputs."""
    found = set()
    for entry in scores.entries:
        found |= {(path.parent.name, path.stem) for path in (entry.folder / "images").glob("*/*.png")}
    root, run = board.selection.root, scores.entries[0].run
    inputs = ("truth", "degraded")
    return {each for each in found if all(input_path(root, run, kind, *each).exists() for kind in inputs)}


def crop_box(mask: np.ndarray, restored: Sequence[np.ndarray]) -> Box:
    """The box to show: all of a small picture, else SIDE px around the loss or where restorations differ most.

    mask: H×W, non-zero where lost. restored: uint8 H×W×3 each.
    """
    height, width = mask.shape
    tall, wide = min(SIDE, height), min(SIDE, width)
    lost = mask > 0 if (mask > 0).any() else np.ones_like(mask, dtype=bool)
    rows, columns = np.flatnonzero(lost.any(axis=1)), np.flatnonzero(lost.any(axis=0))
    if rows[-1] - rows[0] < tall and columns[-1] - columns[0] < wide or not restored:
        top = (rows[0] + rows[-1] + 1 - tall) // 2
        left = (columns[0] + columns[-1] + 1 - wide) // 2
    else:
        difference = np.std(np.stack([each.mean(axis=2) for each in restored]), axis=0) * lost
        total = np.pad(difference, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        windows = total[tall:, wide:] - total[:-tall, wide:] - total[tall:, :-wide] + total[:-tall, :-wide]
        top, left = np.unravel_index(np.argmax(windows), windows.shape)
    top, left = int(np.clip(top, 0, height - tall)), int(np.clip(left, 0, width - wide))
    return left, top, left + wide, top + tall


def _strip(board: TaskBoard, scores: Scores, level: str, image: str, site: Path) -> Strip | None:
    root, run = board.selection.root, scores.entries[0].run
    truth, degraded, mask = (_read(input_path(root, run, kind, level, image)) for kind in ("truth", "degraded", "mask"))
    if truth is None or degraded is None or truth.shape != degraded.shape:
        return None
    shown = {method.name: _restored(scores, method, level, image, truth.shape) for method in board.methods}
    pictures = [pixels for _, pixels in shown.values() if pixels is not None]
    where = np.ones(truth.shape[:2]) if mask is None or mask.shape != truth.shape else mask[..., 0]
    box = crop_box(where, pictures)
    base = f"pictures/{safe_name(board.task)}/{safe_name(level)}/{safe_name(image)}"
    texts = _Texts(scores, board.main, level, image)
    shots = [Shot("degraded", "degraded", _save(site, f"{base}/degraded.png", degraded, box), texts.baseline(board))]
    for method in board.methods:
        if method.name == BASELINE:
            continue  # its picture is the degraded one
        seed, pixels = shown[method.name]
        src = "" if pixels is None else _save(site, f"{base}/m-{safe_name(method.name)}.png", pixels, box)
        shots.append(Shot(method.name, "method", src, texts.of(seed)))
    shots.append(Shot("truth", "truth", _save(site, f"{base}/truth.png", truth, box), ""))
    whole = (box[2] - box[0], box[3] - box[1]) == (truth.shape[1], truth.shape[0])
    place = "whole picture" if whole else f"crop at {box[0]}, {box[1]} of {truth.shape[1]} × {truth.shape[0]} px"
    return Strip(image, level, box[2] - box[0], box[3] - box[1], place, tuple(shots))


def _restored(
    scores: Scores, method: Method, level: str, image: str, shape: tuple[int, ...]
) -> tuple[int, np.ndarray | None]:
    """The first seed of a method that kept this picture: (run index, pixels)."""
    for run in method.runs:
        pixels = _read(restored_path(scores.entries[run].folder, level, image))
        if pixels is not None and pixels.shape == shape:
            return run, pixels
    return method.runs[0], None


def _read(path: Path) -> np.ndarray | None:
    """uint8 H×W×3, or None where there is no readable picture."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _save(site: Path, relative: str, pixels: np.ndarray, box: Box) -> str:
    path = site / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    left, top, right, bottom = box
    Image.fromarray(pixels[top:bottom, left:right]).save(path)
    return relative


@dataclass(frozen=True)
class _Texts:
    """Scores of single pictures, as text."""

    scores: Scores
    main: Key
    level: str
    image: str

    def of(self, run: int) -> str:
        """The picture's own score by the main metric, and its PSNR on the same region."""
        if self.level not in self.scores.levels or self.image not in self.scores.images:
            return ""
        keys = [key for key in dict.fromkeys((self.main, ("psnr", self.main[1]))) if key in self.scores.keys]
        return " · ".join(self._one(run, key) for key in keys if self.scores.by_picture(key))

    def baseline(self, board: TaskBoard) -> str:
        """The degraded input's scores, where the baseline was run."""
        runs = [method.runs[0] for method in board.methods if method.name == BASELINE]
        return self.of(runs[0]) if runs else ""

    def _one(self, run: int, key: Key) -> str:
        value = self.scores.values[
            run, self.scores.keys.index(key), self.scores.levels.index(self.level), self.scores.images.index(self.image)
        ]
        unit = self.scores.metrics[key[0]]["unit"]
        return number(value, decimals([], self.scores.metrics[key[0]]["matters"])) + (f" {unit}" if unit else "")
