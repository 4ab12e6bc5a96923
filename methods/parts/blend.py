"""Poisson blending of a filled hole into the picture around it: Image completion's post-processing."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

PAD = 16  # cv2.seamlessClone clears a rim of the picture and fails when the hole's box reaches beyond it
RADIUS = 1.0  # of Telea's inpainting, as the authors set it


def blended(degraded: Tensor, output: Tensor, mask: Tensor) -> Tensor:
    """Each picture's hole filled by `poisson_fill`, one by one on the CPU, in 8 bits.

    degraded, output: N×3×H×W in [0, 1]. mask: N×1×H×W, 1 = lost. Shape, type and device as degraded.
    """
    holes = (mask[:, 0] > 0.5).cpu().numpy()
    filled = [poisson_fill(*each) for each in zip(_pixels(degraded), _pixels(output), holes, strict=True)]
    stacked = torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2)
    return (stacked.to(degraded.device, degraded.dtype) / 255).contiguous()


def poisson_fill(image: np.ndarray, filling: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture with its hole filled: gradients of `filling`, colours that fit the hole's rim.

    image, filling: uint8 H×W×3. hole: bool H×W, lost pixels. As the authors do: Telea's inpainting closes the hole, the
    filling is cloned onto it. OpenCV first erodes the mask by 3 pixels, so a rim that wide, and any thinner hole, stays
    Telea's. Pixels outside the hole stay as they are. Without a hole, or without anything kept, there is nothing to
    blend: the filling is laid in as it is.
    """
    if hole.all() or not hole.any():
        return np.where(hole[..., None], filling, image)
    lost = hole.astype(np.uint8) * 255
    ground = cv2.inpaint(np.ascontiguousarray(image), lost, RADIUS, cv2.INPAINT_TELEA)
    ground, filling = (np.pad(each, ((PAD, PAD), (PAD, PAD), (0, 0)), mode="edge") for each in (ground, filling))
    marked = np.pad(lost, PAD)  # a copy: seamlessClone may write into its mask
    left, top, width, height = cv2.boundingRect(marked)
    centre = (left + width // 2, top + height // 2)  # of the mask's box: seamlessClone moves the mask's middle there
    cloned = cv2.seamlessClone(filling, ground, marked, centre, cv2.NORMAL_CLONE)
    return np.where(hole[..., None], cloned[PAD:-PAD, PAD:-PAD], image)


def _pixels(images: Tensor) -> np.ndarray:
    """N×3×H×W in [0, 1] to uint8 N×H×W×3."""
    return torch.round(images.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
