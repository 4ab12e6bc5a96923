"""What concerns faces and their masks: whose face it is, and how well a method finds the region that was lost."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from bench.metrics.base import FaceMetric, MaskMetric


def mask_iou(predicted: Tensor, true: Tensor) -> Tensor:
    """Intersection over union per picture, float64 N, of masks N×1×H×W of 0/1; two empty masks score 1."""
    ours, theirs = predicted.flatten(1) > 0.5, true.flatten(1) > 0.5
    both, either = (ours & theirs).sum(1).double(), (ours | theirs).sum(1).double()
    return (both / either.clamp(min=1)).where(either > 0, 1.0)


def face_identity(restored: Tensor, reference: Tensor, landmarks: Tensor) -> Tensor:
    """Cosine of the two faces' embeddings, float64 N. See FaceMetric; raises Unavailable without the weights."""
    from pretrained.mobilefacenet import embed

    ours, theirs = (embed(pictures, landmarks) for pictures in (restored, reference))
    return F.cosine_similarity(ours.double(), theirs.double())


METRICS = (
    FaceMetric(
        id="face_identity",
        definition=(
            "cosine of the 128-d MobileFaceNet embeddings (CASIA-WebFace, epoch 68) of the restored and the true face, "
            "both moved by one least-squares similarity that takes the true picture's five landmarks to SphereFace's "
            "112x96 template, bilinear, black outside, (x - 127.5) / 128; only faces with landmarks"
        ),
        group="faces",
        higher_is_better=True,
        unit="",
        matters=0.01,
        library="restorebench",
        source="Chen et al. 2018, arXiv:1804.07573; weights Xiaoccer/MobileFaceNet_Pytorch",
        min_side=48,
        compute=face_identity,
    ),
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
