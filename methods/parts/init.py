"""Weight initialisation of the pix2pix family."""

from __future__ import annotations

from torch import nn


def init_normal(network: nn.Module, std: float = 0.02) -> None:
    """Conv weights from N(0, std), norm scales from N(1, std), every bias 0, in place, from the global generator.

    Source: Isola et al. 2017, section 6.2; junyanz/pytorch-CycleGAN-and-pix2pix, `init_weights`.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d)) and module.weight is not None:
            nn.init.normal_(module.weight, 1.0, std)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
