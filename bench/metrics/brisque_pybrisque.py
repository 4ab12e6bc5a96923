"""BRISQUE by pybrisque itself, which brisque is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics import legacy
from bench.metrics.base import SingleMetric


def brisque_pybrisque(restored: Tensor) -> Tensor:
    """pybrisque's own BRISQUE; N×3×H×W in [0, 1] -> N. A flat picture scores NaN."""
    return torch.from_numpy(legacy.brisque(legacy.gray_uint8(restored))).to(restored.device)


METRICS = (
    SingleMetric(
        id="brisque_pybrisque",
        definition="the reference implementation of brisque: pybrisque 1.0 itself, made to work with today's numpy",
        group="naturalness",
        higher_is_better=False,
        unit="",
        matters=2.0,
        library="pybrisque",
        source="https://github.com/bukalapak/pybrisque",
        min_side=16,
        original_of="brisque",
        compute=brisque_pybrisque,
    ),
)
