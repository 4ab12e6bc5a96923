"""Pictures that tests of metrics share: photographs, drawn extremes, noise."""

from __future__ import annotations

import numpy as np
import skimage.data
import torch
from hypothesis import strategies as st
from torch import Tensor


def grid(pictures: Tensor) -> Tensor:
    """Clipped to [0, 1] and rounded to the uint8 grid."""
    return pictures.clamp(0, 1).mul(255).round().div(255)


def crops(height: int, width: int) -> Tensor:
    """Two crops of the astronaut photograph on the grid, float32 2×3×H×W."""
    picture = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1) / 255
    corners = ((0, 60), (512 - height, 512 - width))
    return torch.stack([picture[:, top : top + height, left : left + width] for top, left in corners])


def grainy(pictures: Tensor, strength: float, seed: int = 0) -> Tensor:
    """Pictures with Gaussian noise, on the grid."""
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed))
    return grid(pictures + strength * noise)


def tones(left: float, right: float, side: int = 200) -> Tensor:
    """Two flat halves side by side, 1×3×side×side on the grid."""
    picture = torch.full((1, 3, side, side), left)
    picture[..., side // 2 :] = right
    return grid(picture)


@st.composite
def pairs(draw: st.DrawFn, smallest: int) -> tuple[Tensor, Tensor]:
    """Two pictures 1×3×H×W on the grid: levels, contrast and noise of their own, alike in part."""
    height, width = (draw(st.integers(smallest, smallest + 12)) for _ in range(2))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    shared = torch.rand((1, 3, height, width), generator=generator) - 0.5
    sides = []
    for _ in range(2):
        own = torch.rand(shared.shape, generator=generator) - 0.5
        level, contrast, noise = (
            draw(st.sampled_from(each)) for each in ((0, 0.1, 0.5, 1), (0, 0.02, 1), (0, 0.01, 0.5))
        )
        sides.append(grid(level + contrast * shared + noise * own))
    return sides[0], sides[1]


def shifted(pixels: np.ndarray, levels: int) -> np.ndarray:
    """A picture whose every value is off by so many levels, up where there is room and down where not."""
    wide = pixels.astype(int)
    return np.where(wide + levels <= 255, wide + levels, wide - levels).astype(np.uint8)
