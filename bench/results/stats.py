"""Statistics of comparison: intervals, paired differences and ranks with ties, from per-image scores. Never torch.

Scores of one method are an array seeds × images; the images are the same, in the same order, for all methods compared.
Both axes are resampled, independently (the pigeonhole bootstrap; Owen, "The pigeonhole bootstrap", Annals of Applied
Statistics 2007), with the same resamples for all methods, so that what images have in common cancels in a difference.
Resampling n things understates variance by (n-1)/n, which matters for three seeds; the weights are stretched by
sqrt(n/(n-1)) to undo it (Hesterberg, "What teachers should know about the bootstrap", 2015, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from bench.seeds import seed_for

DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its percentile interval; n counts the images it stands on. NaN where there is none."""

    mean: float
    lo: float
    hi: float
    n: int


@lru_cache(maxsize=64)
def resampling_weights(n: int, *names: str | int) -> np.ndarray:
    """DRAWS × n multinomial weights of mean 1, stretched to unbiased variance; the same for the same names."""
    if n < 2:
        return np.ones((DRAWS, n))
    generator = np.random.default_rng(seed_for("bootstrap", *names, n))
    weights = generator.multinomial(n, np.full(n, 1 / n), size=DRAWS)
    return 1 + (weights - 1) * np.sqrt(n / (n - 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment of a family of p values (Scandinavian Journal of Statistics 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


@dataclass(frozen=True)
class Column:
    """One table column: what several methods scored on the same images, and how far resampling moves their means.

    values: one seeds × images array per method. means, counts: one per method (counts are images with a finite score).
    moved: DRAWS × methods, the resampled mean minus the mean. complete: whether a method has every score.
    names: what the resamples were seeded with.
    """

    values: tuple[np.ndarray, ...]
    means: np.ndarray
    counts: np.ndarray
    moved: np.ndarray
    complete: np.ndarray
    names: tuple[str | int, ...]

    def take(self, members: Sequence[int]) -> Column:
        """The column of some of its methods."""
        chosen = list(members)
        values = tuple(self.values[i] for i in chosen)
        rest = (self.moved[:, chosen], self.complete[chosen], self.names)
        return Column(values, self.means[chosen], self.counts[chosen], *rest)

    def intervals(self) -> list[Interval]:
        """A percentile interval per method; without one (NaN) when it stands on fewer than two images."""
        tail = (1 - LEVEL) / 2
        lo, hi = np.quantile(np.ascontiguousarray(self.moved.T), [tail, 1 - tail], axis=1)
        lo, hi = (np.where(self.counts > 1, self.means + side, np.nan) for side in (lo, hi))
        table = zip(self.means.tolist(), lo.tolist(), hi.tolist(), self.counts.tolist(), strict=True)
        return [Interval(*row) for row in table]

    def differences(self, reference: int) -> tuple[np.ndarray, np.ndarray]:
        """Every method minus the reference: means of the paired differences, and their standard errors."""
        differences = self.means - self.means[reference]
        errors = np.std(self.moved - self.moved[:, [reference]], axis=0)
        for index in np.flatnonzero(~(self.complete & self.complete[reference])):
            pair = _paired_column(self.values[index], self.values[reference], self.names)  # images that both have
            differences[index] = pair.means[0] - pair.means[1]
            errors[index] = np.std(pair.moved[:, 0] - pair.moved[:, 1])
        return differences, errors

    def ranks(self, higher_is_better: bool) -> list[int | None]:
        """Competition ranks (1, 1, 3) by mean; None for a method without a value.

        Going down the order, a method shares the rank of the group's leader as long as its paired difference from the
        leader is within the noise: two-sided p above 5 %, from the bootstrap standard error, Holm-corrected over all
        methods below that leader. The first that can be told apart leads the next group.
        """
        ranks: list[int | None] = [None] * len(self.means)
        direction = -1 if higher_is_better else 1
        order = [int(i) for i in np.argsort(direction * self.means, kind="stable") if np.isfinite(self.means[i])]
        position = 0
        while position < len(order):
            below = order[position + 1 :]
            differences, errors = self.differences(order[position])
            apart = holm(two_sided_p(differences[below], errors[below])) < 1 - LEVEL
            size = 1 + (int(np.argmax(apart)) if apart.any() else len(below))
            for index in order[position : position + size]:
                ranks[index] = position + 1
            position += size
        return ranks


def two_sided_p(differences: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Normal p values of differences with standard errors; 1 for a difference of nothing, 0 for one without noise."""
    scale = np.maximum(errors, 1e-12 * np.maximum(np.abs(differences), 1e-12))
    return 2 * ndtr(-np.abs(np.nan_to_num(differences)) / scale)


def column(values: Sequence[np.ndarray], names: Sequence[str | int] = ()) -> Column:
    """Resample a table column once. values: one seeds × images array per method, NaN where there is no score.

    names seed the resamples (the task, say): equal names give equal resamples. Raises ValueError on unlike images.
    """
    arrays = tuple(np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in values)
    if not arrays or len({each.shape[1] for each in arrays}) != 1 or any(each.ndim != 2 for each in arrays):
        raise ValueError(f"expected seeds × images arrays over the same images, got {[a.shape for a in arrays]}")
    seeds = np.array([len(each) for each in arrays])
    stacked = np.concatenate(arrays)
    finite = np.isfinite(stacked)
    starts = np.concatenate([[0], np.cumsum(seeds)[:-1]])
    totals = np.add.reduceat(finite.sum(axis=1), starts)
    sums = np.add.reduceat(np.where(finite, stacked, 0).sum(axis=1), starts)
    means = np.divide(sums, totals, out=np.full(len(arrays), np.nan), where=totals > 0)
    centred = np.where(finite, stacked - np.repeat(means, seeds)[:, None], 0)
    shares = centred / np.maximum(np.repeat(totals, seeds), 1)[:, None]
    rows = resampling_weights(stacked.shape[1], *names, "images") @ shares.T
    moved = np.empty((DRAWS, len(arrays)))
    for count in np.unique(seeds):  # methods with equally many seeds share the seed resamples
        which = np.flatnonzero(seeds == count)
        members = (starts[which][:, None] + np.arange(count)).ravel()
        weights = resampling_weights(int(count), *names, "seeds")
        moved[:, which] = np.einsum("dms,ds->dm", rows[:, members].reshape(DRAWS, len(which), count), weights)
    counts = np.array([np.isfinite(each).any(axis=0).sum() for each in arrays])
    complete = np.array([np.isfinite(each).all() for each in arrays])
    return Column(arrays, means, counts, moved, complete, tuple(names))


def _paired_column(a: np.ndarray, b: np.ndarray, names: Sequence[str | int]) -> Column:
    both = np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0)
    if not both.any():
        return column([np.full((1, 1), np.nan)] * 2, names)
    return column([a[:, both], b[:, both]], names)


def interval(values: np.ndarray, names: Sequence[str | int] = ()) -> Interval:
    """Mean and 95 % interval of seeds × images scores (or images alone)."""
    return column([values], names).intervals()[0]


def paired(a: np.ndarray, b: np.ndarray, names: Sequence[str | int] = ()) -> Interval:
    """Mean and 95 % interval of a - b over the images both have; seeds are paired by position where equally many."""
    first, second = (np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in (a, b))
    pair = _paired_column(first, second, names)
    mean = float(pair.means[0] - pair.means[1])
    count = int(min(pair.counts))
    if count < 2:
        return Interval(mean, np.nan, np.nan, count)
    tail = (1 - LEVEL) / 2
    lo, hi = np.quantile(pair.moved[:, 0] - pair.moved[:, 1], [tail, 1 - tail])
    return Interval(mean, float(mean + lo), float(mean + hi), count)


def ranks(values: Sequence[np.ndarray], higher_is_better: bool, names: Sequence[str | int] = ()) -> list[int | None]:
    """Ranks with ties of several methods' seeds × images scores; see Column.ranks."""
    return column(values, names).ranks(higher_is_better)
