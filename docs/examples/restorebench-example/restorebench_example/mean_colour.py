"""Mean colour: how far the mean colour of a region is from the truth's."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.base import PairMetric


def mean_colour(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """N×3×H×W twice, regions N×R×H×W of 0/1 -> N×R: Euclidean distance of mean RGB, in levels of 255."""
    difference = (restored - reference).double() * 255
    regions = regions.double()
    means = (regions[:, :, None] * difference[:, None]).sum((-2, -1)) / regions.sum((-2, -1))[..., None]
    return means.square().sum(-1).sqrt()


METRICS = (
    PairMetric(
        id="mean_colour",
        definition="Euclidean distance of the mean RGB of the region, in levels of 255",
        group="fidelity",
        higher_is_better=False,
        unit="levels",
        matters=0.5,
        library="restorebench-example",
        source="this example",
        compute=mean_colour,
    ),
)
