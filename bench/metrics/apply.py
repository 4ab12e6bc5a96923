"""Calling a metric on pictures: checks, the uint8 grid, chunks; and whether it can be had here at all."""

from __future__ import annotations

import functools
import os

import torch
from torch import Tensor

from bench.metrics.base import FaceMetric, Metric, PairMetric, SetMetric, SingleMetric, Unavailable
from bench.metrics.quantise import to_grid

CHUNK = 16  # pictures whose features are taken at once
FACE = torch.tensor([[[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.7], [0.62, 0.7]]])  # any face, to try a metric


def score_pair(metric: PairMetric, restored: Tensor, reference: Tensor, mask: Tensor | None = None) -> Tensor:
    """A pair metric per picture: N×3×H×W in [0, 1] twice -> float64 N.

    mask: N×1×H×W, 1 for the pixels to score; without one the whole picture is. Raises ValueError on wrong shapes or
    ranges, Unavailable when the metric cannot be had.
    """
    restored, reference = _two(metric, restored, reference)
    return metric.compute(restored, reference, _region(mask, restored))[:, 0]


def score_face(metric: FaceMetric, restored: Tensor, reference: Tensor, landmarks: Tensor) -> Tensor:
    """A face metric per picture: N×3×H×W in [0, 1] twice, landmarks N×5×2 in pixels -> float64 N.

    Raises as score_pair does, and ValueError on landmarks of another shape or that are no numbers.
    """
    restored, reference = _two(metric, restored, reference)
    if landmarks.shape != (len(restored), 5, 2) or not landmarks.isfinite().all():
        raise ValueError(f"landmarks: expected finite {len(restored)}×5×2, got {_say(landmarks)}")
    return metric.compute(restored, reference, landmarks)


def score_single(metric: SingleMetric, restored: Tensor) -> Tensor:
    """A metric without reference per picture: N×3×H×W in [0, 1] -> N. Raises as score_pair does."""
    restored = to_grid(restored, "restored")
    _check_side(metric, restored, "restored")
    return metric.compute(restored)


def score_set(metric: SetMetric, restored: Tensor, reference: Tensor) -> Tensor:
    """A distance of two sets, N×3×H×W and M×3×H'×W' in [0, 1] -> one float64. Raises as score_pair does."""
    features = []
    for pictures, what in ((restored, "restored"), (reference, "reference")):
        pictures = to_grid(pictures, what)
        _check_side(metric, pictures, what)
        features.append(torch.cat([metric.features(chunk) for chunk in pictures.split(CHUNK)]))
    return torch.tensor(metric.distance(*features), dtype=torch.float64)


def _two(metric: Metric, restored: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Both on the grid, of one shape and large enough."""
    restored, reference = to_grid(restored, "restored"), to_grid(reference, "reference")
    if restored.shape != reference.shape or restored.device != reference.device:
        raise ValueError(f"restored and reference differ: {_say(restored)} and {_say(reference)}")
    _check_side(metric, restored, "restored")
    return restored, reference


def _region(mask: Tensor | None, pictures: Tensor) -> Tensor:
    shape = (pictures.shape[0], 1, *pictures.shape[2:])
    if mask is None:
        return torch.ones(shape, device=pictures.device)
    if mask.shape != shape:
        raise ValueError(f"mask: expected {'×'.join(map(str, shape))}, got {_say(mask)}")
    region = mask.to(pictures)
    if not ((region == 0) | (region == 1)).all():
        raise ValueError("mask: expected only 0 and 1")
    return region


def _check_side(metric: Metric, pictures: Tensor, what: str) -> None:
    if min(pictures.shape[2:]) < metric.min_side:
        side = f"at least {metric.min_side} px a side"
        raise ValueError(f"{what}: {metric.id} needs {side}, got {_say(pictures)}; leave the metric out")


def _say(tensor: Tensor) -> str:
    return f"{'×'.join(map(str, tensor.shape))} on {tensor.device}"


def unavailable(metric: Metric) -> str | None:
    """Why a metric cannot be had on this machine, in one line, or None when it can. Tried once, on the CPU.

    Missing weights are downloaded if they can be. The answer is kept for as long as the environment stays the same.
    """
    names = ("RESTOREBENCH_WEIGHTS", "RESTOREBENCH_OFFLINE", "TORCH_HOME")
    return _probe(metric, tuple(os.environ.get(name, "") for name in names))


@functools.cache
def _probe(metric: Metric, environment: tuple[str, ...]) -> str | None:
    side = max(64, metric.min_side)
    pictures = torch.rand((1, 3, side, side), generator=torch.Generator().manual_seed(0)).mul(255).round().div(255)
    try:
        if isinstance(metric, PairMetric):
            metric.compute(pictures, pictures, torch.ones_like(pictures[:, :1]))
        elif isinstance(metric, SingleMetric):
            metric.compute(pictures)
        elif isinstance(metric, SetMetric):
            metric.features(pictures)
        elif isinstance(metric, FaceMetric):
            metric.compute(pictures, pictures, FACE * side)
    except Unavailable as error:
        return str(error)
    except Exception as error:  # a plug-in may fail in any way; the reason is shown where its numbers would be
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return None
