"""The patch critic: judges overlapping patches instead of whole pictures."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from methods.parts.norm import conv_bias, norm_layer


class PatchCritic(nn.Module):
    """PatchGAN (Isola et al. 2017; junyanz `NLayerDiscriminator`): 4×4 convs, pad 1, LeakyReLU(0.2).

    `layers` convs of stride 2, then two of stride 1. Receptive field 16, 34, 70, 142 for layers 1, 2, 3, 4. No norm on
    the first and the last; output is one logit per patch, a map of side S / 2**layers - 2. keras: as in TensorFlow's
    pix2pix tutorial, which has Keras's LeakyReLU(0.3) and no bias in the first conv.
    """

    def __init__(
        self, in_channels: int = 6, base: int = 64, layers: int = 3, norm: str = "instance", keras: bool = False
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"a patch critic needs at least 1 strided layer, got {layers}")
        slope = 0.3 if keras else 0.2
        modules: list[nn.Module] = [nn.Conv2d(in_channels, base, 4, 2, 1, bias=not keras), nn.LeakyReLU(slope)]
        source = base
        for index in range(1, layers + 1):
            target = base * min(2**index, 8)
            stride = 2 if index < layers else 1
            modules += [
                nn.Conv2d(source, target, 4, stride, 1, bias=conv_bias(norm)),
                norm_layer(norm, target),
                nn.LeakyReLU(slope),
            ]
            source = target
        modules.append(nn.Conv2d(source, 1, 4, 1, 1))
        self.layers = nn.Sequential(*modules)

    def forward(self, images: Tensor) -> Tensor:
        """N×in×H×W to logits N×1×h×w, positive = looks real."""
        return self.layers(images)


def judged(logits: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of a logit map against one label for every patch: the vanilla GAN loss."""
    label = logits.new_ones(()) if real else logits.new_zeros(())
    return functional.binary_cross_entropy_with_logits(logits, label.expand_as(logits))
