"""Where the variance of a mean over seeds and images comes from. Never torch.

Scores of one method are an array seeds × images. Variances here are those of the mean: squares of standard errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Per method: how many seeds, and the variance that comes from choosing them (0 where there is but one)."""

    seeds: np.ndarray
    trained: np.ndarray

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray]) -> Spread:
        """Of seeds × images arrays, NaN where there is no score."""
        return cls(np.array([len(each) for each in arrays]), np.array([_variance(means(each, 1)) for each in arrays]))

    def take(self, chosen: list[int]) -> Spread:
        """Of some of the methods."""
        return Spread(self.seeds[chosen], self.trained[chosen])

    def against(self, other: int) -> Spread:
        """Of every method's difference from one of them; the number of seeds becomes Satterthwaite's for the sum."""
        trained, free = self.trained + self.trained[other], np.maximum(self.seeds - 1, 1)
        weight = np.square(self.trained) / free + np.square(self.trained[other]) / free[other]
        freedom = np.divide(np.square(trained), weight, out=np.ones_like(trained), where=weight > 0)
        return Spread(freedom + 1, trained)

    def freedom(self, by_image: np.ndarray) -> np.ndarray:
        """Satterthwaite's degrees of freedom (Biometrics Bulletin 1946) of means over seeds and images.

        by_image: methods × images, means over the seeds.
        """
        images = np.array([_variance(each) for each in by_image])
        free = np.maximum(np.isfinite(by_image).sum(axis=1) - 1, 1)
        weight = np.square(images) / free + np.square(self.trained) / np.maximum(self.seeds - 1, 1)
        return np.divide(np.square(images + self.trained), weight, out=free.astype(float), where=weight > 0)


def means(values: np.ndarray, axis: int) -> np.ndarray:
    """Means of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0).sum(axis=axis)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _variance(values: np.ndarray) -> float:
    """Variance of the mean of what is finite; 0 for fewer than two."""
    finite = values[np.isfinite(values)]
    return float(finite.var(ddof=1) / len(finite)) if len(finite) > 1 else 0.0
