"""The gallery of one task: its pictures cut for all methods, with their own scores and the orders to see them in."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.results.store import input_path, restored_path
from reports.tables.board import BASELINE, Method, TaskBoard
from reports.tables.scores import Key, Scores
from reports.text import safe_name
from reports.viewer import crops
from reports.viewer.gallery import (
    DEGRADED,
    METHOD,
    ORACLE,
    TRUTH,
    Column,
    Gallery,
    Metric,
    Order,
    Picture,
    Score,
    best_first,
    marked,
)

METRICS = ("psnr", "ssim", "lpips_squeeze", "dists")  # shown beside a picture, after the task's main one
MOST = 4  # metrics beside a picture


def task_gallery(board: TaskBoard, site: Path) -> Gallery | None:
    """The pictures of one task, written under site/pictures/<task>/; None where no run kept any."""
    if board.scores is None:
        return None
    maker = _Maker(board, board.scores, site)
    chosen = crops.choose(board, board.scores)
    with ThreadPoolExecutor() as pool:
        pictures = tuple(filter(None, pool.map(maker.picture, chosen.places)))
    if not pictures:
        return None
    metric, region = board.main
    words = f"By the standard deviation over methods of {metric} on the {region or 'whole'} region, the highest first."
    disagreement = Order("disagreement", "most disagreement", words, tuple(range(len(pictures))))
    orders = (disagreement, *best_first(*board.main))
    metrics = tuple(maker.metric(key) for key in maker.keys)
    return Gallery(board.task, maker.columns, metrics, pictures, orders, f"{chosen.rule} {crops.BOX_RULE}")


class _Maker:
    """Makes the pictures of one task."""

    def __init__(self, board: TaskBoard, scores: Scores, site: Path) -> None:
        self._scores, self._site = scores, site
        self._root, self._run, self._task = board.selection.root, scores.entries[0].run, board.task
        self._methods = [method for method in board.methods if method.name != BASELINE]
        self._baseline = next((method for method in board.methods if method.name == BASELINE), None)
        shown = (Column(f"m-{safe_name(m.name)}", m.name, ORACLE if m.oracle else METHOD) for m in self._methods)
        self.columns = (Column(DEGRADED, "degraded", DEGRADED), *shown, Column(TRUTH, "truth", TRUTH))
        self.keys = _shown(scores, board.main)

    def metric(self, key: Key) -> Metric:
        """What the heading of a score says."""
        declared = self._scores.metrics[key[0]]
        up = bool(declared["higher_is_better"])
        unit = f" {declared['unit']}" if declared["unit"] else ""
        where = f", {key[1]}" if key[1] else ""
        return Metric(
            f"{key[0].replace('_', ' ')}{unit}\u00a0{'↑' if up else '↓'}", f"{declared['definition']}{where}", up
        )

    def picture(self, place: crops.Place) -> Picture | None:
        """Cut one picture for all columns; None where its inputs cannot be read."""
        level, image = place
        stored = [self._restored(method, place) for method in self._methods]
        sources = {kind: input_path(self._root, self._run, kind, level, image) for kind in (DEGRADED, TRUTH)}
        named = zip(self.columns[1:-1], stored, strict=True)
        sources |= {column.id: path for column, (_, path) in named if path is not None}
        mask = input_path(self._root, self._run, "mask", level, image)
        base = "/".join(("pictures", *map(safe_name, (self._task, level, image))))
        cut = crops.cut(sources, mask, self._site, base)
        if cut is None or DEGRADED not in cut.src:
            return None
        src = tuple(cut.src.get(column.id, "") for column in self.columns)
        scores = self._scored(place, [run for run, _ in stored])
        return Picture(image, level, cut.note, cut.width, cut.height, src, cut.outline, scores)

    def _restored(self, method: Method, place: crops.Place) -> tuple[int, Path | None]:
        """The first seed of a method that kept this picture: (run index, file)."""
        for run in method.runs:
            path = restored_path(self._scores.entries[run].folder, *place)
            if path.exists():
                return run, path
        return method.runs[0], None

    def _scored(self, place: crops.Place, runs: Sequence[int]) -> tuple[tuple[Score, ...], ...]:
        """The picture's own scores by column; none of the truth, and of the input only where it was scored."""
        level, image = place
        scores, missing = self._scores, tuple(() for _ in self.columns)
        if level not in scores.levels or image not in scores.images:
            return missing
        found = []
        for key in self.keys:
            line = scores.values[:, scores.keys.index(key), scores.levels.index(level), scores.images.index(image)]
            degraded = line[self._baseline.runs[0]] if self._baseline else np.nan
            values = np.array([degraded, *line[list(runs)], np.nan])
            found.append(marked(values, self.columns, scores.metrics[key[0]]))
        return tuple(zip(*found, strict=True)) if found else missing


def _shown(scores: Scores, main: Key) -> tuple[Key, ...]:
    """The metrics shown beside a picture: the main one, then those of a first look, on its region or else any."""
    shown: list[Key] = []
    for metric in dict.fromkeys((main[0], *METRICS)):
        stored = [key for key in scores.keys if key[0] == metric and scores.by_picture(key)]
        stored.sort(key=lambda key: (key[1] != main[1], key[1] != "whole"))
        shown += [key for key in stored[:1] if np.isfinite(scores.values[:, scores.keys.index(key)]).any()]
    return tuple(shown[:MOST])
