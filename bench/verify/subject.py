"""The method under test, and what the checks share."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.discovery import MethodEntry
from bench.scoring.restore import pad_to_multiple
from methods.base import Batch, Method

TASKS = frozenset({"mosaic", "jpeg", "erase", "facemask", "hole"})


class Broken(Exception):
    """A check failed. The message is one sentence with the way to mend it."""


def need(holds: bool, otherwise: str) -> None:
    """Raise Broken unless it holds."""
    if not holds:
        raise Broken(otherwise)


@dataclass(frozen=True)
class Subject:
    """The method under test, the side of the crops it is trained on, and the tasks there are."""

    entry: MethodEntry
    crop: int = 64
    tasks: frozenset[str] = TASKS

    def fresh(self, seed: int = 0) -> Method:
        """A new instance whose weights were drawn with this seed."""
        torch.manual_seed(seed)
        return self.entry.build()

    @functools.cached_property
    def trained(self) -> bool:
        """Whether it has anything to train."""
        return bool(self.fresh().optimizers())

    @functools.cached_property
    def taught(self) -> Method:
        """After two steps, in eval mode; no check may change it."""
        method = self.fresh().train()
        for progress in (0.0, 0.5) if self.trained else ():
            method.step(self.lesson(), progress)
        return method.eval()

    def lesson(self, seed: int = 0) -> Batch:
        """Four pictures to train on, of the crop's size or the next one that the method takes."""
        return damaged(4, self.side, seed)

    @functools.cached_property
    def side(self) -> int:
        """The crop's side, or the next one that the method takes."""
        multiple = self.fresh().multiple_of
        return multiple * math.ceil(self.crop / multiple)

    def told(self, mask: Tensor) -> Tensor | None:
        """The mask, if the method cannot do without."""
        return mask if self.entry.cls.needs_mask else None


def restored(method: Method, degraded: Tensor, mask: Tensor | None) -> Tensor:
    """As the harness does: padded to the method's multiple, restored, cropped. Raises Broken on another shape."""
    height, width = degraded.shape[2:]
    padded = pad_to_multiple(degraded, method.multiple_of)
    told = None if mask is None else pad_to_multiple(mask, method.multiple_of)
    with torch.inference_mode():
        output = method.restore(padded, told)
    if output.shape != padded.shape:
        raise Broken(f"restore returned {tuple(output.shape)} for {tuple(padded.shape)}; return the shape it was given")
    return output[..., :height, :width]


def damaged(count: int = 4, size: int = 64, seed: int = 0) -> Batch:
    """Smooth pictures on the 8-bit grid, each with a grey hole of its own; new tensors at every call."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 3, 6, 6), generator=generator)
    clean = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    clean = (clean.clamp(0, 1) * 255).round() / 255
    mask = torch.zeros(count, 1, size, size)
    for each, (top, left) in zip(mask, torch.randint(0, size // 2, (count, 2), generator=generator), strict=True):
        each[:, top : top + size // 3, left : left + size // 3] = 1
    return Batch(clean, torch.where(mask > 0, 128 / 255, clean), mask)
