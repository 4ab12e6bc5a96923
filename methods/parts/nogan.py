"""The NoGAN schedule: generator alone, critic alone on its fakes, a short GAN; the last two repeated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.base import Batch

GENERATOR, CRITIC, GAN = "generator", "critic", "gan"
PRETRAINING = ((0.55, 0.5, 1.0), (0.27, 0.75, 0.3), (0.18, 1.0, 0.1))  # part of the time, side, rate
WARM_UP = 0.3  # part of a stage in which its rate rises
FIRST_RATE, LAST_RATE = 1 / 25, 1e-4  # of a stage's rate


@dataclass(frozen=True)
class Stage:
    """What is trained between two points of the budget, on which part of the side, at which part of its full rate."""

    kind: str
    start: float
    end: float
    side: float
    rate: float

    def factor(self, progress: float) -> float:
        """On the full learning rate: one cycle per stage (Smith 2018, as fastai 1), constant in the GAN."""
        if self.kind == GAN:
            return self.rate
        done = min(1.0, max(0.0, (progress - self.start) / (self.end - self.start)))
        if done < WARM_UP:
            return self.rate * _between(FIRST_RATE, 1.0, done / WARM_UP)
        return self.rate * _between(1.0, LAST_RATE, (done - WARM_UP) / (1 - WARM_UP))


def schedule(pretraining: float, cycles: int, gan_part: float) -> tuple[Stage, ...]:
    """All stages in order, from 0 to 1.

    pretraining: part of the budget for the generator alone, in three stages of growing sides; 1 = no critic. The rest
    is split evenly into `cycles`, each ending in a GAN of the given part. The critic's first turn begins on smaller
    pictures at the full rate, and only its end, like all later turns, is at full size and a tenth of the rate.
    """
    if not 0 < pretraining <= 1 or cycles < 1 or not 0 < gan_part < 1:
        raise ValueError(
            "NoGAN needs 0 < pretraining <= 1, cycles >= 1 and 0 < gan_part < 1, "
            f"got {pretraining}, {cycles} and {gan_part}"
        )
    plan = [(GENERATOR, part * pretraining, side, rate) for part, side, rate in PRETRAINING]
    if pretraining < 1:
        cycle = (1 - pretraining) / cycles
        alone = cycle * (1 - gan_part)
        for index in range(cycles):
            if index == 0:
                plan += [(CRITIC, 0.6 * alone, 0.75, 1.0), (CRITIC, 0.4 * alone, 1.0, 0.1)]
            else:
                plan.append((CRITIC, alone, 1.0, 0.1))
            plan.append((GAN, cycle * gan_part, 1.0, 1.0))
    stages, start = [], 0.0
    for kind, length, side, rate in plan:
        stages.append(Stage(kind, start, start + length, side, rate))
        start += length
    return tuple(stages)


def stage_at(stages: tuple[Stage, ...], progress: float) -> Stage:
    """The stage a point of the budget lies in."""
    return next((stage for stage in stages if progress < stage.end), stages[-1])


def cut(batch: Batch, part: float, least: int) -> tuple[Tensor, Tensor]:
    """Degraded and clean, a window of about `part` of the side at a random place, drawn from the global generator.

    The window is a multiple of 32 and no smaller than `least`, or the whole picture where that is smaller. A window and
    not a reduction: that would change the size of what is to be removed.
    """
    height, width = batch.clean.shape[2:]
    side = max(least, 32 * round(part * min(height, width) / 32))
    high, wide = min(side, height), min(side, width)
    if (high, wide) == (height, width):
        return batch.degraded, batch.clean
    top, left = (int(torch.randint(room + 1, ())) for room in (height - high, width - wide))
    window = (..., slice(top, top + high), slice(left, left + wide))
    return batch.degraded[window], batch.clean[window]


class Switch(nn.Module):
    """DeOldify's adaptive switch: the critic until its loss is below the threshold, then the generator once.

    Its memory is in buffers. cap: after so many critic steps in a row the generator's turn comes anyway; 0 = never.
    """

    ready: Tensor
    run: Tensor

    def __init__(self, threshold: float, cap: int) -> None:
        super().__init__()
        self.threshold = threshold
        self.cap = cap
        self.register_buffer("ready", torch.zeros((), dtype=torch.int64))
        self.register_buffer("run", torch.zeros((), dtype=torch.int64))

    def generator_next(self) -> bool:
        """Whether the generator has the next step. Reads from the device."""
        return bool(self.ready.item())

    def after_critic(self, loss: Tensor) -> None:
        """Note a step of the critic within the GAN, and its loss."""
        self.run += 1
        ready = loss.detach() < self.threshold
        if self.cap:
            ready = ready | (self.run >= self.cap)
        self.ready.copy_(ready)

    def reset(self) -> None:
        """Begin anew with the critic."""
        self.run.zero_()
        self.ready.zero_()


def _between(start: float, end: float, part: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))
