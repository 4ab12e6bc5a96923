"""The battery on two plain folders, no task needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.ahead import ahead
from bench.errors import UserError, unknown
from bench.metrics import METRICS, Metric
from bench.metrics.distribution import standard_error
from bench.results.stats import interval, student
from bench.scoring.battery import WHOLE, Battery, Pictures, Row
from bench.scoring.folders import Pair, pairs
from bench.scoring.notes import notes

BATCH_PIXELS = 1_000_000  # four pictures of 500×500; larger ones come alone, so that memory does not grow with them
NEEDS = {  # what two folders of pictures do not tell
    "cost": "a trained method",
    "mask": "a method that predicts masks",
    "face": "a task whose faces have landmarks; use `restorebench score`",
    "consistency": "a task's own damage; use `restorebench score`",
}


@dataclass(frozen=True)
class Folders:
    """What to compare: restored pictures, and where known their references and masks (white = lost)."""

    restored: Path
    reference: Path | None = None
    mask: Path | None = None


@dataclass(frozen=True)
class Measurement:
    """Per-picture rows, their summary, and the definition of each metric, as `measure --format json` prints them."""

    summary: dict[str, dict[str, Any]]
    images: list[dict[str, Any]]
    definitions: dict[str, str]
    problems: list[str]  # a line for each picture that could not be compared
    notes: list[str] = field(default_factory=list)  # what a reader of the summary must know

    def as_json(self) -> dict[str, Any]:
        """The published shape."""
        return {"summary": self.summary, "images": self.images, "definitions": self.definitions}


def measure(
    folders: Folders, metrics: tuple[str, ...] | None = None, device: str = "cpu", known: Mapping[str, Metric] = METRICS
) -> Measurement:
    """Score every picture of a folder. metrics: ids, or None for all that apply; known: those there are.

    A metric on a region is named "METRIC/REGION" (with masks). Raises UserError on an unknown metric, or no pairs.
    """
    battery = Battery.of(_chosen(metrics, folders, known), torch.device(device), known)
    problems: dict[str, str] = {}
    found = pairs(folders.restored, folders.reference, folders.mask)
    if battery.device.type == "cpu":
        rows = _on_cores(battery, (_together([pair]) for pair in _readable(found, problems)))
    else:
        rows = [row for batch in _batches(_readable(found, problems)) for row in battery.add(batch)]
    rows += battery.finish()
    if not any(math.isfinite(each["value"]) for each in rows) and problems:
        name, reason = next(iter(problems.items()))
        raise UserError(f"{folders.restored}: nothing could be compared; e.g. {name}: {reason}")
    return _collect(rows, battery, problems)


def _chosen(metrics: tuple[str, ...] | None, folders: Folders, known: Mapping[str, Metric]) -> tuple[str, ...]:
    kinds = ("single",) if folders.reference is None else ("pair", "single", "set")
    if metrics is None:
        return tuple(name for name, each in known.items() if each.kind in kinds and not each.original_of)
    for name in metrics:
        if name not in known:
            raise unknown("metric", name, known)
        if known[name].kind not in kinds:
            need = NEEDS.get(known[name].kind, "--reference; give it")
            raise UserError(f"metric '{name}' needs {need}, or leave the metric out")
    return metrics


def _readable(found: Iterable[Pair], problems: dict[str, str]) -> Iterator[Pair]:
    """Pairs that can be compared; why the others cannot goes to problems."""
    for pair in found:
        if pair.restored is None:
            problems[pair.image_id] = pair.problem
        else:
            yield pair


def _on_cores(battery: Battery, pictures: Iterable[Pictures]) -> list[Row]:
    """Rows of pictures one by one, each core busy with a picture of its own, torch on one thread in each.

    What sets of pictures are judged by is gathered in their order, while the cores go on with the next.
    """
    threads = torch.get_num_threads()
    of_each, of_sets = (
        replace(battery, metrics=[metric for metric in battery.metrics if (metric.kind == "set") is wanted])
        for wanted in (False, True)
    )

    def score(one: Pictures) -> tuple[Pictures, list[Row]]:
        torch.set_num_threads(1)
        return one, of_each.add(one)

    try:
        rows: list[Row] = []
        for one, found in ahead(score, pictures, workers=threads):
            rows += found
            of_sets.add(one)
        return rows
    finally:
        torch.set_num_threads(threads)  # a worker's setting reaches beyond it in parts of torch


def _batches(found: Iterable[Pair]) -> Iterator[Pictures]:
    """Neighbours of one size together, as many as BATCH_PIXELS allows."""
    waiting: list[Pair] = []
    size: tuple[int, ...] = ()
    for pair in found:
        assert pair.restored is not None
        full = len(waiting) * math.prod(size[:2]) >= BATCH_PIXELS
        if waiting and (full or pair.restored.shape != size):
            yield _together(waiting)
            waiting = []
        waiting.append(pair)
        size = pair.restored.shape
    if waiting:
        yield _together(waiting)


def _together(found: list[Pair]) -> Pictures:
    restored, reference, mask = (
        _stacked(parts) for parts in zip(*((each.restored, each.reference, each.mask) for each in found), strict=True)
    )
    assert restored is not None
    return Pictures([each.image_id for each in found], restored, reference, mask)


def _stacked(parts: Iterable[np.ndarray | None]) -> np.ndarray | None:
    there = [each for each in parts if each is not None]
    return np.stack(there) if there else None


def _collect(rows: list[Row], battery: Battery, problems: dict[str, str]) -> Measurement:
    images: dict[str, dict[str, Any]] = {}
    values: dict[str, list[float]] = {}
    too_small = {each["metric"] for each in rows if each["status"] == "too_small"}
    for each in rows:
        name = each["metric"] if each["region"] == WHOLE else f"{each['metric']}/{each['region']}"
        values.setdefault(name, []).append(each["value"])
        if each["image_id"]:
            value = each["value"] if math.isfinite(each["value"]) else None
            images.setdefault(each["image_id"], {"image": each["image_id"]})[name] = value
    sets = {metric.id for metric in battery.metrics if metric.kind == "set"}
    summary = {name: _summary(name, each) for name, each in values.items() if name not in sets}
    for each in rows:
        if each["metric"] in sets:
            moves = each.get("jackknife", np.empty(0))
            summary[each["metric"]] = _set_entry(each["value"], moves, battery.set_sizes.get(each["metric"], 0))
    for metric in battery.metrics:
        if metric.id in battery.missing:
            summary[metric.id] = _entry(math.nan, (math.nan, math.nan), 0, battery.missing[metric.id])
        elif metric.id in too_small and summary[metric.id]["n"] == 0:
            summary[metric.id]["unavailable"] = f"every picture is smaller than {metric.min_side} px"
    images |= {name: {"image": name, "problem": reason} for name, reason in problems.items()}
    definitions = {metric.id: metric.definition for metric in battery.metrics}
    lines = [f"{name}: {reason}" for name, reason in problems.items()]
    return Measurement(summary, [images[name] for name in sorted(images)], definitions, lines, notes(rows, battery))


def _summary(name: str, values: list[float]) -> dict[str, Any]:
    """Mean and bootstrap interval over the pictures that have a value."""
    finite = np.array([[value for value in values if math.isfinite(value)]])
    if not finite.size:
        return _entry(math.nan, (math.nan, math.nan), 0)
    found = interval(finite, ("measure", name))
    return _entry(found.mean, (found.lo, found.hi), finite.size)


def _set_entry(value: float, moves: np.ndarray, n: int) -> dict[str, Any]:
    """One number over all pictures, with the interval that leaving pictures out gives."""
    margin = standard_error(moves) * float(student(np.array(max(len(moves) - 1, 1))))
    return _entry(value, (value - margin, value + margin), n)


def _entry(mean: float, ends: tuple[float, float], n: int, missing: str | None = None) -> dict[str, Any]:
    """One metric's line of the summary; numbers that do not exist are null."""
    if missing is None and not math.isfinite(mean):
        missing = "has no value for these pictures"
    low, high, middle = (value if math.isfinite(value) else None for value in (*ends, mean))
    return {"mean": middle, "ci95": [low, high], "n": n, "unavailable": missing}
