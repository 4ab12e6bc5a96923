"""Two folders of runs side by side: which scores stand on the same pixels and definitions, and why others do not.

What differs in the test pictures, the damage or the definition of a metric is never compared; what differs in how a
method was made (code, settings, training pictures, budget) is what a comparison is about, and is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.errors import UserError
from bench.results.store import Run
from reports.against.differences import differences
from reports.tables.board import TaskBoard
from reports.tables.scores import Key, Scores, read_task
from reports.tables.select import Selection, select

TOLD = 3  # reasons named when nothing can be compared


@dataclass(frozen=True)
class Apart:
    """Something that is not compared: of which task, what, and why."""

    task: str
    what: str
    reason: str


@dataclass(frozen=True)
class Pair:
    """One method on both sides: indices of its runs in the scores of each side."""

    method: str
    new: tuple[int, ...]
    old: tuple[int, ...]


@dataclass(frozen=True)
class TaskPair:
    """One task on both sides, narrowed to the keys, levels and images that both have and that mean the same."""

    task: str
    roots: tuple[Path, Path]  # new, old
    new: Scores
    old: Scores
    pairs: tuple[Pair, ...]

    def changed(self, pair: Pair) -> list[str]:
        """How the two sides of a method were made differently, one line each."""
        new, old = self.new.entries[pair.new[0]].run, self.old.entries[pair.old[0]].run
        return differences(old, new)


def pair_up(boards: Sequence[TaskBoard], old_root: Path) -> tuple[list[TaskPair], list[Apart]]:
    """All that can be compared, and all that cannot. Raises UserError when there is nothing to compare."""
    new_root = boards[0].selection.root
    old = {each.task: each for each in select(old_root)}
    paired, apart = [], []
    for board in boards:
        other = old.pop(board.task, None)
        if other is None:
            apart.append(Apart(board.task, "the task", f"only in {new_root}"))
            continue
        found, reasons = _pair_task(board, other)
        paired += [found] if found is not None else []
        apart += reasons
    apart += [Apart(task, "the task", f"only in {old_root}") for task in old]
    if not paired:
        told = [f"{each.task}, {each.what}: {each.reason}" for each in apart]
        raise UserError(f"nothing in {new_root} can be compared with {old_root}: {'; '.join(_few(told))}")
    return paired, apart


def _few(told: list[str]) -> list[str]:
    rest = len(told) - TOLD
    return told[:TOLD] + ([f"and {rest} more"] if rest > 0 else [])


def _pair_task(board: TaskBoard, other: Selection) -> tuple[TaskPair | None, list[Apart]]:
    """One task that both folders have."""
    task, root, done = board.task, board.selection.root, other.done()
    for where, finished in ((root, board.scores is not None), (other.root, bool(done))):
        if not finished:
            return None, [Apart(task, "the task", f"no run has finished in {where}")]
    assert board.scores is not None
    new, old = board.scores, read_task(done)
    first, second = new.entries[0].run, old.entries[0].run
    if first.protocol != second.protocol:
        reason = f"protocol {second.protocol} before, {first.protocol} now"
        return None, [Apart(task, "the task", reason)]
    levels, apart = _levels(new, old)
    pairs, alone = _methods(board.selection, other, new, old)
    keys, undefined = _keys(new, old)
    apart += alone + undefined
    if not (levels and pairs and keys):
        return None, apart
    new, old = _narrow(new, old, keys, levels)
    return TaskPair(task, (root, other.root), new, old, pairs), apart


def _levels(new: Scores, old: Scores) -> tuple[list[str], list[Apart]]:
    """Levels whose every scored pixel is the same on both sides."""
    task = new.entries[0].run.task
    same, apart = [], []
    for level in dict.fromkeys((*new.named_levels(), *old.named_levels())):
        if level not in new.levels or level not in old.levels:
            apart.append(Apart(task, f"level {level}", f"only {'before' if level in old.levels else 'now'}"))
        elif _pixels(new.entries[0].run, level) != _pixels(old.entries[0].run, level):
            apart.append(Apart(task, f"level {level}", "scored on other pictures or other damage (digests differ)"))
        else:
            same.append(level)
    return same, apart


def _pixels(run: Run, level: str) -> str | None:
    """The digest of what a level is scored on: clean, degraded and mask of every picture."""
    return run.digests.get(f"level {level}", run.digests.get("inputs"))


def _methods(new: Selection, old: Selection, now: Scores, then: Scores) -> tuple[tuple[Pair, ...], list[Apart]]:
    """Methods that finished on both sides; of the others, what became of them."""
    pairs, apart = [], []
    for name in sorted({each.run.method for each in (*new.entries, *old.entries)}):
        mine, others = _runs(now, name), _runs(then, name)
        if mine and others:
            pairs.append(Pair(name, mine, others))
            continue
        lacking = [(side, word) for side, word, runs in ((new, "now", mine), (old, "before", others)) if not runs]
        apart.append(Apart(new.task, name, "; ".join(_fate(side, name, word) for side, word in lacking)))
    return tuple(pairs), apart


def _fate(side: Selection, method: str, word: str) -> str:
    """What became of a method that has no finished run on a side."""
    failed = next((each.run for each in side.failed() if each.run.method == method), None)
    if failed is None:
        return f"not there {word}"
    return f"not finished {word}: {failed.status}" + (f", {failed.reason}" if failed.reason else "")


def _runs(scores: Scores, method: str) -> tuple[int, ...]:
    return tuple(index for index, each in enumerate(scores.entries) if each.run.method == method)


def _keys(new: Scores, old: Scores) -> tuple[list[Key], list[Apart]]:
    """Metrics and regions that both sides have, with the same definition."""
    task = new.entries[0].run.task
    apart = []
    for metric in sorted({*new.metrics, *old.metrics}):
        if metric not in new.metrics or metric not in old.metrics:
            apart.append(Apart(task, metric, f"scored {'before' if metric in old.metrics else 'now'} only"))
        elif new.metrics[metric]["fingerprint"] != old.metrics[metric]["fingerprint"]:
            prints = (each.metrics[metric]["fingerprint"] or "none" for each in (old, new))
            apart.append(Apart(task, metric, "defined differently: fingerprint {} before, {} now".format(*prints)))
    unlike = {each.what for each in apart}
    return [key for key in new.keys if key in old.keys and key[0] not in unlike], apart


def _narrow(new: Scores, old: Scores, keys: list[Key], levels: list[str]) -> tuple[Scores, Scores]:
    """Both sides cut to the same keys, levels and images; a level without scores on one side has none on the other."""
    shared = [each for each in new.levels if each in levels or (each == "" and each in old.levels)]
    images = [each for each in new.images if each in old.images]
    one, two = (_cut(each, keys, shared, images) for each in (new, old))
    both = np.isfinite(one.values).any((0, 3)) & np.isfinite(two.values).any((0, 3))
    blank = [np.where(both[None, :, :, None], each.values, np.nan) for each in (one, two)]
    paired = [
        name for name, each in one.moves.items() if name in two.moves and each.shape[1:] == two.moves[name].shape[1:]
    ]
    moves = [{name: each.moves[name] for name in paired} for each in (one, two)]
    return replace(one, values=blank[0], moves=moves[0]), replace(two, values=blank[1], moves=moves[1])


def _cut(scores: Scores, keys: list[Key], levels: list[str], images: list[str]) -> Scores:
    places = [
        [have.index(each) for each in wanted]
        for have, wanted in ((scores.keys, keys), (scores.levels, levels), (scores.images, images))
    ]
    values = scores.values[np.ix_(range(len(scores.values)), *places)]
    moves = {name: each[:, places[1]] for name, each in scores.moves.items()}
    return replace(
        scores, keys=tuple(keys), levels=tuple(levels), images=tuple(images), values=values, moves=moves
    )  # fmt: skip
