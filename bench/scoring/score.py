"""Scores whatever restores: cases in, rows out. The same for a method and for a folder made elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from filelock import FileLock

from bench.data.batches import Case, EvaluationSet
from bench.data.pictures import save_png
from bench.metrics import METRICS
from bench.results.store import DONE, Run, input_path, inputs_lock, restored_path, write_run, write_scores, write_sets
from bench.scoring.areas import LostAreas
from bench.scoring.battery import WHOLE, Battery, Pictures, Row, declaration, row
from bench.scoring.evidence import consistency_rows, face_rows
from bench.scoring.features import FeatureStore
from bench.scoring.memory import OUT_OF_MEMORY, in_parts
from bench.scoring.notes import notes
from bench.scoring.reference import ReferenceScores
from bench.scoring.restore import predict_masks, restore
from bench.training.engine import Engine
from degradations.base import Degradation
from methods.base import Method


class Restorer(Protocol):
    """Gives a restored uint8 H×W×3 picture for each case, or one word that says why there is none."""

    def __call__(self, level: str, cases: list[Case]) -> list[np.ndarray | str]: ...

    def masks(self, cases: list[Case]) -> list[np.ndarray | str] | None:
        """Where it thinks that something was lost, uint8 H×W of 0/1 each, or a word; None when it does not say."""


@dataclass(frozen=True)
class MethodRestorer:
    """A method of ours; `told` says whether it sees the mask."""

    method: Method
    told: bool
    engine: Engine

    def __call__(self, level: str, cases: list[Case]) -> list[np.ndarray | str]:
        """Restore cases of one size as a batch, or in parts where memory runs out."""

        def work(part: slice) -> list[np.ndarray | str]:
            degraded = np.stack([case.degraded for case in cases[part]])
            mask = np.stack([case.mask for case in cases[part]]) if self.told else None
            pictures, finite = restore(self.method, degraded, mask, self.engine)
            return [picture if good else "nan" for picture, good in zip(pictures, finite, strict=True)]

        return in_parts(work, lambda _: [OUT_OF_MEMORY], len(cases))

    def masks(self, cases: list[Case]) -> list[np.ndarray | str] | None:
        """The method's own mask of each case, if it predicts one."""

        def work(part: slice) -> list[np.ndarray | str | None]:
            found = predict_masks(self.method, np.stack([case.degraded for case in cases[part]]), self.engine)
            return [None] * len(cases[part]) if found is None else list(found)

        masks: list[np.ndarray | str | None] = in_parts(work, lambda _: [OUT_OF_MEMORY], len(cases))
        told = [each for each in masks if each is not None]
        return told if len(told) == len(cases) else None


@dataclass(frozen=True)
class Gallery:
    """Where pictures are kept for the board: which ids, of which run."""

    root: Path
    folder: Path
    run: Run
    ids: frozenset[str]

    def keep(self, level: str, case: Case, restored: np.ndarray) -> None:
        """Store a case and what became of it, when it is one of those kept."""
        if case.image_id not in self.ids:
            return
        save_png(restored_path(self.folder, level, case.image_id), restored)
        inputs = (("truth", case.clean), ("degraded", case.degraded), ("mask", case.mask * np.uint8(255)))
        for kind, pixels in inputs:
            path = input_path(self.root, self.run, kind, level, case.image_id)
            if not path.exists():
                save_png(path, pixels)


@dataclass(frozen=True)
class Exam:
    """What is scored: the pictures, the levels by name, and how many pictures go through at once."""

    pictures: EvaluationSet
    levels: dict[str, Degradation]
    batch: int


def score(exam: Exam, restorer: Restorer, battery: Battery, gallery: Gallery | None) -> Iterator[Row]:
    """One row per picture × level × metric × region, level by level.

    A picture that could not be read, restored or compared has a row per metric that says so.
    """
    shared: list[ReferenceScores | LostAreas] = []  # what is stored with the task's inputs
    if gallery is not None:
        shared = [ReferenceScores.lacking(gallery.root, gallery.run, battery), LostAreas(gallery.root, gallery.run)]
        battery.kept = FeatureStore.of(gallery.root)
    for name, degradation in exam.levels.items():
        rows: list[Row] = []
        for image_ids, cases in _chunks(exam, name, degradation):
            if cases is None:
                rows += _failed(battery, image_ids, "unusable")
                continue
            outcomes = restorer(name, cases)
            rows += _score_batch(battery, cases, outcomes)
            rows += _score_evidence(battery, degradation, cases, outcomes)
            rows += _score_masks(battery, cases, restorer.masks(cases))
            for part in shared:
                part.add(name, cases)
            for case, outcome in zip(cases, outcomes, strict=True):
                if gallery is not None and not isinstance(outcome, str):
                    gallery.keep(name, case, outcome)
        rows += battery.finish()
        yield from ({**each, "level": name} for each in rows)
    if gallery is not None:
        lock = inputs_lock(gallery.root, gallery.run)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            for part in shared:
                part.store()


def record(run: Run, folder: Path, rows: Iterable[Row], battery: Battery) -> None:
    """Store a run's rows and costs, and what its metrics mean; marks it done."""
    rows = list(rows)
    run.notes = sorted({*run.notes, *notes(rows, battery)})
    run.metrics |= battery.declarations()
    run.metrics |= {name: declaration(METRICS[name], None) for name in run.cost}
    costs = ({**row("", name, WHOLE, value, "ok"), "level": ""} for name, value in run.cost.items())
    same = {"protocol": run.protocol, "task": run.task, "method": run.method, "seed": run.seed}
    write_scores(folder, ({**same, **each} for each in (*rows, *costs)))
    write_sets(folder, (each for each in rows if "jackknife" in each))
    run.status, run.reason = DONE, ""
    write_run(folder, run)


def _score_batch(battery: Battery, cases: list[Case], outcomes: list[np.ndarray | str]) -> list[Row]:
    """Rows of one batch; a picture without a restored one fails alone."""
    rows: list[Row] = []
    for case, outcome in zip(cases, outcomes, strict=True):
        if isinstance(outcome, str):
            rows += _failed(battery, [case.image_id], outcome)
    good = [(case, pixels) for case, pixels in zip(cases, outcomes, strict=True) if not isinstance(pixels, str)]
    if good:
        ids = [case.image_id for case, _ in good]
        clean, mask = np.stack([case.clean for case, _ in good]), np.stack([case.mask for case, _ in good])
        rows += battery.add(Pictures(ids, np.stack([pixels for _, pixels in good]), clean, mask))
    return rows


def _score_masks(battery: Battery, cases: list[Case], masks: list[np.ndarray | str] | None) -> list[Row]:
    """Rows of the masks that were predicted; a case without one fails alone."""
    given = list(zip(cases, masks or (), strict=masks is not None))
    asked = [each for each in battery.metrics if each.kind == "mask"]
    words = [(case.image_id, word) for case, word in given if isinstance(word, str)]
    rows = [row(name, metric.id, WHOLE, math.nan, word) for name, word in words for metric in asked]
    good = [(case, mask) for case, mask in given if not isinstance(mask, str)]
    if good:
        true, predicted = np.stack([case.mask for case, _ in good]), np.stack([mask for _, mask in good])
        rows += battery.add_masks([case.image_id for case, _ in good], predicted, true)
    return rows


def _score_evidence(
    battery: Battery, degradation: Degradation, cases: list[Case], outcomes: list[np.ndarray | str]
) -> list[Row]:
    """Rows of the metrics that ask more of a case than its truth and mask."""
    rows = face_rows(battery, cases, outcomes)
    for case, outcome in zip(cases, outcomes, strict=True):
        rows += consistency_rows(battery, degradation, case, outcome)
    return rows


def _failed(battery: Battery, image_ids: list[str], status: str) -> list[Row]:
    return [
        row(image_id, metric.id, WHOLE, math.nan, status)
        for image_id in image_ids
        for metric in battery.metrics
        if metric.kind in ("pair", "single") and metric.id not in battery.missing
    ]


def _chunks(exam: Exam, level: str, degradation: Degradation) -> Iterator[tuple[list[str], list[Case] | None]]:
    """Neighbouring cases of one size, at most a batch at a time; None where a picture cannot be used."""
    waiting: list[Case] = []
    for image_id, case in exam.pictures.cases(level, degradation):
        full = len(waiting) == exam.batch
        if waiting and (case is None or full or case.clean.shape != waiting[0].clean.shape):
            yield [each.image_id for each in waiting], waiting
            waiting = []
        if case is None:
            yield [image_id], None
        else:
            waiting.append(case)
    if waiting:
        yield [each.image_id for each in waiting], waiting
