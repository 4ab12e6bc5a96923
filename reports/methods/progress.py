"""Pictures that a method restored on its way through training, for its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.results.store import find_samples, input_path, restored_path, sample_path
from reports.tables.board import TaskBoard
from reports.tables.select import Entry
from reports.text import safe_name
from reports.viewer import crops
from reports.viewer.gallery import DEGRADED, METHOD, TRUTH, Column, Gallery, Order, Picture

END = 100  # percent: the pictures that were scored
RULE = (
    "Restored with the weights of then, after so many percent of the training; of the first seed that kept any: the "
    "first pictures of the first level that are kept for the board. "
    f"Pictures larger than {crops.SIDE} px are cropped, all alike."
)


def progress(method: str, boards: Sequence[TaskBoard], site: Path, up: str) -> Gallery | None:
    """The pictures of one method, written under site/pictures/methods/; None where no run kept any.

    up: how the page that shows them leads to the site, "../".
    """
    chosen = [(board, entry) for board in boards if (entry := _first(board, method)) is not None]
    percents = sorted({percent for _, entry in chosen for percent in find_samples(entry.folder)} - {END})
    if not percents:
        return None
    columns = (
        Column(DEGRADED, "degraded", DEGRADED),
        *(Column(f"at-{percent}", f"{percent} %", METHOD) for percent in percents),
        Column(f"at-{END}", "end", METHOD),
        Column(TRUTH, "truth", TRUTH),
    )
    made = [
        _picture(board, entry, (level, image), columns, site)
        for board, entry in chosen
        for level, image in sorted({each for kept in find_samples(entry.folder).values() for each in kept})
    ]
    pictures = tuple(_below(each, up) for each in made if each is not None)
    order = Order("task", "by task", "Task by task.", tuple(range(len(pictures))))
    return Gallery(method, columns, (), pictures, (order,), RULE) if pictures else None


def _first(board: TaskBoard, method: str) -> Entry | None:
    """The run of the lowest seed that kept pictures, finished or not."""
    runs = [each for each in board.selection.entries if each.run.method == method and find_samples(each.folder)]
    return min(runs, key=lambda each: each.run.seed, default=None)


def _picture(
    board: TaskBoard, entry: Entry, place: tuple[str, str], columns: Sequence[Column], site: Path
) -> Picture | None:
    """One picture through the training; None where its inputs cannot be read."""
    root, run = board.selection.root, entry.run
    sources = {kind: input_path(root, run, kind, *place) for kind in (DEGRADED, TRUTH)}
    for column in columns[1:-2]:
        sources[column.id] = sample_path(entry.folder, int(column.id.removeprefix("at-")), *place)
    sources[f"at-{END}"] = restored_path(entry.folder, *place)
    base = "/".join(("pictures", "methods", *map(safe_name, (run.method, run.task, *place))))
    cut = crops.cut(sources, input_path(root, run, "mask", *place), site, base)
    if cut is None:
        return None
    src = tuple(cut.src.get(column.id, "") for column in columns)
    about = f"{run.task} · {place[0]}"
    nothing = tuple(() for _ in columns)
    return Picture(place[1], about, cut.note, cut.width, cut.height, src, cut.outline, nothing)


def _below(picture: Picture, up: str) -> Picture:
    """The same picture for a page that does not stand at the site's root."""
    src = tuple(up + each if each else "" for each in picture.src)
    return replace(picture, src=src, outline=up + picture.outline if picture.outline else "")
