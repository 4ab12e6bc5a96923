"""The rule for retrained methods: is the loss real, and large enough to matter? Plain statistics, never torch.

Scores are seeds × images on both sides, the same images. The mean loss varies with the trainings (seeds, independent on
both sides), with the images (paired), and with what is left; they are told apart as in a two-way layout with random
effects, and the error's degrees of freedom are Satterthwaite's (Biometrics Bulletin 1946). Seed noise is pooled over
both sides, and with noise measured beforehand (bench/gate/calibrate.py): a variance from three trainings alone has two
degrees of freedom, and Student's quantile there is dear. The question has one side, "worse?", so the interval has too.
tests/test_gate_rules.py holds false alarms and power by simulation; docs/gate.md prints them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtr, ndtr, stdtr, stdtrit

MOST_SEEDS, MOST_IMAGES = 30, 64  # how far `needed` looks: seeds a side, and times as many images


@dataclass(frozen=True)
class Noise:
    """How far trainings that differ in their seed alone lie apart: a standard deviation of means over the images."""

    sd: float
    freedom: int


@dataclass(frozen=True)
class Size:
    """Seeds on the two sides, and images."""

    before: int
    after: int
    images: int

    @property
    def inverse(self) -> float:
        """What the variance of a seed counts in that of the difference."""
        return 1 / self.before + 1 / self.after


@dataclass(frozen=True)
class Estimate:
    """A mean loss (positive: worse) with its standard error and degrees of freedom; 0 freedom: nothing can be said.

    trainings, images, rest: variances of one training, of the loss on one image, and of one score beyond both.
    """

    loss: float
    error: float
    freedom: float
    size: Size
    trainings: float
    images: float
    rest: float

    def p_value(self) -> float:
        """One-sided: how often noise alone would make a loss as large; NaN when nothing can be said."""
        if self.freedom <= 0:
            return math.nan
        if self.error == 0:
            return 0.0 if self.loss > 0 else 1.0
        return float(1 - stdtr(self.freedom, self.loss / self.error))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The two one-sided bounds of the loss at 1 - alpha each; infinite when nothing can be said."""
        if self.freedom <= 0:
            return -math.inf, math.inf
        reach = float(stdtrit(self.freedom, 1 - alpha)) * self.error
        return self.loss - reach, self.loss + reach


def estimate(before: np.ndarray, after: np.ndarray, trained: bool = True, noise: Noise | None = None) -> Estimate:
    """The mean loss of seeds × images scores where higher is better, all finite, the same images on both sides.

    trained: False for what has no seeds. noise: measured beforehand, pooled with what the seeds show.
    """
    size = Size(len(before), len(after), before.shape[1])
    lost = before.mean(axis=0) - after.mean(axis=0)
    free_images = size.images - 1
    per_image = float(lost.var(ddof=1)) if free_images else 0.0
    per_seed, free_seeds = _pooled_noise(before, after, noise) if trained else (0.0, math.inf)
    rest, free_rest = _residual(before, after) if trained else (0.0, 0)
    variance, freedom = _sum_of_variances(
        (per_seed * size.inverse, per_image / size.images, rest * size.inverse / size.images),
        (free_seeds, free_images, free_rest),
    )
    return Estimate(
        float(lost.mean()), math.sqrt(variance), freedom, size,
        max(per_seed - rest / size.images, 0), max(per_image - rest * size.inverse, 0), rest,
    )  # fmt: skip


def power(loss: float, error: float, freedom: float, alpha: float, matters: float = 0.0) -> float:
    """How often a true loss is found: the interval on the bad side, and the mean beyond `matters`."""
    if error == 0:
        return float(loss > matters)
    found = 1 - float(nctdtr(freedom, loss / error, stdtrit(freedom, 1 - alpha)))
    return min(found, float(ndtr((loss - matters) / error)))


def needed(found: Estimate, loss: float, matters: float, alpha: float, wanted: float) -> Size | None:
    """The fewest seeds (both sides) and then images that would find a loss as often as wanted; None if out of reach."""
    counts = [2**each for each in range(int(math.log2(MOST_IMAGES)) + 1)]
    for times, seeds in itertools.product(counts, range(2, MOST_SEEDS + 1)):
        size = Size(seeds, seeds, found.size.images * times)
        variance, freedom = _sum_of_variances(
            (
                found.trainings * size.inverse + found.rest * size.inverse / size.images,
                found.images / size.images,
                0.0,
            ),
            (2 * seeds - 2, max(size.images - 1, 1), 0),
        )
        if power(loss, math.sqrt(variance), freedom, alpha, matters) >= wanted:
            return size
    return None


def _pooled_noise(before: np.ndarray, after: np.ndarray, noise: Noise | None) -> tuple[float, int]:
    """Variance of the seeds' means within a side, and its degrees of freedom."""
    sums, freedom = 0.0, 0
    for means in (before.mean(axis=1), after.mean(axis=1)):
        sums += float(np.square(means - means.mean()).sum())
        freedom += len(means) - 1
    if noise is not None:
        sums += noise.sd**2 * noise.freedom
        freedom += noise.freedom
    return (sums / freedom if freedom else 0.0), freedom


def _residual(before: np.ndarray, after: np.ndarray) -> tuple[float, int]:
    """Variance of a score beyond its seed's and its image's mean, and its degrees of freedom."""
    sums, freedom = 0.0, 0
    for side in (before, after):
        left = side - side.mean(axis=1, keepdims=True) - side.mean(axis=0) + side.mean()
        sums += float(np.square(left).sum())
        freedom += (side.shape[0] - 1) * (side.shape[1] - 1)
    return (sums / freedom if freedom else 0.0), freedom


def _sum_of_variances(parts: tuple[float, float, float], freedoms: tuple[float, float, float]) -> tuple[float, float]:
    """The variance of a mean difference and its degrees of freedom; 0 when the trainings' part has none.

    parts: of the trainings, of the images, and of the rest, which is in both and so taken off once. Where the rest is
    no smaller than one of the two, that one is nothing but rest: the other is all there is, with its own freedom.
    """
    trainings, images, rest = parts
    if freedoms[0] <= 0:
        return max(trainings, images), 0.0
    if rest >= min(trainings, images):
        variance, freedom = max((trainings, freedoms[0]), (images, freedoms[1]))
        return variance, float(freedom) if math.isfinite(freedom) else float(max(freedoms[1], 1))
    variance = trainings + images - rest
    weight = sum(part**2 / free for part, free in zip(parts, freedoms, strict=True) if free > 0)
    return variance, variance**2 / weight
