"""Methods that break the contract as they restore or declare: one for every sentence of bench.verify.restoring."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import nn

from methods.base import Method
from tests.faults.toy import Toy


class NoTask(Toy):
    """Says not what it is for."""

    tasks = frozenset()


class UnknownTask(Toy):
    """Misspells its task."""

    tasks = frozenset({"jpgs"})


class NoMultiple(Toy):
    """Divides by its multiple, which is none."""

    multiple_of = 0


class Mute(Toy):
    __doc__ = Method.__doc__


class OpenConfig(Toy):
    """Its settings may change under way."""

    @dataclass
    class Config:
        """Not frozen."""

        width: int = 8


class DemandingConfig(Toy):
    """Cannot be built without being told."""

    @dataclass(frozen=True)
    class Config:
        """Has no default."""

        width: int


class HalfPrecision(Toy):
    """Returns halves."""

    def restore(self, degraded, mask):
        return super().restore(degraded, mask).half()


class Unclamped(Toy):
    """Returns what no picture holds."""

    def restore(self, degraded, mask):
        return degraded * 2


class InPlace(Toy):
    """Scribbles over what it was given."""

    def restore(self, degraded, mask):
        return degraded.mul_(0.5)


class WrongShape(Toy):
    """Loses a row."""

    def restore(self, degraded, mask):
        return degraded[..., :-1, :]


class BatchStatistics(Toy):
    """One picture changes what another gets."""

    def restore(self, degraded, mask):
        return (super().restore(degraded, mask) + 0.2 * degraded.mean()).clamp(0, 1)


class Alternating(Toy):
    """Every other picture comes out darker; draws nothing."""

    def __init__(self, config):
        super().__init__(config)
        self.turns = itertools.cycle((1.0, 0.9))

    def restore(self, degraded, mask):
        return super().restore(degraded, mask) * next(self.turns)


class IdleDraw(Toy):
    """Draws a number and lets it be."""

    def restore(self, degraded, mask):
        torch.rand(1)
        return super().restore(degraded, mask)


class Counting(Toy):
    """Counts the pictures it has restored."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("restored", torch.zeros(()))

    def restore(self, degraded, mask):
        self.restored += len(degraded)
        return super().restore(degraded, mask)


class Divider(Toy):
    """Divides by the area lost."""

    def restore(self, degraded, mask):
        return degraded if mask is None else degraded / mask.sum() * 0 + degraded


class MaskHungry(Toy):
    """Uses the mask without saying that it needs it."""

    def restore(self, degraded, mask):
        return degraded * (1 - mask)


class MaskShy(Toy):
    """Cannot be told the mask."""

    def restore(self, degraded, mask):
        if mask is not None:
            raise ValueError("no masks here")
        return degraded


class NanWithoutMask(Toy):
    """Finds nothing but NaN where it is not told."""

    def restore(self, degraded, mask):
        return degraded * math.nan if mask is None else degraded


class OddSizes(Toy):
    """Halves and doubles, and does not say what sizes it needs."""

    def restore(self, degraded, mask):
        half = nn.functional.avg_pool2d(degraded, 2)
        return (nn.functional.interpolate(half, scale_factor=2) + degraded) / 2


class NanAtLargeSizes(Toy):
    """Overflows where there is much to sum up."""

    def restore(self, degraded, mask):
        return degraded * (math.nan if degraded.shape[3] > 128 else 1)


FAULTS = [
    (NoTask, "declares itself", "tasks is empty"),
    (UnknownTask, "declares itself", "do not exist"),
    (NoMultiple, "declares itself", "1 or more"),
    (Mute, "declares itself", "no docstring"),
    (OpenConfig, "declares itself", "frozen=True"),
    (DemandingConfig, "declares itself", "give every setting a default"),
    (HalfPrecision, "restores pictures", "return float32"),
    (Unclamped, "restores pictures", "clamp to [0, 1]"),
    (InPlace, "restores pictures", "work on a copy"),
    (WrongShape, "restores pictures", "return the shape it was given"),
    (BatchStatistics, "keeps pictures apart", "no batch statistics"),
    (Alternating, "repeats itself", "two results"),
    (IdleDraw, "repeats itself", "use one of its own"),
    (Counting, "repeats itself", "keeps nothing from one picture to the next"),
    (Divider, "takes empty and full masks", "NaN or infinity"),
    (MaskHungry, "works with and without a mask", "without a mask"),
    (MaskShy, "works with and without a mask", "with a mask (no masks here)"),
    (NanWithoutMask, "works with and without a mask", "NaN or infinity"),
    (OddSizes, "takes any size", "set multiple_of"),
    (NanAtLargeSizes, "takes any size", "NaN or infinity at 97x131"),
]  # class, the check that finds it, part of what it says
