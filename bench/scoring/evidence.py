"""Holds restored pictures against what their damaged inputs still tell; and faces against whose they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from bench.data.batches import Case, to_tensor
from bench.metrics.base import ConsistencyMetric, FaceMetric
from bench.scoring.battery import WHOLE, Battery, Row, row, valued
from bench.scoring.memory import OUT_OF_MEMORY, in_parts
from degradations.base import Degradation

Outcome = np.ndarray | str  # a restored picture uint8 H×W×3, or one word that says why there is none


def consistency_rows(battery: Battery, degradation: Degradation, case: Case, outcome: Outcome) -> list[Row]:
    """One row per consistency metric that applies to the case; without a restored picture it says why."""
    metrics = [each for each in battery.metrics if isinstance(each, ConsistencyMetric)]
    if not metrics:
        return []
    kept = case.mask == 0
    given = degradation.evidence(case.clean, case.seed)  # what the damage left of the truth is in the input
    if kept.any():
        given["kept"] = case.degraded[kept]
    metrics = [each for each in metrics if given.get(each.evidence, np.empty(0)).size]
    if isinstance(outcome, str):
        return [row(case.image_id, each.id, WHOLE, math.nan, outcome) for each in metrics]
    found = {**degradation.evidence(outcome, case.seed), "kept": outcome[kept]}
    return [
        valued(case.image_id, each, WHOLE, each.compute(found[each.evidence], given[each.evidence])) for each in metrics
    ]


def face_rows(battery: Battery, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[Row]:
    """One row per face metric and case of one size with landmarks."""
    rows: list[Row] = []
    known = [(case, found) for case, found in zip(cases, outcomes, strict=True) if case.landmarks is not None]
    for metric in battery.metrics:
        if not isinstance(metric, FaceMetric) or not known:
            continue
        if metric.id in battery.missing:
            rows += [row(case.image_id, metric.id, WHOLE, math.nan, "unavailable") for case, _ in known]
            continue
        small = min(known[0][0].clean.shape[:2]) < metric.min_side
        words = {case.image_id: "too_small" if small else found for case, found in known}
        rows += [row(name, metric.id, WHOLE, math.nan, word) for name, word in words.items() if isinstance(word, str)]
        good = [(case, found) for case, found in known if not small and not isinstance(found, str)]
        rows += _faces(metric, [case for case, _ in good], [found for _, found in good], battery.device)
    return rows


def _faces(metric: FaceMetric, cases: list[Case], restored: list[np.ndarray], device: torch.device) -> list[Row]:
    """One row per face, in parts where memory runs out."""

    def rows(part: slice) -> list[Row]:
        ours = to_tensor(np.stack(restored[part])).to(device)
        theirs = to_tensor(np.stack([case.clean for case in cases[part]])).to(device)
        points = np.stack([case.landmarks for case in cases[part] if case.landmarks is not None])
        values = metric.compute(ours, theirs, torch.from_numpy(points).to(device)).tolist()
        return [valued(case.image_id, metric, WHOLE, value) for case, value in zip(cases[part], values, strict=True)]

    def lost(index: int) -> list[Row]:
        return [row(cases[index].image_id, metric.id, WHOLE, math.nan, OUT_OF_MEMORY)]

    return in_parts(rows, lost, len(cases))
