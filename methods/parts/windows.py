"""Square windows of a batch of pictures, one per picture, all of one side."""

from __future__ import annotations

import torch
from torch import Tensor


def hole_corners(mask: Tensor, side: int) -> Tensor:
    """Top-left corners of the windows centred on each hole's bounding box, moved as little as keeps them inside.

    mask: N×1×H×W, 1 = lost; side <= H and W. Returns int64 N×2 (row, column). An empty mask gives the middle. Runs on
    the mask's device without waiting for it.
    """
    lost = mask[:, 0] > 0.5
    return torch.stack([_corner(lost.any(dim), side) for dim in (2, 1)], dim=1)


def random_corners(images: Tensor, side: int) -> Tensor:
    """Corners drawn from the global generator, evenly over all places inside: int64 N×2 (row, column)."""
    count, _, height, width = images.shape
    drawn = [torch.randint(0, length - side + 1, (count,)) for length in (height, width)]
    return torch.stack(drawn, dim=1).to(images.device, non_blocking=True)


def cut(images: Tensor, corners: Tensor, side: int) -> Tensor:
    """The window of each picture: N×C×side×side."""
    steps = torch.arange(side, device=images.device)
    rows, columns = corners[:, :1] + steps, corners[:, 1:] + steps
    number = torch.arange(len(images), device=images.device)
    return images[number[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _corner(lost: Tensor, side: int) -> Tensor:
    """Start of a window of that side over the middle of what is lost along one axis; lost: bool N×length."""
    length = lost.shape[1]
    places = torch.arange(length, device=lost.device)
    first = torch.where(lost, places, length).amin(dim=1)  # length and -1 for an empty mask: their middle is the middle
    last = torch.where(lost, places, -1).amax(dim=1)
    return ((first + last + 1 - side).div(2, rounding_mode="floor")).clamp(0, length - side)
