"""NIQE by scikit-video itself, which niqe is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics import legacy
from bench.metrics.base import SingleMetric


def niqe_skvideo(restored: Tensor) -> Tensor:
    """scikit-video's own NIQE; N×3×H×W in [0, 1], sides of 194 or more -> N."""
    return torch.from_numpy(legacy.niqe(legacy.gray_uint8(restored))).to(restored.device)


METRICS = (
    SingleMetric(
        id="niqe_skvideo",
        definition="the reference implementation of niqe: scikit-video 1.1.11 itself, made to work with today's numpy",
        group="naturalness",
        higher_is_better=False,
        unit="",
        matters=0.5,
        library="scikit-video",
        source="https://github.com/scikit-video/scikit-video",
        min_side=194,
        original_of="niqe",
        compute=niqe_skvideo,
    ),
)
