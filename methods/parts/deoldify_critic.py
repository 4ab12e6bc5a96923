"""DeOldify's critic: judges a picture by itself, patch by patch."""

from __future__ import annotations

from torch import Tensor, nn

from methods.parts.spectral import SelfAttention, spectral, spectral_conv


class DeOldifyCritic(nn.Module):
    """jantic/DeOldify `custom_gan_critic`, the same in mameli/Artifact_Removal_GAN.

    Spectral norm on every convolution, LeakyReLU(0.2), no batch norm; dropout of whole channels; self-attention after
    the second halving. Side S gives (S / 2**(blocks + 1) - 3)² logits of receptive field 154 with 3 blocks.
    """

    def __init__(self, base: int = 256, blocks: int = 3, dropout: float = 0.15) -> None:
        super().__init__()
        if base < 1 or blocks < 1:
            raise ValueError(f"a critic needs base >= 1 and blocks >= 1, got {base} and {blocks}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {dropout}")
        self.least_side = 4 * 2 ** (blocks + 1)  # gives one logit
        layers: list[nn.Module] = [spectral_conv(3, base, 4, 2), nn.LeakyReLU(0.2), nn.Dropout2d(dropout / 2)]
        channels = base
        for index in range(blocks):
            layers += [spectral_conv(channels, channels), nn.LeakyReLU(0.2), nn.Dropout2d(dropout)]
            layers += [spectral_conv(channels, 2 * channels, 4, 2), nn.LeakyReLU(0.2)]
            channels *= 2
            if index == 0:
                layers.append(SelfAttention(channels))
        layers += [spectral_conv(channels, channels), nn.LeakyReLU(0.2)]
        layers.append(spectral(nn.Conv2d(channels, 1, 4, bias=False)))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """N×3×H×W, both sides at least `least_side`, to logits N×1×h×w, positive = looks real."""
        return self.layers(images)
