"""What every score is computed on: float32 RGB in [0, 1], rounded to the uint8 grid a saved picture has."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SLACK = 1e-3  # overshoot of a network's last layer or of resampling; more than this is another range


def to_grid(pictures: Tensor, what: str = "pictures") -> Tensor:
    """Clip to [0, 1] and round to multiples of 1/255.

    pictures: floating N×3×H×W. Returns float32 of the same shape on the same device, detached.
    Raises ValueError when it is no such tensor, holds NaN, or lies outside [0, 1] by more than 0.001.
    """
    if not isinstance(pictures, Tensor):
        raise ValueError(f"{what}: expected a float tensor N×3×H×W, got {type(pictures).__name__}")
    if not pictures.is_floating_point():
        raise ValueError(f"{what}: expected floats in [0, 1], got {pictures.dtype}; convert with .float() / 255")
    if pictures.ndim != 4 or pictures.shape[1] != 3 or pictures.numel() == 0:
        shape = "×".join(map(str, pictures.shape)) or "a single number"
        raise ValueError(f"{what}: expected N×3×H×W (RGB, no alpha), got {shape}")
    _check_range(pictures, what)
    return pictures.detach().float().clamp(0, 1).mul_(255).round_().div_(255)  # clamp's copy is ours to change


def _check_range(pictures: Tensor, what: str) -> None:
    low, high = torch.stack(torch.aminmax(pictures.detach())).tolist()  # one synchronisation on a GPU
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{what}: holds NaN or infinity")
    if low >= -SLACK and high <= 1 + SLACK:
        return
    if high > 2:
        hint = "divide [0, 255] pictures by 255"
    elif low < -SLACK:
        hint = "map [-1, 1] pictures by (x + 1) / 2"
    else:
        hint = "clip them first if that is meant"
    raise ValueError(f"{what}: values lie in [{low:.4g}, {high:.4g}], expected [0, 1]; {hint}")


def to_uint8(pictures: Tensor) -> np.ndarray:
    """Pictures on the grid, float N×3×H×W in [0, 1], as uint8 N×H×W×3 RGB on the CPU."""
    return pictures.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def studio_luma(pictures: Tensor) -> Tensor:
    """BT.601 studio-range luma as MATLAB's rgb2ycbcr gives for uint8 pictures: N×3×H×W in [0, 1] -> float64 N×H×W.

    Black is 16/255, white 235/255, all values whole multiples of 1/255. MATLAB's order of operations, since one colour
    in a million lies half way between two levels: the published gray LIVE1 follows from its colours to the last pixel.
    """
    red, green, blue = (
        level * (weight * (1 / 255))
        for level, weight in zip(pictures.mul(255).round().double().unbind(1), (65.481, 128.553, 24.966), strict=True)
    )
    return (red + green + blue).add_(16).add_(0.5).floor_() / 255


def full_luma(pictures: Tensor) -> Tensor:
    """BT.601 full-range luma 0.299 R + 0.587 G + 0.114 B, rounded: N×3×H×W in [0, 1] -> float64 N×H×W.

    A gray picture keeps its own gray.
    """
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64, device=pictures.device) * 255
    return torch.einsum("nchw,c->nhw", pictures.double(), weights).round() / 255
