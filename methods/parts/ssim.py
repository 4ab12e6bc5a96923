"""SSIM as a loss: differentiable, and the same number as the usual metric."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.parts.structure import WINDOW, similarity


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Mean structural similarity of two batches, a scalar; 1 for equal ones.

    first, second: N×C×H×W in [0, 1]. Gaussian window of 11 pixels, sigma 1.5, only where it lies inside the picture;
    each channel by itself (Wang et al. 2004; as `tf.image.ssim`). Raises ValueError below 11 pixels. In float32 under
    autocast too: variances are differences of near equals.
    """
    if first.shape != second.shape or min(first.shape[-2:]) < WINDOW:
        sizes = f"{tuple(first.shape)} and {tuple(second.shape)}"
        raise ValueError(f"SSIM needs two batches of one size, at least {WINDOW} pixels a side, got {sizes}")
    with torch.autocast(first.device.type, enabled=False):
        luminance, contrast = similarity(first.float(), second.float())
        return (luminance * contrast).mean()
