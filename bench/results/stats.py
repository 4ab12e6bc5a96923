"""Statistics of comparison: intervals, paired differences and ranks with ties, from per-image scores. Never torch.

Scores of one method are an array seeds × images; the images are the same, in the same order, for all methods compared.
Both axes are resampled, independently (the pigeonhole bootstrap; Owen, "The pigeonhole bootstrap", Annals of Applied
Statistics 2007), with the same resamples for all methods, so that what images have in common cancels in a difference.
Resampling n things understates variance by (n-1)/n, which matters for three seeds; the weights are stretched by
sqrt(n/(n-1)) to undo it. Few seeds tell little about their own spread, so intervals are the bootstrap's
standard error times Student's quantile (bootstrap t intervals; both: Hesterberg, "What teachers should know about the
bootstrap", 2015), with Satterthwaite's degrees of freedom (bench/results/spread.py). Trainings of two methods are taken
as independent. tests/test_stats.py holds coverage and false alarms by simulation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import stdtr, stdtrit

from bench.results.spread import Spread, means
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
class Differences:
    """Every method of a column minus one of them: paired means, their standard errors, and degrees of freedom."""

    means: np.ndarray
    errors: np.ndarray
    freedom: np.ndarray

    @property
    def margins(self) -> np.ndarray:
        """Half the width of their 95 % intervals."""
        return self.errors * student(self.freedom)

    def p_values(self, chosen: Sequence[int]) -> np.ndarray:
        """Two-sided p values of some of them; 1 for a difference of nothing, 0 for one without noise."""
        each = list(chosen)
        size = np.abs(np.nan_to_num(self.means[each]))
        scale = np.maximum(self.errors[each], 1e-12 * np.maximum(size, 1e-12))
        return np.asarray(2 * stdtr(self.freedom[each], -size / scale))


@dataclass(frozen=True)
class Column:
    """One table column: what several methods scored on the same images, and how far resampling moves their means.

    values: one seeds × images array per method. means, counts: one per method (counts are images with a finite score).
    moved: DRAWS × methods, the resampled mean minus the mean. complete: whether a method has every score.
    spread: what the seeds add. names: what the resamples were seeded with.
    """

    values: tuple[np.ndarray, ...]
    means: np.ndarray
    counts: np.ndarray
    moved: np.ndarray
    complete: np.ndarray
    spread: Spread
    names: tuple[str | int, ...]

    def take(self, members: Sequence[int]) -> Column:
        """The column of some of its methods."""
        chosen = list(members)
        rest = (self.moved[:, chosen], self.complete[chosen], self.spread.take(chosen), self.names)
        return Column(tuple(self.values[i] for i in chosen), self.means[chosen], self.counts[chosen], *rest)

    def intervals(self) -> list[Interval]:
        """An interval per method; none (NaN) when it stands on fewer than two images."""
        margins = np.std(self.moved, axis=0) * student(self.spread.freedom(self.by_image()))
        margins[self.counts < 2] = np.nan
        ends = (self.means, self.means - margins, self.means + margins, self.counts)
        return [Interval(*row) for row in zip(*(each.tolist() for each in ends), strict=True)]

    def differences(self, reference: int) -> Differences:
        """Every method minus the reference, over the images both have."""
        apart, spread = self.by_image() - self.by_image()[reference], self.spread.against(reference)
        found = Differences(
            self.means - self.means[reference],
            np.std(self.moved - self.moved[:, [reference]], axis=0),
            spread.freedom(apart),
        )
        for index in np.flatnonzero(~(self.complete & self.complete[reference])):
            pair = _paired_column(self.values[index], self.values[reference], self.names)  # images that both have
            if pair.complete.all():
                one = pair.differences(1)
                found.means[index], found.errors[index], found.freedom[index] = (
                    part[0] for part in (one.means, one.errors, one.freedom)
                )
            else:
                found.means[index] = found.errors[index] = np.nan
        return found

    def by_image(self) -> np.ndarray:
        """Methods × images: means over the seeds."""
        return np.stack([means(each, 0) for each in self.values])

    def ranks(self, higher_is_better: bool) -> list[int | None]:
        """Competition ranks (1, 1, 3) by mean; None for a method without a value.

        Going down the order, a method shares the rank of the group's leader as long as its paired difference from the
        leader is within the noise: two-sided p above 5 %, from the bootstrap standard error and Student's distribution,
        Holm-corrected over all methods below that leader. The first that can be told apart leads the next group.
        """
        ranks: list[int | None] = [None] * len(self.means)
        direction = -1 if higher_is_better else 1
        order = [int(i) for i in np.argsort(direction * self.means, kind="stable") if np.isfinite(self.means[i])]
        position = 0
        while position < len(order):
            below = order[position + 1 :]
            apart = holm(self.differences(order[position]).p_values(below)) < 1 - LEVEL
            size = 1 + (int(np.argmax(apart)) if apart.any() else len(below))
            for index in order[position : position + size]:
                ranks[index] = position + 1
            position += size
        return ranks


def student(freedom: np.ndarray) -> np.ndarray:
    """How many standard errors a 95 % interval reaches."""
    return np.asarray(stdtrit(freedom, (1 + LEVEL) / 2))


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
    averages = np.divide(sums, totals, out=np.full(len(arrays), np.nan), where=totals > 0)
    centred = np.where(finite, stacked - np.repeat(averages, seeds)[:, None], 0)
    shares = centred / np.maximum(np.repeat(totals, seeds), 1)[:, None]
    rows = resampling_weights(stacked.shape[1], *names, "images") @ shares.T
    moved = np.empty((DRAWS, len(arrays)))
    for index, (start, count) in enumerate(zip(starts, seeds, strict=True)):
        own = hashlib.sha256(arrays[index].tobytes()).hexdigest()  # not its place, so that another row changes nothing
        weights = resampling_weights(int(count), *names, "seeds", own)
        moved[:, index] = np.einsum("ds,ds->d", rows[:, start : start + count], weights)
    counts = np.array([np.isfinite(each).any(axis=0).sum() for each in arrays])
    complete = np.array([np.isfinite(each).all() for each in arrays])
    return Column(arrays, averages, counts, moved, complete, Spread.of(arrays), tuple(names))


def _paired_column(a: np.ndarray, b: np.ndarray, names: Sequence[str | int]) -> Column:
    both = np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0)
    if not both.any():
        return column([np.full((1, 1), np.nan)] * 2, names)
    return column([a[:, both], b[:, both]], names)


def interval(values: np.ndarray, names: Sequence[str | int] = ()) -> Interval:
    """Mean and 95 % interval of seeds × images scores (or images alone)."""
    return column([values], names).intervals()[0]


def paired(a: np.ndarray, b: np.ndarray, names: Sequence[str | int] = ()) -> Interval:
    """Mean and 95 % interval of a - b over the images both have."""
    first, second = (np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in (a, b))
    pair = _paired_column(first, second, names)
    count = int(min(pair.counts))
    found = pair.differences(1)
    mean, margin = float(found.means[0]), float(found.margins[0]) if count > 1 else np.nan
    return Interval(mean, mean - margin, mean + margin, count)


def ranks(values: Sequence[np.ndarray], higher_is_better: bool, names: Sequence[str | int] = ()) -> list[int | None]:
    """Ranks with ties of several methods' seeds × images scores; see Column.ranks."""
    return column(values, names).ranks(higher_is_better)
