"""What a metric says about itself, and the three shapes a metric can have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from pretrained import Unavailable as Unavailable  # also raised where a package is broken

Kind = Literal["pair", "single", "set", "mask", "face", "cost", "consistency"]
Group = Literal["fidelity", "perceptual", "naturalness", "distribution", "consistency", "faces", "cost"]


@dataclass(frozen=True)
class Metric:
    """A metric's declaration. `definition` fixes window, colour, range, crop and reduction in one line."""

    id: str
    definition: str
    group: Group
    higher_is_better: bool
    unit: str  # "" when it has none
    matters: float  # smallest difference worth a word, in the metric's unit
    library: str  # the package behind it
    source: str  # paper or repository
    min_side: int = 1  # pictures with a shorter side get a row with status "too_small"
    original_of: str = ""  # id of the metric it is the slower original of; scored only where it is named

    kind: Kind = "cost"

    def fingerprint(self) -> str:
        """Twelve hex digits that change when the meaning does."""
        return hashlib.sha256(f"{self.id}\n{self.definition}".encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class PairMetric(Metric):
    """compute(restored, reference, regions) -> N×R.

    restored, reference: float32 N×3×H×W RGB in [0, 1], already on the uint8 grid, any one device.
    regions: float32 N×R×H×W of 0/1, the pixels each score is averaged over (all ones = the whole picture). One map is
    computed and averaged R times. A region without pixels scores NaN.
    """

    compute: Callable[[Tensor, Tensor, Tensor], Tensor]
    kind: Kind = "pair"


@dataclass(frozen=True, kw_only=True)
class SingleMetric(Metric):
    """compute(restored) -> N: no reference; restored as in PairMetric."""

    compute: Callable[[Tensor], Tensor]
    kind: Kind = "single"


@dataclass(frozen=True, kw_only=True)
class SetMetric(Metric):
    """features(pictures) -> N×D per batch, then distance(restored N×D, reference M×D) -> one float.

    network: a line that says all that decides the features but the pixels, weights included. Metrics with equal lines
    share features, and those of the truth are kept on disk by it: change it with them. "": neither.
    """

    features: Callable[[Tensor], Tensor]
    distance: Callable[[Tensor, Tensor], float]
    network: str = ""
    kind: Kind = "set"


@dataclass(frozen=True, kw_only=True)
class MaskMetric(Metric):
    """compute(predicted, true) -> N: how well a method found what was lost; masks float N×1×H×W of 0/1."""

    compute: Callable[[Tensor, Tensor], Tensor]
    kind: Kind = "mask"


@dataclass(frozen=True, kw_only=True)
class FaceMetric(Metric):
    """compute(restored, reference, landmarks) -> N, for faces whose landmarks are known.

    restored, reference: as in PairMetric. landmarks: float N×5×2, x and y in pixels of the picture: left eye, right
    eye, nose tip, left and right mouth corner, left being the smaller x.
    """

    compute: Callable[[Tensor, Tensor, Tensor], Tensor]
    kind: Kind = "face"


@dataclass(frozen=True, kw_only=True)
class ConsistencyMetric(Metric):
    """compute(found, given) -> one float: a restored picture against what its damaged input still tells. No truth.

    evidence names what is compared: "kept", the uint8 n×3 pixels that were not lost; or a kind that degradations name
    (their method `evidence`): "cells", uint8 n×3 mosaic colours, "coefficients", int32 n×64 quantised DCT coefficients.
    found: what the same damage would leave of the restored picture; given: what the input holds. Equal shapes, n >= 1.
    """

    evidence: str
    compute: Callable[[np.ndarray, np.ndarray], float]
    kind: Kind = "consistency"
