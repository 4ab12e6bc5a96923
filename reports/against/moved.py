"""The pictures that moved most between two folders of runs, old, new and truth in one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.results.store import input_path, restored_path
from reports.against.pairing import Pair, TaskPair
from reports.tables.board import main_key
from reports.tables.scores import Key, Scores
from reports.text import safe_name
from reports.viewer import crops
from reports.viewer.gallery import DEGRADED, METHOD, TRUTH, Column, Gallery, Metric, Order, Picture, Score, marked

EACH = 4  # pictures of a task in either direction
COLUMNS = (
    Column(DEGRADED, "degraded", DEGRADED),
    Column("old", "before", METHOD),
    Column("new", "now", METHOD),
    Column(TRUTH, "truth", TRUTH),
)
RULE = (
    "Only pictures kept on both sides can be shown: {kept} of them, the same image at two levels or by two methods "
    "counted twice. For each task, the {each} whose own score by the task's main metric changed most in either "
    "direction, each image once in a direction, at the method and level where it moved most; sorted by the change in "
    "units of what matters in that metric. Each shows one training, of the same seed where both sides have it. "
    f"Pictures larger than {crops.SIDE} px are cropped, all alike: around the lost region or, where that is larger, to "
    "the window where the two differ most."
)


@dataclass(frozen=True)
class Move:
    """One kept picture on both sides. gain: how much better it became, in units of its metric's `matters`."""

    task: TaskPair
    key: Key
    method: str
    runs: tuple[int, int]  # new, old
    level: str
    image: str
    gain: float


@dataclass(frozen=True)
class Moved:
    """The chosen pictures, in the viewer and by direction, those that moved most first."""

    gallery: Gallery
    fell: tuple[Picture, ...]
    rose: tuple[Picture, ...]


def moved(tasks: Sequence[TaskPair], site: Path) -> Moved | None:
    """Choose the pictures, write their crops under site/pictures/against/; None where no picture was kept twice."""
    everything = [move for task in tasks for move in _moves(task)]
    chosen = sorted((*_most(everything, -1), *_most(everything, 1)), key=lambda each: each.gain)
    metrics = list(dict.fromkeys(move.key[0] for move in chosen))
    cut = [(picture, move) for move in chosen if (picture := _picture(move, metrics, site)) is not None]
    if not cut:
        return None
    pictures = tuple(picture for picture, _ in cut)
    places = tuple(range(len(pictures)))
    orders = (
        Order("fell", "fell most", "From what fell most to what rose most.", places),
        Order("rose", "rose most", "From what rose most to what fell most.", places[::-1]),
    )
    told = tuple(_metric(tasks, name) for name in metrics)
    gallery = Gallery("against", COLUMNS, told, pictures, orders, RULE.format(kept=len(everything), each=EACH))
    fell = tuple(picture for picture, move in cut if move.gain < 0)
    return Moved(gallery, fell, pictures[: len(fell) - 1 if fell else None : -1])


def _moves(task: TaskPair) -> Iterator[Move]:
    """Every picture of a task that both sides kept and scored."""
    key = main_key(task.new)
    if not task.new.by_picture(key):
        return
    declared = task.new.metrics[key[0]]
    unit = (1 if declared["higher_is_better"] else -1) * max(float(declared["matters"]), 1e-12)
    for pair in task.pairs:
        for level in task.new.named_levels():
            runs, images = _kept(task, pair, level)
            for image in images:
                new, old = (
                    _score(scores, run, key, level, image) for scores, run in zip(_sides(task), runs, strict=True)
                )
                if np.isfinite(new) and np.isfinite(old):
                    yield Move(task, key, pair.method, runs, level, image, (new - old) / unit)


def _sides(task: TaskPair) -> tuple[Scores, Scores]:
    """New and old scores."""
    return task.new, task.old


def _kept(task: TaskPair, pair: Pair, level: str) -> tuple[tuple[int, int], list[str]]:
    """The first two runs, of one seed if possible, that kept the same pictures of a level, and those pictures."""
    both = [(new, old) for new in pair.new for old in pair.old]
    both.sort(key=lambda each: task.new.entries[each[0]].run.seed != task.old.entries[each[1]].run.seed)
    for new, old in both:
        folders = (task.new.entries[new].folder, task.old.entries[old].folder)
        stems = [{path.stem for path in restored_path(each, level, "any").parent.glob("*.png")} for each in folders]
        images = sorted(stems[0] & stems[1] & set(task.new.images))
        if images:
            return (new, old), images
    return both[0], []


def _score(scores: Scores, run: int, key: Key, level: str, image: str) -> float:
    at = scores.keys.index(key), scores.levels.index(level), scores.images.index(image)
    return float(scores.values[(run, *at)])


def _most(moves: Sequence[Move], sign: int) -> list[Move]:
    """Those that moved most one way (1 or -1), at most EACH of a task, no image twice."""
    chosen: dict[tuple[str, str], Move] = {}
    count: dict[str, int] = {}
    for move in sorted(
        moves, key=lambda each: (-sign * each.gain, each.task.task, each.image, each.method, each.level)
    ):
        about = (move.task.task, move.image)
        if sign * move.gain > 0 and about not in chosen and count.get(move.task.task, 0) < EACH:
            chosen[about] = move
            count[move.task.task] = count.get(move.task.task, 0) + 1
    return list(chosen.values())


def _picture(move: Move, metrics: list[str], site: Path) -> Picture | None:
    """Cut the four pictures of a move; None where one cannot be read."""
    new, old = (scores.entries[run] for scores, run in zip(_sides(move.task), move.runs, strict=True))
    root, place = move.task.roots[0], (move.level, move.image)
    sources = {kind: input_path(root, new.run, kind, *place) for kind in (DEGRADED, TRUTH)}
    sources |= {"old": restored_path(old.folder, *place), "new": restored_path(new.folder, *place)}
    where = (move.task.task, move.method, *place)
    base = "/".join(("pictures", "against", *map(safe_name, where)))
    cut = crops.cut(sources, input_path(root, new.run, "mask", *place), site, base)
    if cut is None or any(column.id not in cut.src for column in COLUMNS):
        return None
    values = [_score(scores, run, move.key, *place) for scores, run in zip(_sides(move.task), move.runs, strict=True)]
    declared = move.task.new.metrics[move.key[0]]
    _, before, after, _ = marked(np.array([np.nan, *values[::-1], np.nan]), COLUMNS, declared)
    blank: Score = ("–", None, False)
    lines = (tuple(score if name == move.key[0] else blank for name in metrics) for score in (before, after))
    src = tuple(cut.src[column.id] for column in COLUMNS)
    about = f"{move.task.task} · {move.method} · {move.level}"
    return Picture(move.image, about, cut.note, cut.width, cut.height, src, cut.outline, ((), *lines, ()))


def _metric(tasks: Sequence[TaskPair], name: str) -> Metric:
    declared = next(task.new.metrics[name] for task in tasks if name in task.new.metrics)
    up = bool(declared["higher_is_better"])
    unit = f" {declared['unit']}" if declared["unit"] else ""
    return Metric(f"{name.replace('_', ' ')}{unit} {'↑' if up else '↓'}", declared["definition"], up)
