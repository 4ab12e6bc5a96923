"""What a method invented against the evidence: the damaged input still tells something, which a restoration must keep.

No truth is needed. Found is what the same damage would leave of the restored picture, given what the input holds.
"""

from __future__ import annotations

import numpy as np

from bench.metrics.base import ConsistencyMetric


def mean_difference(found: np.ndarray, given: np.ndarray) -> float:
    """Mean absolute difference of two uint8 arrays, in levels."""
    return float(np.abs(found.astype(np.int16) - given).mean())


def share_equal(found: np.ndarray, given: np.ndarray) -> float:
    """Part of the integers that are equal, in per cent."""
    return float(100 * (found == given).mean())


METRICS = (
    ConsistencyMetric(
        id="consistency_mosaic",
        definition=(
            "mean absolute difference over the mosaic's cells and RGB, each cell once, between the colour that the "
            "mosaic gives the cell of the restored picture (as its level does: rounded mean, or first pixel) and the "
            "cell's colour in the input, in 8-bit levels; only where the damage is a mosaic"
        ),
        group="consistency",
        higher_is_better=False,
        unit="levels",
        matters=0.1,
        library="restorebench",
        source="this project",
        evidence="cells",
        compute=mean_difference,
    ),
    ConsistencyMetric(
        id="consistency_jpeg",
        definition=(
            "per cent of all quantised DCT coefficients (Y, Cb and Cr at their own sampling) that are the same in the "
            "input's JPEG file and in the file that the same encoder, tables and subsampling make of the restored "
            "picture, that is, lie in the file's quantisation bins; the truth has 100; only where the damage is JPEG"
        ),
        group="consistency",
        higher_is_better=True,
        unit="%",
        matters=0.01,
        library="restorebench",
        source="this project; the quantisation set is that of Zakhor 1992",
        evidence="coefficients",
        compute=share_equal,
    ),
    ConsistencyMetric(
        id="consistency_kept",
        definition=(
            "mean absolute difference over RGB of the pixels that were not lost between the restored picture and the "
            "input, in 8-bit levels; only where the damage left pixels untouched"
        ),
        group="consistency",
        higher_is_better=False,
        unit="levels",
        matters=0.1,
        library="restorebench",
        source="this project",
        evidence="kept",
        compute=mean_difference,
    ),
)
