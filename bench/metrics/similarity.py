"""Full-reference measures that give one number for the whole picture, as piq defines them: FSIM, VIF, GMSD, HaarPSI.

piq itself is slower than these by the ratios that tests/performance prints; tests/test_similarity.py compares them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.base import PairMetric
from bench.metrics.gradients import LUMA, gradient_deviation, haar_likeness, mix
from bench.metrics.information import visual_information
from bench.metrics.phase import feature_similarity
from bench.metrics.regions import is_whole


def whole_only(scores: Tensor, regions: Tensor) -> Tensor:
    """Scores of whole pictures (N) for regions N×R×H×W: float64 N×R, NaN for any region but the whole picture."""
    return torch.where(is_whole(regions), scores.double().unsqueeze(1), torch.nan)


def fsim(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """Feature similarity with colour; see PairMetric for the shapes."""
    return whole_only(feature_similarity(restored, reference), regions)


def vif(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """Visual information fidelity; see PairMetric for the shapes."""
    planes = (mix(each.double() * 255, LUMA) for each in (restored, reference))
    return whole_only(visual_information(*planes), regions)


def gmsd(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """Gradient magnitude similarity deviation; see PairMetric for the shapes."""
    return whole_only(gradient_deviation(restored, reference), regions)


def haarpsi(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """Haar wavelet perceptual similarity; see PairMetric for the shapes."""
    scores = haar_likeness(restored, reference)
    return whole_only(scores.clamp(max=1), regions)  # rounding lifts equal pictures above 1, black ones to infinity


_WHOLE = "whole picture only, no score for other regions"
METRICS = (
    PairMetric(
        id="fsim",
        definition=(
            f"FSIMc of piq: 4 scales, 4 orientations, YIQ colour, mean-pooled by round(shorter side / 256); {_WHOLE}"
        ),
        group="perceptual",
        higher_is_better=True,
        unit="",
        matters=0.005,
        library="restorebench",
        source="Zhang, Zhang, Mou, Zhang, 2011, doi:10.1109/TIP.2011.2109730; equals piq.fsim",
        min_side=16,
        compute=fsim,
    ),
    PairMetric(
        id="vif",
        definition=(
            "VIF of piq in the pixel domain: 4 scales, full-range BT.601 luma in [0, 255], noise variance 2; not "
            f"symmetric, above 1 when contrast is raised; {_WHOLE}"
        ),
        group="perceptual",
        higher_is_better=True,
        unit="",
        matters=0.01,
        library="restorebench",
        source="Sheikh, Bovik, 2006, doi:10.1109/TIP.2005.859378; equals piq.vif_p",
        min_side=41,
        compute=vif,
    ),
    PairMetric(
        id="gmsd",
        definition=f"GMSD of piq: Prewitt gradients of YIQ luma after 2×2 means, t 170 / 255²; {_WHOLE}",
        group="perceptual",
        higher_is_better=False,
        unit="",
        matters=0.005,
        library="restorebench",
        source="Xue, Zhang, Mou, Bovik, 2013, arXiv:1308.3052; equals piq.gmsd",
        min_side=8,
        compute=gmsd,
    ),
    PairMetric(
        id="haarpsi",
        definition=f"HaarPSI of piq: 3 scales, YIQ colour after 2×2 means, c 30, alpha 4.2, at most 1; {_WHOLE}",
        group="perceptual",
        higher_is_better=True,
        unit="",
        matters=0.01,
        library="restorebench",
        source="Reisenhofer, Bosse, Kutyniok, Wiegand, 2018, arXiv:1607.06140; equals piq.haarpsi",
        min_side=16,
        compute=haarpsi,
    ),
)
