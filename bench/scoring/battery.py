"""The metric battery over pictures: uint8 in, one row per picture × metric × region out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bench.data.batches import to_tensor
from bench.metrics import METRICS, unavailable
from bench.metrics.base import FaceMetric, MaskMetric, Metric, PairMetric, SetMetric, SingleMetric
from bench.metrics.distribution import jackknife
from bench.metrics.regions import regions
from bench.scoring.memory import OUT_OF_MEMORY, in_parts

if TYPE_CHECKING:
    from bench.scoring.features import FeatureStore  # which loads pandas

Row = dict[str, Any]
WHOLE = "whole"
Features = tuple[Tensor, Tensor]  # restored and reference N×D


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
    set_sizes: dict[str, int] = field(default_factory=dict)  # set metric id -> fewest pictures it was taken over
    kept: FeatureStore | None = None  # of the truth's features
    _features: dict[str, list[Features | None]] = field(default_factory=dict)  # None: did not fit into memory

    @classmethod
    def of(cls, names: tuple[str, ...], device: torch.device, known: Mapping[str, Metric] = METRICS) -> Battery:
        """A battery of metrics by id, of those known; those whose weights are not found are `missing`."""
        chosen = [known[name] for name in names]
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
        shared: dict[str, list[Features | None]] = {}
        for metric in self.metrics:
            if metric.id in self.missing or not isinstance(metric, SetMetric | SingleMetric | PairMetric):
                continue
            if isinstance(metric, SetMetric):
                self._collect(metric, restored, reference, shared)
            elif min(restored.shape[-2:]) < metric.min_side:
                rows += [row(each, metric.id, WHOLE, math.nan, "too_small") for each in pictures.ids]
            elif isinstance(metric, SingleMetric):
                rows += _single_rows(metric, pictures.ids, restored)
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
        """Rows of the set metrics over everything added since the last call, and of what is missing.

        A set metric's value comes with its "jackknife": how much each group of pictures moves it.
        """
        absent = [each.id for each in self.metrics if each.id in self.missing and not isinstance(each, FaceMetric)]
        rows = [row("", name, WHOLE, math.nan, "unavailable") for name in absent]  # faces: where there are any
        for metric in self.metrics:
            if not isinstance(metric, SetMetric) or metric.id not in self._features:
                continue
            features = self._joined(metric.id)
            del self._features[metric.id]
            if features is None:
                rows.append(row("", metric.id, WHOLE, math.nan, OUT_OF_MEMORY))
            elif len(features[0]) < 2:
                rows.append(row("", metric.id, WHOLE, math.nan, "too_few"))
            else:
                count = len(features[0])
                self.set_sizes[metric.id] = min(count, self.set_sizes.get(metric.id, count))
                one = valued("", metric, WHOLE, metric.distance(*features))
                rows.append({**one, "jackknife": jackknife(metric.distance, *features)})
        return rows

    def _collect(
        self, metric: SetMetric, restored: Tensor, reference: Tensor | None, shared: dict[str, list[Features | None]]
    ) -> None:
        """Take the features of a batch, or those that another metric of the same network has taken of it."""
        if reference is None or min(restored.shape[-2:]) < metric.min_side:
            return
        of_truth = metric.features if self.kept is None else partial(self.kept.features, metric)

        def features(part: slice) -> list[Features | None]:
            return [(metric.features(restored[part]).cpu(), of_truth(reference[part]).cpu())]

        name = metric.network or metric.id
        if name not in shared:
            shared[name] = in_parts(features, lambda _: [None], len(restored))
        self._features.setdefault(metric.id, []).extend(shared[name])

    def _joined(self, name: str) -> Features | None:
        """All features of a set metric so far; None when a picture is not among them because it did not fit."""
        batches = [each for each in self._features[name] if each is not None]
        if len(batches) < len(self._features[name]):
            return None
        return torch.cat([ours for ours, _ in batches]), torch.cat([theirs for _, theirs in batches])


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


def _single_rows(metric: SingleMetric, ids: list[str], restored: Tensor) -> list[Row]:
    """One row per picture."""

    def rows(part: slice) -> list[Row]:
        values = metric.compute(restored[part]).tolist()
        return [valued(each, metric, WHOLE, value) for each, value in zip(ids[part], values, strict=True)]

    return in_parts(rows, lambda index: [_too_large(ids[index], metric)], len(ids))


def _pair_rows(
    metric: PairMetric, ids: list[str], restored: Tensor, reference: Tensor, named: dict[str, Tensor]
) -> list[Row]:
    """One row per picture and region that has pixels."""
    stacked = torch.cat(list(named.values()), dim=1)
    present = stacked.flatten(2).sum(2).tolist()

    def rows(part: slice) -> list[Row]:
        values = metric.compute(restored[part], reference[part], stacked[part]).tolist()
        return [
            valued(image_id, metric, region, value)
            for image_id, scores, counts in zip(ids[part], values, present[part], strict=True)
            for region, value, count in zip(named, scores, counts, strict=True)
            if count and not (region != WHOLE and math.isnan(value))
        ]

    return in_parts(rows, lambda index: [_too_large(ids[index], metric)], len(ids))


def _too_large(image_id: str, metric: Metric) -> Row:
    return row(image_id, metric.id, WHOLE, math.nan, OUT_OF_MEMORY)


def valued(image_id: str, metric: Metric, region: str, value: float) -> Row:
    """One score, "undefined" where the metric has none for such a picture."""
    status = "ok" if math.isfinite(value) else "undefined"
    return row(image_id, metric.id, region, value if status == "ok" else math.nan, status)
