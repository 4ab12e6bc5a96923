"""LPIPS as a training loss. The network is frozen and kept outside every module: no checkpoint holds it."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from methods.parts import pretrained

if TYPE_CHECKING:
    from lpips import LPIPS

TRUNKS = {"vgg": "vgg16", "squeeze": "squeezenet1_1"}


def lpips_loss(net: str, restored: Tensor, clean: Tensor) -> Tensor:
    """Mean LPIPS v0.1 (Zhang et al. 2018) of N×3×H×W pictures in [0, 1]; the gradient goes to `restored` alone.

    net: a key of TRUNKS. Raises ValueError when its weights cannot be had. Equals the lpips package to 1e-5 for
    features of ordinary length; where all channels of one are zero its gradient is 0, where the package's is NaN.
    """
    model = lpips_network(net, restored.device)
    with torch.no_grad():
        of_clean = model.net(model.scaling_layer(clean * 2.0 - 1.0))
    of_restored = model.net(model.scaling_layer(restored * 2.0 - 1.0))
    with torch.autocast(restored.device.type, enabled=False):  # small differences of unit vectors
        layers = [
            head((_unit(x.float()) - _unit(y.float())).square()).mean((1, 2, 3))
            for head, x, y in zip(model.lins, of_restored, of_clean, strict=True)
        ]
    return torch.stack(layers).sum(0).mean()


@functools.lru_cache(maxsize=4)
def lpips_network(net: str, device: torch.device) -> LPIPS:
    """The lpips package's network with its own heads on torchvision's trunk, in eval mode on a device.

    Built without storage, so that nothing is drawn from the random generator and no unfilled tensor can pass.
    """
    import lpips

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")  # lpips asks torchvision in a deprecated way
        model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    trunk = pretrained.trunk(TRUNKS[net]).tensors
    state = {f"scaling_layer.{name}": each for name, each in lpips.ScalingLayer().state_dict().items()}
    for name in model.net.state_dict():  # "slice2.3.bias" is the trunk's "3.bias"
        plain = name.split(".", 1)[1]
        if plain in trunk:
            state[f"net.{name}"] = trunk[plain]
    heads = pretrained.read(Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth")
    state |= heads | {name.replace("lin", "lins.", 1): each for name, each in heads.items()}  # held twice there
    try:
        model.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise ValueError(f"weights of LPIPS {net} do not fit: {' '.join(str(error).split())[:200]}") from None
    return model.eval().requires_grad_(False).to(device)


def _unit(features: Tensor) -> Tensor:
    return features * torch.rsqrt(features.square().sum(1, keepdim=True) + 1e-10)
