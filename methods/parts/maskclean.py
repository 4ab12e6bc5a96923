"""Makes a predicted mask whole: specks away, pinholes closed, small islands dropped."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def clean_masks(masks: Tensor, smallest: float = 0.005, kernel: int = 3) -> Tensor:
    """N×1×H×W bool to the same, each picture by itself, on the CPU.

    Opening, then closing by a `kernel`×`kernel` square, then only connected regions (8 neighbours) of more than
    `smallest` of the area. A kernel of 1 changes nothing: opening takes away what is narrower than the kernel.
    """
    cleaned = [_clean(each, smallest, kernel) for each in masks[:, 0].cpu().numpy()]
    return torch.from_numpy(np.stack(cleaned))[:, None].to(masks.device)


def dilate(masks: Tensor, margin: int) -> Tensor:
    """N×1×H×W masks grown by `margin` pixels in all eight directions; same type and shape."""
    return functional.max_pool2d(masks, 2 * margin + 1, 1, margin) if margin else masks


def _clean(mask: np.ndarray, smallest: float, kernel: int) -> np.ndarray:
    """bool H×W in and out."""
    square = np.ones((kernel, kernel), np.uint8)
    whole = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, square)
    whole = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, square)
    _, labels, about, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    large = about[:, cv2.CC_STAT_AREA] > smallest * mask.size
    large[0] = False  # label 0 is what lies outside
    return large[labels]
