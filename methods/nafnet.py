"""NAFNet: a regression U-Net without activation functions, the strong sober bar for every task."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Optimizer

from methods.base import Batch, Method
from methods.parts.schedule import set_rate
from methods.parts.update import descend


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of every pixel, with a scale and a shift per channel; in float32 under autocast."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W, same shape out."""
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SimpleGate(nn.Module):
    """The product of the two halves of the channels: all the non-linearity there is."""

    def forward(self, features: Tensor) -> Tensor:
        """N×2C×H×W to N×C×H×W."""
        first, second = features.chunk(2, dim=1)
        return first * second


class NafBlock(nn.Module):
    """Two residual steps, each scaled per channel by a weight that starts at 0 (Chen et al. 2022).

    Mixing in space: norm, 1×1 to 2C, depthwise 3×3, gate, times a 1×1 of the channel means, 1×1. Mixing in channels:
    norm, 1×1 to 2C, gate, 1×1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        double = 2 * channels
        self.norm1, self.norm2 = ChannelNorm(channels), ChannelNorm(channels)
        self.spread = nn.Sequential(
            nn.Conv2d(channels, double, 1), nn.Conv2d(double, double, 3, padding=1, groups=double), SimpleGate()
        )
        self.attention = nn.Conv2d(channels, channels, 1)
        self.gather = nn.Conv2d(channels, channels, 1)
        self.feed = nn.Sequential(nn.Conv2d(channels, double, 1), SimpleGate(), nn.Conv2d(channels, channels, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W, same shape out."""
        spread = self.spread(self.norm1(features))
        weighted = spread * self.attention(spread.mean((2, 3), keepdim=True))
        features = features + self.beta * self.gather(weighted)
        return features + self.gamma * self.feed(self.norm2(features))


class NafUNet(nn.Module):
    """megvii-research/NAFNet `NAFNet_arch.py`: 2×2 convs of stride 2 down, 1×1 + pixel shuffle up, skips added.

    The last conv starts at 0 (the source leaves it random), so the whole network starts as the identity.
    """

    def __init__(self, width: int, enc: tuple[int, ...], mid: int, dec: tuple[int, ...]) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(len(enc) + 1)]
        self.intro = nn.Conv2d(3, width, 3, padding=1)
        self.encoders = nn.ModuleList(_blocks(c, count) for c, count in zip(channels, enc, strict=False))
        self.downs = nn.ModuleList(nn.Conv2d(c, 2 * c, 2, 2) for c in channels[:-1])
        self.middle = _blocks(channels[-1], mid)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(2 * c, 4 * c, 1, bias=False), nn.PixelShuffle(2)) for c in channels[-2::-1]
        )
        self.decoders = nn.ModuleList(_blocks(c, count) for c, count in zip(channels[-2::-1], dec, strict=True))
        self.ending = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.ending.weight)
        nn.init.zeros_(self.ending.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """N×3×H×W in [0, 1] to the restored pictures, not clipped; H and W must divide by 2**len(enc)."""
        features = self.intro(images.contiguous(memory_format=torch.channels_last))  # what the channel norm wants
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            skips.append(encoder(features))
            features = down(skips[-1])
        features = self.middle(features)
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            features = decoder(up(features) + skips.pop())
        return images + self.ending(features)


class NafNet(Method):
    """NAFNet of Chen et al. 2022, "Simple Baselines for Image Restoration", trained on the task at hand.

    As in the source: blocks, PSNR loss, AdamW without weight decay, a cosine to 1e-7. Differs: starts as the identity;
    the mask is not an input. See docs/methods/nafnet.md.
    """

    tasks = frozenset({"mosaic", "jpeg", "erase", "facemask", "hole"})

    @dataclass(frozen=True)
    class Config:
        """Defaults are the source's for SIDD. On a small budget: width 16, enc 1 1 2, mid 2, dec 1 1 1."""

        width: int = 32
        enc: tuple[int, ...] = (2, 2, 4, 8)  # blocks per level; the side must divide by 2**len(enc)
        mid: int = 12
        dec: tuple[int, ...] = (2, 2, 2, 2)  # innermost first
        lr: float = 1e-3
        lr_end: float = 1e-7
        beta1: float = 0.9
        beta2: float = 0.9

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if not config.enc or len(config.enc) != len(config.dec):
            raise ValueError(f"enc and dec must name equally many levels, got {config.enc} and {config.dec}")
        if config.width < 1 or min(*config.enc, *config.dec, config.mid) < 0:
            raise ValueError(f"width must be at least 1 and no count negative, got {config}")
        self.multiple_of = 2 ** len(config.enc)
        self.network = NafUNet(config.width, config.enc, config.mid, config.dec)
        betas = (config.beta1, config.beta2)
        self._optimizer = AdamW(self.network.parameters(), lr=config.lr, betas=betas, weight_decay=0.0)

    def optimizers(self) -> dict[str, Optimizer]:
        """One AdamW."""
        return {"network": self._optimizer}

    def step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """One regression update."""
        fall = 0.5 * (1 + math.cos(math.pi * progress))
        set_rate(self._optimizer, self.config.lr_end + (self.config.lr - self.config.lr_end) * fall)
        loss = negative_psnr(self.network(batch.degraded), batch.clean)
        descend(self._optimizer, loss)
        return {"psnr": -loss.detach()}

    def restore(self, degraded: Tensor, mask: Tensor | None) -> Tensor:
        """The network's output, clipped. The mask is not looked at."""
        return self.network(degraded).to(degraded.dtype).clamp(0.0, 1.0)


def negative_psnr(restored: Tensor, clean: Tensor) -> Tensor:
    """Mean over the pictures of -PSNR in dB, each picture by its own error: the easy ones weigh as much as the hard."""
    errors = functional.mse_loss(restored.float(), clean, reduction="none").mean((1, 2, 3))
    return 10 / math.log(10) * torch.log(errors + 1e-8).mean()


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(NafBlock(channels) for _ in range(count)))


METHODS = {"nafnet": NafNet.Config()}
