"""What concerns faces and their masks: how well a method finds the region that was lost."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.base import MaskMetric


def mask_iou(predicted: Tensor, true: Tensor) -> Tensor:
    """Intersection over union per picture, float64 N, of masks N×1×H×W of 0/1; two empty masks score 1."""
    ours, theirs = predicted.flatten(1) > 0.5, true.flatten(1) > 0.5
    both, either = (ours & theirs).sum(1).double(), (ours | theirs).sum(1).double()
    return (both / either.clamp(min=1)).where(either > 0, 1.0)


METRICS = (
    MaskMetric(
        id="mask_iou",
        definition=(
            "intersection over union of the region a method says was lost and the region that was, per picture; two "
            "empty regions score 1; only methods that predict a mask have it"
        ),
        group="faces",
        higher_is_better=True,
        unit="",
        matters=0.01,
        library="restorebench",
        source="Jaccard, 1912",
        compute=mask_iou,
    ),
)
