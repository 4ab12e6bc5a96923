"""Distances between features of trained networks: LPIPS with the weights of its package, and piq's DISTS."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pretrained
from bench.metrics.base import PairMetric
from bench.metrics.cores import on_cores
from bench.metrics.regions import is_whole, region_mean
from bench.metrics.similarity import whole_only
from pretrained.perceptual import lpips_features
from pretrained.trunks import Features

BLOCK = 1 << 17  # values of a feature map taken at once: they stay in the processor's cache
EPSILON = 1e-10  # lpips adds it to the norms


@torch.no_grad()
def lpips_scores(network: Features, x: Tensor, y: Tensor, regions: Tensor) -> Tensor:
    """LPIPS per region: x, y N×3×H×W in [0, 1], regions N×R×H×W -> float64 N×R.

    The whole picture scores lpips' ordinary value, any other region the mean of its spatial map.
    """
    layers = [
        _distances(weights, each) for weights, each in zip(network.heads, network(torch.cat([x, y])), strict=True)
    ]
    ordinary = torch.stack([each.mean((2, 3)) for each in layers]).sum(0).double()
    whole = is_whole(regions)
    if whole.all():
        return ordinary.expand(-1, regions.shape[1]).clone()
    size = x.shape[2:]
    enlarged = [F.interpolate(each, size=size, mode="bilinear", align_corners=False) for each in layers]
    return torch.where(whole, ordinary, region_mean(torch.stack(enlarged).sum(0), regions)[:, 0])


def _distances(weights: Tensor, features: Tensor) -> Tensor:
    """A layer's map N×1×h×w from the features of both pictures, 2N×C×h×w: sum of w (x / |x| - y / |y|)² over channels.

    Block by block, so that normalised features are never stored.
    """
    count, height, width = len(features) // 2, *features.shape[2:]
    x, y = features.permute(0, 2, 3, 1).reshape(2, -1, len(weights))
    weights = weights.to(x)
    size = BLOCK // len(weights)
    found = [
        _unit(of_x).sub_(_unit(of_y)).square_() @ weights
        for of_x, of_y in zip(x.split(size), y.split(size), strict=True)
    ]
    return torch.cat(found).view(count, 1, height, width)


def _unit(vectors: Tensor) -> Tensor:
    """Scaled to length 1: P×C -> P×C."""
    return vectors * torch.linalg.vector_norm(vectors, dim=1, keepdim=True).add_(EPSILON).reciprocal_()


def _lpips(net: str, restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """A picture at a time on a CPU: the features of one fill its caches."""
    network = lpips_features(net, restored.device)
    if restored.device.type != "cpu":
        return lpips_scores(network, restored, reference, regions)
    singles = list(zip(*(each.split(1) for each in (restored, reference, regions)), strict=True))
    return torch.cat(on_cores(lambda single: lpips_scores(network, *single), singles))


def lpips_alex(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """LPIPS on AlexNet; see PairMetric for the shapes."""
    return _lpips("alex", restored, reference, regions)


def lpips_vgg(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """LPIPS on VGG16; see PairMetric for the shapes."""
    return _lpips("vgg", restored, reference, regions)


def lpips_squeeze(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """LPIPS on SqueezeNet 1.1; see PairMetric for the shapes."""
    return _lpips("squeeze", restored, reference, regions)


def build_dists(trunk: dict[str, Tensor], channels: dict[str, Tensor]) -> nn.Module:
    """piq's DISTS on these weights: VGG16 `features.*` tensors without prefix, and `alpha` and `beta` (1×1475×1×1)."""
    import piq
    from piq.perceptual import VGG16_LAYERS
    from torchvision.models import vgg16

    with torch.device("meta"):
        network = vgg16(weights=None).features
    pretrained.fit(network, trunk, "DISTS trunk")
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
    sizes = [3, 64, 128, 256, 512, 512]

    class Dists(piq.DISTS):
        """piq's class, whose constructor can only download."""

        def __init__(self) -> None:
            piq.ContentLoss.__init__(
                self,
                feature_extractor=network,
                layers=[VGG16_LAYERS[each] for each in layers],
                weights=[part for name in ("alpha", "beta") for part in channels[name].split(sizes, dim=1)],
                replace_pooling=True,
                reduction="none",
                allow_layers_weights_mismatch=True,
            )

    return Dists().eval()


@functools.cache
def dists_network(device: torch.device) -> nn.Module:
    """DISTS with its published weights. Raises Unavailable when they cannot be had."""
    return build_dists(pretrained.trunk("vgg16").tensors, pretrained.load("dists")).to(device)


@torch.no_grad()
def dists(restored: Tensor, reference: Tensor, regions: Tensor) -> Tensor:
    """DISTS; see PairMetric for the shapes."""
    return whole_only(dists_network(restored.device)(restored, reference).flatten(), regions)


_LPIPS = (
    "LPIPS v0.1 on {}, inputs mapped to [-1, 1], no resizing; the whole picture scores the mean over each layer's map, "
    "a region the mean of the maps enlarged to the picture (lpips spatial=True)"
)
_ZHANG = "Zhang, Isola, Efros, Shechtman, Wang, 2018, arXiv:1801.03924"
METRICS = (
    PairMetric(
        id="lpips_alex",
        definition=_LPIPS.format("AlexNet"),
        group="perceptual",
        higher_is_better=False,
        unit="",
        matters=0.01,
        library="lpips",
        source=_ZHANG,
        min_side=31,
        compute=lpips_alex,
    ),
    PairMetric(
        id="lpips_vgg",
        definition=_LPIPS.format("VGG16"),
        group="perceptual",
        higher_is_better=False,
        unit="",
        matters=0.01,
        library="lpips",
        source=_ZHANG,
        min_side=16,
        compute=lpips_vgg,
    ),
    PairMetric(
        id="lpips_squeeze",
        definition=_LPIPS.format("SqueezeNet 1.1"),
        group="perceptual",
        higher_is_better=False,
        unit="",
        matters=0.01,
        library="lpips",
        source=_ZHANG,
        min_side=17,
        compute=lpips_squeeze,
    ),
    PairMetric(
        id="dists",
        definition=(
            "DISTS of piq on VGG16 with mean pooling, pictures with a shorter side over 256 reduced to 256 (bilinear); "
            "whole picture only, no score for other regions"
        ),
        group="perceptual",
        higher_is_better=False,
        unit="",
        matters=0.01,
        library="piq",
        source="Ding, Ma, Wang, Simoncelli, 2020, arXiv:2004.07728",
        min_side=16,
        compute=dists,
    ),
)
