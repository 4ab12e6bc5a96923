"""LPIPS as a training loss. The network is frozen and kept outside every module: no checkpoint holds it."""

from __future__ import annotations

import torch
from torch import Tensor

from pretrained.perceptual import lpips_network


def lpips_loss(net: str, restored: Tensor, clean: Tensor) -> Tensor:
    """Mean LPIPS v0.1 (Zhang et al. 2018) of N×3×H×W pictures in [0, 1]; the gradient goes to `restored` alone.

    net: "vgg", "squeeze" or "alex". Raises ValueError when its weights cannot be had. Equals the lpips package to 1e-5
    for features of ordinary length; where all channels of one are zero its gradient is 0, where the package's is NaN.
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


def _unit(features: Tensor) -> Tensor:
    return features * torch.rsqrt(features.square().sum(1, keepdim=True) + 1e-10)
