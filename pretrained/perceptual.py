"""The networks of LPIPS (Zhang et al. 2018): the lpips package's code and heads on torchvision's trunks, to train with;
its heads on trunks of ours, to score with.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pretrained.resolve import Unavailable, fit, read, trunk
from pretrained.trunks import Features

if TYPE_CHECKING:
    from lpips import LPIPS

TRUNKS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


@functools.lru_cache(maxsize=4)
def lpips_network(net: str, device: torch.device) -> LPIPS:
    """LPIPS v0.1 on a key of TRUNKS with its published weights, frozen, in eval mode. Raises Unavailable.

    In channels_last, in which its convolutions are fastest on a CPU.
    """
    network = build_lpips(net, trunk(TRUNKS[net]).tensors)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def build_lpips(net: str, tensors: dict[str, Tensor]) -> LPIPS:
    """The lpips package's network with its own heads and a trunk's `features.*` tensors, named without that prefix.

    Built without storage, so that nothing is drawn from the random generator and no unfilled tensor can pass.
    """
    import lpips

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")  # lpips asks torchvision in a deprecated way
        model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    slices = {name: name.split(".", 1)[1] for name in model.net.state_dict()}  # "slice2.3.bias" is "features.3.bias"
    fit(model.net, {name: tensors[key] for name, key in slices.items() if key in tensors}, f"LPIPS {net} trunk")
    heads = _heads(net)
    scaling = {f"scaling_layer.{name}": each for name, each in lpips.ScalingLayer().state_dict().items()}
    trunk_state = {f"net.{name}": each for name, each in model.net.state_dict().items()}
    numbered = {name.replace("lin", "lins.", 1): each for name, each in heads.items()}  # lpips holds its heads twice
    fit(model, scaling | trunk_state | heads | numbered, f"LPIPS {net}")
    return model.eval().requires_grad_(False)


@functools.lru_cache(maxsize=4)
def lpips_features(net: str, device: torch.device) -> Features:
    """What LPIPS v0.1 compares on a key of TRUNKS, with its published weights, frozen. Raises Unavailable."""
    features = build_features(net, trunk(TRUNKS[net]).tensors)
    return features.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def build_features(net: str, tensors: dict[str, Tensor]) -> Features:
    """As build_lpips, without importing its packages. Raises Unavailable."""
    with torch.device("meta"):
        features = Features(net)
    wanted = features.layers.state_dict().keys()
    fit(features.layers, {name: each for name, each in tensors.items() if name in wanted}, f"LPIPS {net} trunk")
    heads = _heads(net)
    features.heads = [heads[f"lin{number}.model.1.weight"].flatten() for number in range(len(features.seen))]
    return features.eval().requires_grad_(False)


def _heads(net: str) -> dict[str, Tensor]:
    package = importlib.util.find_spec("lpips")
    if package is None or package.origin is None:
        raise Unavailable("the package lpips, which holds the weights of its heads, is not installed")
    return read(Path(package.origin).parent / "weights" / "v0.1" / f"{net}.pth")
