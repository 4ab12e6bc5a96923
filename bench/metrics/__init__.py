"""The metric battery. METRICS holds every metric by id; load(id) gives one as a plain function.

A module of this folder that has METRICS, a tuple of Metric, is part of the battery; so is an installed package whose
entry point in the group restorebench.metrics names such a module.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from bench.errors import UserError, unknown
from bench.metrics.apply import score_face, score_pair, score_set, score_single, unavailable
from bench.metrics.base import (
    ConsistencyMetric,
    FaceMetric,
    MaskMetric,
    Metric,
    PairMetric,
    SetMetric,
    SingleMetric,
    Unavailable,
)
from bench.metrics.regions import regions

__all__ = ["METRICS", "Metric", "Unavailable", "collect", "load", "regions", "unavailable"]


def collect(modules: Iterable[ModuleType]) -> dict[str, Metric]:
    """The metrics that modules declare, by id. Raises ValueError when two share an id."""
    found: dict[str, Metric] = {}
    for module in modules:
        for metric in getattr(module, "METRICS", ()):
            if metric.id in found:
                raise ValueError(f"metric '{metric.id}' is defined twice, the second time in {module.__name__}")
            found[metric.id] = metric
    return found


def _own() -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]


def _installed(known: dict[str, Metric]) -> dict[str, Metric]:
    """Metrics of installed plug-ins; one that fails to load is left out with a warning."""
    found = dict(known)
    for point in entry_points(group="restorebench.metrics"):
        try:
            new = collect([point.load()])
            repeated = sorted(found.keys() & new.keys())
            if repeated:
                raise ValueError(f"metric '{repeated[0]}' exists already")
            found |= new
        except Exception as error:  # not our code: it may fail in any way
            warnings.warn(f"metric plug-in {point.name}: {type(error).__name__}: {error}; left out", stacklevel=2)
    return found


METRICS: dict[str, Metric] = _installed(collect(_own()))


def load(metric_id: str) -> Callable[..., Any]:
    """A metric as a function of float pictures N×3×H×W, RGB in [0, 1].

    pair: load("ssim")(restored, reference, mask=None) -> N. single: load("niqe")(restored) -> N.
    set: load("fid")(restored, reference) -> one number. mask: load("mask_iou")(predicted, true) -> N, masks N×1×H×W of
    0/1. face: load("face_identity")(restored, reference, landmarks N×5×2) -> N. Pictures are rounded to the uint8 grid
    first. consistency: load("consistency_mosaic")(found, given) -> float, arrays as base.ConsistencyMetric says.
    The function raises ValueError on wrong shapes or ranges and Unavailable when weights are missing;
    load raises UserError for an unknown id, and for a cost, which no picture tells.
    """
    metric = METRICS.get(metric_id)
    match metric:
        case None:
            raise unknown("metric", metric_id, METRICS)
        case PairMetric():
            return functools.partial(score_pair, metric)
        case SingleMetric():
            return functools.partial(score_single, metric)
        case SetMetric():
            return functools.partial(score_set, metric)
        case FaceMetric():
            return functools.partial(score_face, metric)
        case MaskMetric() | ConsistencyMetric():
            return metric.compute
    raise UserError(f"metric '{metric_id}' is a {metric.kind} and cannot be computed from pictures alone")
