"""How sure a rank is, and how small a difference could be seen: all methods of a column against all. Never torch.

A method's rank interval is a confidence set for its true rank: it is compared with every other method, two-sided, by
the paired difference that bench/results/stats.py draws, Holm-corrected over these comparisons; its rank is at least one
more than the methods that are surely better, and at most as many as are not surely worse (the marginal set of Mogstad,
Romano, Shaikh, Wilhelm, "Inference for Ranks", Review of Economic Studies 2024). Ranks of bootstrap draws would be
simpler and wrong: where methods are equal or nearly so, they hold the true rank less often than they say
(tests/test_ranks.py). As with a value's interval, it is each method's own that is right in 95 % of cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.special import nctdtrinc

from bench.results.stats import LEVEL, Column, Differences, column, holm, student

POWER = 0.8
Span = tuple[int, int]  # the best and the worst rank of an interval


@dataclass(frozen=True)
class Pairs:
    """Every method of a column minus every other: methods × methods means, standard errors and degrees of freedom.

    NaN where two methods share no image, or only one, which tells nothing of noise.
    """

    means: np.ndarray
    errors: np.ndarray
    freedom: np.ndarray

    def take(self, members: Sequence[int]) -> Pairs:
        """Of some of the methods."""
        part = np.ix_(members, members)
        return Pairs(self.means[part], self.errors[part], self.freedom[part])

    def p_values(self) -> np.ndarray:
        """Two-sided, methods × methods; 1 where nothing can be told."""
        flat = Differences(self.means.ravel(), self.errors.ravel(), self.freedom.ravel())
        found = flat.p_values(range(self.means.size)).reshape(self.means.shape)
        return np.where(np.isfinite(self.errors), found, 1.0)


def pairwise(whole: Column) -> Pairs:
    """All paired differences of a column, each over the images that both methods have.

    Methods that lack the same images are taken together, so that a column without gaps is one matrix product.
    """
    patterns: dict[bytes, list[int]] = defaultdict(list)
    scored = np.stack([np.isfinite(each).all(axis=0) for each in whole.values])
    for index, has in enumerate(scored):
        patterns[has.tobytes()].append(index)
    count = len(whole.values)
    means, errors, freedom = np.full((3, count, count), np.nan)
    for one, other in combinations_with_replacement(patterns.values(), 2):
        members = one if one is other else [*one, *other]
        both = scored[members].all(axis=0)
        if both.sum() < 2:
            continue
        part = whole.take(members) if both.all() else column([whole.values[i][:, both] for i in members], whole.names)
        place = np.ix_(members, members)
        first = np.isin(members, one)
        wanted = (first[:, None] != first) | (one is other)
        for target, found in zip((means, errors, freedom), _differences(part), strict=True):
            target[place] = np.where(wanted, found, target[place])
    return Pairs(means, errors, freedom)


def _differences(part: Column) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, standard errors and Satterthwaite's degrees of freedom of all pairs; every method has every score.

    The same figures as Column.differences, for all references at once.
    """
    moved = part.moved - part.moved.mean(axis=1, keepdims=True)  # what all share would only cost precision
    by_image = part.by_image()
    by_image = by_image - by_image.mean(axis=0)
    free = by_image.shape[1] - 1
    images = _variances(np.atleast_2d(np.cov(by_image))) / (free + 1)
    trained = part.spread.trained[:, None] + part.spread.trained
    own = np.square(part.spread.trained) / np.maximum(part.spread.seeds - 1, 1)
    weight = np.square(images) / free + own[:, None] + own
    freedom = np.divide(np.square(images + trained), weight, out=np.full_like(weight, free), where=weight > 0)
    errors = np.sqrt(_variances(np.atleast_2d(np.cov(moved.T, bias=True))))
    return part.means[:, None] - part.means, errors, freedom


def _variances(covariance: np.ndarray) -> np.ndarray:
    """Variances of all differences, from the covariance of what is subtracted."""
    alone = np.diag(covariance)
    return np.maximum(alone[:, None] + alone - 2 * covariance, 0)


def rank_intervals(pairs: Pairs, shown: Sequence[int | None], higher_is_better: bool) -> list[Span | None]:
    """A 95 % confidence set for each method's true rank; None without a rank, or where noise is unknown.

    shown: ranks with ties (Column.ranks), which the interval always holds: a method that shares the rank of a leader
    it cannot be told apart from may yet be told apart from another of the group.
    """
    ranked = [index for index, rank in enumerate(shown) if rank is not None]
    chances, ahead = pairs.p_values(), pairs.means * (1 if higher_is_better else -1)
    found: list[Span | None] = [None] * len(shown)
    for index in ranked:
        others = [each for each in ranked if each != index]
        rank = shown[index]
        if rank is None or not np.isfinite(pairs.errors[index, others]).any():
            continue
        apart = holm(chances[index, others]) < 1 - LEVEL
        better = int((apart & (ahead[index, others] < 0)).sum())
        worse = int((apart & (ahead[index, others] > 0)).sum())
        found[index] = (min(1 + better, rank), max(len(ranked) - worse, rank))
    return found


def detectable(pairs: Pairs) -> float:
    """The smallest true difference that a comparison of two methods finds in 80 % of cases.

    One comparison at 5 %, two-sided, by Student's noncentral distribution at the standard error and degrees of freedom
    of the median pair: what this many images and seeds can see. NaN where no pair has both.
    """
    above = np.triu_indices(len(pairs.means), 1)
    errors, freedom = pairs.errors[above], pairs.freedom[above]
    reach = errors * student(freedom)
    known = np.flatnonzero(np.isfinite(reach))
    if not len(known):
        return float("nan")
    middle = known[np.argsort(reach[known])[(len(known) - 1) // 2]]
    limit = float(student(freedom[middle]))
    return float(errors[middle] * nctdtrinc(freedom[middle], 1 - POWER, limit))
