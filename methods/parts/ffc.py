"""Fast Fourier convolution: a local branch, and a global one that mixes whole pictures in the frequency domain."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Split(NamedTuple):
    """Channels of the local and of the global branch."""

    near: int
    wide: int


class Pair(NamedTuple):
    """Maps of the local and of the global branch, of one size; wide is None where there is no global branch."""

    near: Tensor
    wide: Tensor | None


def split(channels: int, share: float) -> Split:
    """`channels` with the given share of them global, both branches non-empty."""
    wide = int(channels * share)
    if not 0 < wide < channels:
        raise ValueError(
            f"a global share of {share} of {channels} channels leaves a branch empty; it must lie within 0..1"
        )
    return Split(channels - wide, wide)


class FourierUnit(nn.Module):
    """Real FFT, a 1×1 conv over real and imaginary parts with batch norm and ReLU, and back.

    Every output pixel depends on every input pixel. In float32 also under autocast: there is no FFT in bf16, and a
    spectrum's range is too wide for it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(2 * channels, 2 * channels, 1, bias=False), nn.BatchNorm2d(2 * channels), nn.ReLU()
        )

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W of any size, float32 of the same shape out."""
        count, channels, height, width = features.shape
        with torch.autocast(features.device.type, enabled=False):
            spectrum = torch.view_as_real(torch.fft.rfft2(features.float(), norm="ortho"))
            parts = spectrum.permute(0, 1, 4, 2, 3).reshape(count, 2 * channels, height, width // 2 + 1)
            mixed = self.mix(parts).reshape(count, channels, 2, height, width // 2 + 1).permute(0, 1, 3, 4, 2)
            return torch.fft.irfft2(torch.view_as_complex(mixed.contiguous()), s=(height, width), norm="ortho")


class SpectralTransform(nn.Module):
    """Global to global: 1×1 to half the channels, batch norm, ReLU; plus its Fourier unit; 1×1 to the output."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        half = max(1, target // 2)
        self.enter = nn.Sequential(nn.Conv2d(source, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU())
        self.fourier = FourierUnit(half)
        self.leave = nn.Conv2d(half, target, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """N×source×H×W to N×target×H×W."""
        entered = self.enter(features)
        return self.leave(entered + self.fourier(entered))


class FfcLayer(nn.Module):
    """One FFC (Chi et al. 2020), batch norm and ReLU in each branch. A target without global channels has none.

    near to near, near to wide, wide to near: 3×3 convs, reflected edges, no bias; wide to wide: a spectral transform,
    which needs stride 1.
    """

    def __init__(self, source: Split, target: Split, stride: int = 1) -> None:
        super().__init__()
        self.near_near = _conv3(source.near, target.near, stride)
        self.near_wide = _conv3(source.near, target.wide, stride)
        self.wide_near = _conv3(source.wide, target.near, stride) if source.wide else None
        self.wide_wide = SpectralTransform(source.wide, target.wide) if source.wide else None
        self.finish_near = nn.Sequential(nn.BatchNorm2d(target.near), nn.ReLU())
        self.finish_wide = nn.Sequential(nn.BatchNorm2d(target.wide), nn.ReLU())

    def forward(self, features: Pair) -> Pair:
        """Maps of both branches."""
        near, wide = self.near_near(features.near), self.near_wide(features.near)
        if features.wide is not None and self.wide_near is not None and self.wide_wide is not None:
            near, wide = near + self.wide_near(features.wide), wide + self.wide_wide(features.wide)
        return Pair(self.finish_near(near), self.finish_wide(wide))


class FfcBlock(nn.Module):
    """Two FFC layers beside a skip."""

    def __init__(self, channels: Split) -> None:
        super().__init__()
        self.first, self.second = FfcLayer(channels, channels), FfcLayer(channels, channels)

    def forward(self, features: Pair) -> Pair:
        """Maps of both branches, same shapes out."""
        change = self.second(self.first(features))
        assert features.wide is not None and change.wide is not None
        return Pair(features.near + change.near, features.wide + change.wide)


class FfcGenerator(nn.Module):
    """LaMa's generator (saic `FFCResNetGenerator`): plain convs down to 1 / 2**downs, FFC blocks, plain convs up.

    The last conv down splits the channels into branches. base doubles at every halving; share of the innermost
    channels is global.
    """

    def __init__(self, base: int, downs: int, blocks: int, share: float) -> None:
        super().__init__()
        if min(base, downs, blocks) < 1:
            raise ValueError(f"an FFC generator needs base, downs and blocks >= 1, got {base}, {downs} and {blocks}")
        inner = split(base * 2**downs, share)
        stem: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(4, base, 7, bias=False), *_finish(base)]
        for level in range(downs - 1):
            target = base * 2 ** (level + 1)
            stem += [_conv3(target // 2, target, 2), *_finish(target)]
        self.stem = nn.Sequential(*stem)
        self.fork = FfcLayer(Split(base * 2 ** (downs - 1), 0), inner, stride=2)
        self.blocks = nn.ModuleList(FfcBlock(inner) for _ in range(blocks))
        ups: list[nn.Module] = []
        for level in range(downs, 0, -1):
            target = base * 2 ** (level - 1)
            ups += [nn.ConvTranspose2d(2 * target, target, 3, 2, 1, output_padding=1), *_finish(target)]
        self.ups = nn.Sequential(*ups, nn.ReflectionPad2d(3), nn.Conv2d(base, 3, 7), nn.Sigmoid())

    def forward(self, masked: Tensor) -> Tensor:
        """N×4×H×W, picture with zeros in the hole and mask, to N×3×H×W in [0, 1]; sides divide by 2**(downs + 1)."""
        features = self.fork(Pair(self.stem(masked), None))
        for block in self.blocks:
            features = block(features)
        return self.ups(torch.cat([features.near, features.wide], dim=1))


def _conv3(source: int, target: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(source, target, 3, stride, 1, bias=False, padding_mode="reflect")


def _finish(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.ReLU()
