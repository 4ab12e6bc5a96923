"""Runs a method on pictures of any size, the way a user would save the result: clipped and rounded to uint8."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.data.batches import to_tensor
from bench.training.engine import Engine
from methods.base import Method


class BadOutput(ValueError):
    """A method returned something that is not a batch of pictures. The message says what."""


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Pad N×C×H×W at the right and the bottom so that H and W divide by `multiple`.

    Reflects where the picture is large enough, else repeats its edge.
    """
    height, width = images.shape[-2:]
    down, right = -height % multiple, -width % multiple
    if not (down or right):
        return images
    mode = "reflect" if down < height and right < width else "replicate"
    return F.pad(images, (0, right, 0, down), mode=mode)


def restore_tensor(method: Method, degraded: Tensor, mask: Tensor | None) -> Tensor:
    """The method's own output for N×3×H×W of any size, padded for it and cropped back. Not clipped.

    degraded: [0, 1], on the method's device. mask: N×1×H×W or None. Raises BadOutput on a wrong type or shape.
    """
    height, width = degraded.shape[-2:]
    method.eval()
    with torch.inference_mode():
        told = None if mask is None else pad_to_multiple(mask, method.multiple_of)
        padded = pad_to_multiple(degraded, method.multiple_of)
        output = method.restore(padded, told)
    if not isinstance(output, Tensor) or output.shape != padded.shape:
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise BadOutput(f"restore returned {found} for an input of {tuple(padded.shape)}")
    return output[..., :height, :width].float()


def restore(
    method: Method, degraded: np.ndarray, mask: np.ndarray | None, engine: Engine
) -> tuple[np.ndarray, np.ndarray]:
    """Restored pictures and which of them are finite.

    degraded: uint8 N×H×W×3. mask: uint8 N×H×W of 0/1, or None where the method is not told.
    Returns uint8 N×H×W×3, and bool N: False where a value was NaN or infinite (those values become 0).
    """
    told = None if mask is None else torch.from_numpy(np.ascontiguousarray(mask))[:, None].float().to(engine.device)
    output = restore_tensor(method, to_tensor(degraded).to(engine.device), told)
    finite = torch.isfinite(output).flatten(1).all(1)
    levels = (output.nan_to_num(0, 0, 0).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy(), finite.cpu().numpy()


def predict_masks(method: Method, degraded: np.ndarray, engine: Engine) -> np.ndarray | None:
    """The lost region as the method sees it, uint8 N×H×W of 0/1, or None when it does not predict one.

    degraded: uint8 N×H×W×3. Raises BadOutput on a wrong shape.
    """
    height, width = degraded.shape[1:3]
    padded = pad_to_multiple(to_tensor(degraded).to(engine.device), method.multiple_of)
    method.eval()
    with torch.inference_mode():
        masks = method.predict_mask(padded)
    if masks is None:
        return None
    if masks.shape != padded[:, :1].shape:
        raise BadOutput(f"predict_mask returned {tuple(masks.shape)} for an input of {tuple(padded.shape)}")
    return (masks[:, 0, :height, :width] > 0.5).to(torch.uint8).cpu().numpy()
