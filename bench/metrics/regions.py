"""The parts of a picture that are scored apart, and the mean of a score map over them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

RING = 8  # width in pixels of the band around the lost region, where seams show


def regions(mask: Tensor) -> dict[str, Tensor]:
    """The regions of pictures by name, each float32 N×1×H×W of 0/1.

    mask: N×1×H×W, 1 = lost. whole: every pixel. lost: the mask. boundary: pixels not lost at most 8 px from a lost one
    along both axes (dilation by a 17×17 square). kept: all pixels not lost. Some may be empty: an all-ones mask leaves
    only whole and lost.
    """
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise ValueError(f"mask: expected N×1×H×W, got {'×'.join(map(str, mask.shape))}")
    lost = (mask > 0.5).float()
    kept = 1 - lost
    side = 2 * RING + 1
    rows = F.max_pool2d(lost, (1, side), stride=1, padding=(0, RING))
    near = F.max_pool2d(rows, (side, 1), stride=1, padding=(RING, 0))
    return {"whole": torch.ones_like(lost), "lost": lost, "boundary": near * kept, "kept": kept}


def region_mean(maps: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of score maps over regions, float64: rows are summed in the maps' precision, then in float64.

    maps: N×C×H×W. weights: N×R×H×W in [0, 1]. Returns N×C×R; NaN where a region has no weight.
    """
    counts = _sum(weights)
    whole = (counts == maps.shape[-2] * maps.shape[-1]).all(0).tolist()  # nothing to multiply by
    sums = [_sum(maps if all_ones else maps * weights[:, i : i + 1]) for i, all_ones in enumerate(whole)]
    return torch.stack(sums, dim=-1) / counts.unsqueeze(1)


def _sum(planes: Tensor) -> Tensor:
    return planes.sum(-1).double().sum(-1)


def is_whole(weights: Tensor) -> Tensor:
    """Which regions are the whole picture: N×R×H×W -> bool N×R."""
    return weights.flatten(2).amin(2) == 1
