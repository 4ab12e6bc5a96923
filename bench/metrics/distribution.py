"""Distances between two sets of pictures: Fréchet and kernel distances of network features. The maths is float64."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

import pretrained
from bench.metrics.base import SetMetric

# What decides features, for those that are kept. Files of weights are checked against these digests when they are read.
INCEPTION = "pytorch-fid's Inception-v3 of 2015-12-05, 6726825d, last pooling, its own resizing to 299"
SQUEEZENET = "torchvision's SqueezeNet 1.1, b8a52dc0, last Fire module, global mean, ImageNet normalisation"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FEW = 2048  # pictures, below which a distance of sets is told to be noisy: as many as Inception has features
# Trainings that differ in their seed alone lie apart by a standard deviation of 226: the median of 33 combinations of
# method and level of the suite small64, three seeds each. The error by the choice of 24 scenes is 75 to 430.
SQUEEZE_MATTERS = 200.0
GROUPS, MOST = 30, 300  # of a jackknife; with more pictures it would take seconds


def frechet(restored: Tensor, reference: Tensor) -> float:
    """Fréchet distance of Gaussians fitted to features N×D and M×D; NaN for fewer than two pictures in a set.

    |mu1 - mu2|² + tr S1 + tr S2 - 2 tr (S1 S2)^½ with unbiased covariances. With S = F Fᵀ the last trace is the
    nuclear norm of F1ᵀ F2, exact for any number of pictures and any rank, and never complex.
    """
    if min(len(restored), len(reference)) < 2:
        return float("nan")
    means, factors = zip(*(_gaussian(each) for each in (restored, reference)), strict=True)
    shift = np.square(means[0] - means[1]).sum()
    spread = sum(np.square(factor).sum() for factor in factors)
    overlap = np.linalg.svd(factors[0].T @ factors[1], compute_uv=False).sum()
    return max(0.0, float(shift + spread - 2 * overlap))


def _gaussian(features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean D, and F of D×min(N, D) with F Fᵀ the covariance."""
    rows = features.double().cpu().numpy()
    mean = rows.mean(0)
    centred = (rows - mean) / np.sqrt(len(rows) - 1)
    if len(rows) > rows.shape[1]:
        centred = np.linalg.qr(centred, mode="r")
    return mean, centred.T


def kernel(restored: Tensor, reference: Tensor) -> float:
    """Unbiased squared MMD of features N×D and M×D under the kernel (x·y / D + 1)³.

    One estimate over all pictures, without random subsets; may be negative. NaN for fewer than two in a set.
    """
    if min(len(restored), len(reference)) < 2:
        return float("nan")
    x, y = restored.double(), reference.double()
    within = sum(_off_diagonal_mean(_cubic(each, each)) for each in (x, y))
    return float(within - 2 * _cubic(x, y).mean())


def _cubic(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _off_diagonal_mean(square: Tensor) -> Tensor:
    count = len(square)
    return (square.sum() - square.diagonal().sum()) / (count * (count - 1))


def jackknife(distance: Callable[[Tensor, Tensor], float], restored: Tensor, reference: Tensor) -> np.ndarray:
    """How much each group of pictures moves a distance of paired features N×D: G values of mean 0 around the distance.

    The jackknife's pseudo-values less their mean, in at most 30 groups that are left out in turn, a picture together
    with its truth. They behave like scores of G pictures: their standard error is the distance's, and those of two
    methods over the same pictures are paired. Empty for fewer than three pictures, where nothing can be left out, and
    for more than 300, where it would take seconds.
    """
    count = len(restored)
    if not 3 <= count <= MOST:
        return np.empty(0)
    groups = min(count, GROUPS)
    member = torch.arange(count) % groups
    kept = [member != group for group in range(groups)]
    values = np.array([distance(restored[each], reference[each]) for each in kept])
    return np.asarray((groups - 1) * (values.mean() - values))


def standard_error(moves: np.ndarray) -> float:
    """How far a distance moves from one choice of N pictures to another, by its jackknife; NaN without one.

    A bootstrap would draw pictures twice, which such distances take for a narrower set: its error of fid is twice too
    large at 100 pictures. The part of the distance that is due to the number of pictures is not in it.
    """
    return float(np.std(moves, ddof=1) / math.sqrt(len(moves))) if len(moves) else math.nan


def build_inception(state: dict[str, Tensor]) -> nn.Module:
    """pytorch-fid's InceptionV3 up to the last pooling, with these weights instead of its download."""
    from pytorch_fid import inception

    original = inception.load_state_dict_from_url
    try:
        inception.load_state_dict_from_url = lambda *_, **__: state
        return inception.InceptionV3([inception.InceptionV3.DEFAULT_BLOCK_INDEX]).eval()
    except RuntimeError as error:
        raise pretrained.Unavailable(
            f"weights of {pretrained.KNOWN['inception'].files[0]} do not fit: {error}"
        ) from None
    finally:
        inception.load_state_dict_from_url = original


@functools.cache
def inception_network(device: torch.device) -> nn.Module:
    """pytorch-fid's InceptionV3 with its published weights. Raises Unavailable when they cannot be had."""
    return build_inception(pretrained.load("inception")).to(device)


@torch.no_grad()
def inception_features(pictures: Tensor) -> Tensor:
    """Inception's last pooling: N×3×H×W in [0, 1] -> N×2048."""
    return inception_network(pictures.device)(pictures)[0].flatten(1)


@functools.cache
def squeezenet(device: torch.device) -> nn.Module:
    """The convolutions of torchvision's SqueezeNet 1.1. Raises Unavailable when their weights cannot be had."""
    from torchvision.models import squeezenet1_1

    with torch.device("meta"):
        network = squeezenet1_1(weights=None).features
    pretrained.fit(network, pretrained.trunk("squeezenet1_1").tensors, "SqueezeNet 1.1")
    return network.eval().requires_grad_(False).to(device)


@torch.no_grad()
def squeeze_features(pictures: Tensor) -> Tensor:
    """SqueezeNet's last Fire module, averaged over the picture: N×3×H×W in [0, 1] -> N×512."""
    mean, std = (torch.tensor(each, device=pictures.device)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    return squeezenet(pictures.device)((pictures - mean) / std).mean((2, 3))


METRICS = (
    SetMetric(
        id="fid",
        definition=(
            "Fréchet distance, unbiased covariances, of the 2048 features of pytorch-fid's Inception-v3 (resized to "
            "299×299 bilinear without antialiasing); biased upwards for few pictures, compare equal numbers only"
        ),
        group="distribution",
        higher_is_better=False,
        unit="",
        matters=1.0,
        library="pytorch-fid",
        source="Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, 2017, arXiv:1706.08500",
        network=INCEPTION,
        features=inception_features,
        distance=frechet,
    ),
    SetMetric(
        id="kid",
        definition=(
            "unbiased squared MMD under (x·y / 2048 + 1)³ of the features of fid, one estimate over all pictures "
            "without subsets; may be negative"
        ),
        group="distribution",
        higher_is_better=False,
        unit="",
        matters=0.005,
        library="pytorch-fid",
        source="Bińkowski, Sutherland, Arbel, Gretton, 2018, arXiv:1801.01401",
        network=INCEPTION,
        features=inception_features,
        distance=kernel,
    ),
    SetMetric(
        id="fid_squeeze",
        definition=(
            "Fréchet distance, unbiased covariances, of the 512 features of torchvision's SqueezeNet 1.1 "
            "(IMAGENET1K_V1) after its last Fire module, global mean, ImageNet normalisation, no resizing; "
            "not comparable with fid"
        ),
        group="distribution",
        higher_is_better=False,
        unit="",
        matters=SQUEEZE_MATTERS,
        library="torchvision",
        source="ours, after Heusel et al., 2017, arXiv:1706.08500",
        min_side=17,
        network=SQUEEZENET,
        features=squeeze_features,
        distance=frechet,
    ),
)
