"""The battery on two plain folders, no task needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.errors import UserError, unknown
from bench.metrics import METRICS
from bench.metrics.distribution import GROUPS
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


def measure(folders: Folders, metrics: tuple[str, ...] | None = None, device: str = "cpu") -> Measurement:
    """Score every picture of a folder. metrics: ids, or None for all that apply.

    A metric on a region is named "METRIC/REGION" (with masks). Raises UserError on an unknown metric, or no pairs.
    """
    battery = Battery.of(_chosen(metrics, folders), torch.device(device))
    rows: list[Row] = []
    problems: dict[str, str] = {}
    for batch in _batches(pairs(folders.restored, folders.reference, folders.mask), problems):
        rows += battery.add(batch)
    errors = battery.standard_errors()
    rows += battery.finish()
    if not any(math.isfinite(each["value"]) for each in rows) and problems:
        name, reason = next(iter(problems.items()))
        raise UserError(f"{folders.restored}: nothing could be compared; e.g. {name}: {reason}")
    return _collect(rows, battery, problems, errors)


def _chosen(metrics: tuple[str, ...] | None, folders: Folders) -> tuple[str, ...]:
    kinds = ("single",) if folders.reference is None else ("pair", "single", "set")
    if metrics is None:
        return tuple(name for name, each in METRICS.items() if each.kind in kinds and not each.original_of)
    for name in metrics:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
        if METRICS[name].kind not in kinds:
            need = NEEDS.get(METRICS[name].kind, "--reference; give it")
            raise UserError(f"metric '{name}' needs {need}, or leave the metric out")
    return metrics


def _batches(found: Iterable[Pair], problems: dict[str, str]) -> Iterator[Pictures]:
    """Neighbours of one size together, as many as BATCH_PIXELS allows; what cannot be compared goes to problems."""
    waiting: list[Pair] = []
    size: tuple[int, ...] = ()
    for pair in found:
        if pair.restored is None:
            problems[pair.image_id] = pair.problem
            continue
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


def _collect(rows: list[Row], battery: Battery, problems: dict[str, str], errors: dict[str, float]) -> Measurement:
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
    for name in sets & values.keys():
        summary[name] = _set_entry(values[name][0], errors.get(name, math.nan), battery.set_sizes.get(name, 0))
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


def _set_entry(value: float, error: float, n: int) -> dict[str, Any]:
    """One number over all pictures, with the interval that leaving pictures out gives."""
    margin = error * float(student(np.array([max(min(n, GROUPS) - 1, 1)]))[0])
    return _entry(value, (value - margin, value + margin), n)


def _entry(mean: float, ends: tuple[float, float], n: int, missing: str | None = None) -> dict[str, Any]:
    """One metric's line of the summary; numbers that do not exist are null."""
    if missing is None and not math.isfinite(mean):
        missing = "has no value for these pictures"
    low, high, middle = (value if math.isfinite(value) else None for value in (*ends, mean))
    return {"mean": middle, "ci95": [low, high], "n": n, "unavailable": missing}
