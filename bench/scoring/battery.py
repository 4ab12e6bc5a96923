"""The metric battery over pictures: uint8 in, one row per picture × metric × region out."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.batches import to_tensor
from bench.metrics import METRICS, unavailable
from bench.metrics.base import MaskMetric, Metric, PairMetric, SetMetric, SingleMetric
from bench.metrics.regions import regions

Row = dict[str, Any]
WHOLE = "whole"


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size: restored and reference uint8 N×H×W×3, mask uint8 N×H×W of 0/1 (None: no regions)."""

    ids: list[str]
    restored: np.ndarray
    reference: np.ndarray | None
    mask: np.ndarray | None


@dataclass
class Battery:
    """Chosen metrics on a device. Feed it pictures with `add`; `finish` scores the set metrics."""

    metrics: list[Metric]
    device: torch.device
    missing: dict[str, str] = field(default_factory=dict)  # metric id -> why it cannot be had
    _features: dict[str, tuple[list[Tensor], list[Tensor]]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: tuple[str, ...], device: torch.device) -> Battery:
        """A battery of metrics by id; those whose weights are not found are `missing`."""
        chosen = [METRICS[name] for name in names]
        reasons = {metric.id: unavailable(metric) for metric in chosen}
        return cls(chosen, device, {name: reason for name, reason in reasons.items() if reason is not None})

    def declarations(self) -> dict[str, dict[str, Any]]:
        """What run.json stores of each metric: enough for a report to be made without this code."""
        return {metric.id: declaration(metric, self.missing.get(metric.id)) for metric in self.metrics}

    def add(self, pictures: Pictures) -> list[Row]:
        """Score pictures of one size. Rows have image_id, metric, region, value, status."""
        restored = to_tensor(pictures.restored).to(self.device)
        reference = None if pictures.reference is None else to_tensor(pictures.reference).to(self.device)
        named = _regions(pictures, restored)
        rows: list[Row] = []
        for metric in self.metrics:
            if metric.id in self.missing or not isinstance(metric, SetMetric | SingleMetric | PairMetric):
                continue
            if isinstance(metric, SetMetric):
                self._collect(metric, restored, reference)
            elif min(restored.shape[-2:]) < metric.min_side:
                rows += [row(each, metric.id, WHOLE, math.nan, "too_small") for each in pictures.ids]
            elif isinstance(metric, SingleMetric):
                values = metric.compute(restored).tolist()
                rows += [valued(each, metric, WHOLE, v) for each, v in zip(pictures.ids, values, strict=True)]
            elif reference is not None:
                rows += _pair_rows(metric, pictures.ids, restored, reference, named)
        return rows

    def add_masks(self, image_ids: list[str], predicted: np.ndarray, true: np.ndarray) -> list[Row]:
        """Score predicted masks against the true ones, uint8 N×H×W of 0/1 both."""
        ours, theirs = (torch.from_numpy(np.ascontiguousarray(each))[:, None].float() for each in (predicted, true))
        return [
            valued(image_id, metric, WHOLE, value)
            for metric in self.metrics
            if isinstance(metric, MaskMetric)
            for image_id, value in zip(image_ids, metric.compute(ours, theirs).tolist(), strict=True)
        ]

    def finish(self) -> list[Row]:
        """Rows of the set metrics over everything added since the last call, and of what is missing."""
        rows = [row("", name, WHOLE, math.nan, "unavailable") for name in self.missing]
        for metric in self.metrics:
            if not isinstance(metric, SetMetric) or metric.id not in self._features:
                continue
            restored, reference = self._features.pop(metric.id)
            if len(torch.cat(restored)) < 2:
                rows.append(row("", metric.id, WHOLE, math.nan, "too_few"))
            else:
                rows.append(valued("", metric, WHOLE, metric.distance(torch.cat(restored), torch.cat(reference))))
        return rows

    def _collect(self, metric: SetMetric, restored: Tensor, reference: Tensor | None) -> None:
        if reference is not None and min(restored.shape[-2:]) >= metric.min_side:
            ours, theirs = self._features.setdefault(metric.id, ([], []))
            ours.append(metric.features(restored).cpu())
            theirs.append(metric.features(reference).cpu())


def declaration(metric: Metric, missing: str | None) -> dict[str, Any]:
    """A metric's declaration as plain values."""
    plain = {f.name: getattr(metric, f.name) for f in dataclasses.fields(Metric)}
    return {**plain, "fingerprint": metric.fingerprint(), "unavailable": missing}


def row(image_id: str, metric: str, region: str, value: float, status: str) -> Row:
    """One score."""
    return {"image_id": image_id, "metric": metric, "region": region, "value": value, "status": status}


def _regions(pictures: Pictures, restored: Tensor) -> dict[str, Tensor]:
    """Named regions N×1×H×W of 0/1."""
    if pictures.mask is None:
        return {WHOLE: torch.ones_like(restored[:, :1])}
    return regions(torch.from_numpy(np.ascontiguousarray(pictures.mask))[:, None].float().to(restored.device))


def _pair_rows(
    metric: PairMetric, ids: list[str], restored: Tensor, reference: Tensor, named: dict[str, Tensor]
) -> list[Row]:
    """One row per picture and region that has pixels."""
    stacked = torch.cat(list(named.values()), dim=1)
    values = metric.compute(restored, reference, stacked).tolist()
    present = stacked.flatten(2).sum(2).tolist()
    return [
        valued(image_id, metric, region, value)
        for image_id, scores, counts in zip(ids, values, present, strict=True)
        for region, value, count in zip(named, scores, counts, strict=True)
        if count and not (region != WHOLE and math.isnan(value))
    ]


def valued(image_id: str, metric: Metric, region: str, value: float) -> Row:
    """One score, "undefined" where the metric has none for such a picture."""
    status = "ok" if math.isfinite(value) else "undefined"
    return row(image_id, metric.id, region, value if status == "ok" else math.nan, status)
