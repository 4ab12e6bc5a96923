"""One rank over several tasks, from ranks alone: no mean of unlike metrics. Never torch.

In a task a method earns the share of its rivals there that it beats; one that shares its rank counts half (the Borda
count over tie groups). Its points are the mean over the tasks it serves, so tasks weigh the same whatever their metric
or the number of methods. A method that failed in a task was beaten there by all that did not. Methods that serve no
more than half of the tasks have points but no overall rank, and still count as rivals where they are.

Intervals are worst cases. Of every two methods in every task the data may say which is better (two-sided p below 5 %,
Holm-corrected over all pairs of all tasks). Everything else is left open: one method is surely ahead of another overall
only if no order of the open pairs could put it level or behind. With 95 % confidence all the intervals hold at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.results.ranks import Pairs, Span
from bench.results.stats import LEVEL, holm

SLACK = 1e-9  # of sums of shares


@dataclass(frozen=True)
class Standing:
    """How methods stand in one task. members: which methods, of all; ranks with ties, None for one that failed there.

    pairs: their differences in the task's main metric, members × members, NaN where one failed.
    """

    members: tuple[int, ...]
    ranks: tuple[int | None, ...]
    pairs: Pairs
    higher_is_better: bool


@dataclass(frozen=True)
class Place:
    """A method over all tasks. points: in [0, 1], NaN without a rival anywhere; rank, span: None with too few tasks."""

    points: float
    tasks: int
    rank: int | None
    span: Span | None


def overall(standings: Sequence[Standing], count: int) -> list[Place]:
    """The place of each of `count` methods. Tasks with fewer than two methods decide nothing and are left out."""
    played = [each for each in standings if len(each.members) > 1]
    served = np.zeros(count, int)
    total = np.zeros(count)
    for each in played:
        served[list(each.members)] += 1
        total[list(each.members)] += _points(_shown(each.ranks))
    points = np.divide(total, served, out=np.full(count, np.nan), where=served > 0)
    ranked = np.flatnonzero(2 * served > max(len(played), 1)) if len(played) > 1 else np.array([], int)
    sure = _surely_ahead(played, served)
    places = []
    for index in range(count):
        rank, span = None, None
        if index in ranked:
            rank = 1 + int((points[ranked] > points[index] + SLACK).sum())
            best, worst = 1 + int(sure[ranked, index].sum()), len(ranked) - int(sure[index, ranked].sum())
            span = min(best, rank), max(worst, rank)
        places.append(Place(float(points[index]), int(served[index]), rank, span))
    return places


def _shown(ranks: Sequence[int | None]) -> np.ndarray:
    """Members × members: 1 where the first beats the second, ½ where they share a rank."""
    order = np.array([np.inf if rank is None else rank for rank in ranks])
    return np.asarray((order[:, None] < order) + 0.5 * (order[:, None] == order))


def _points(beats: np.ndarray) -> np.ndarray:
    """Shares of rivals beaten, from a members × members table; the diagonal is not looked at."""
    return np.asarray((beats.sum(axis=1) - np.diag(beats)) / (len(beats) - 1))


def _known(standings: Sequence[Standing]) -> list[np.ndarray]:
    """Per task, members × members: 1 where the first surely beats the second, ½ between two that failed, else 0."""
    if not standings:
        return []
    above = [np.triu_indices(len(each.members), 1) for each in standings]
    chances = [each.pairs.p_values()[upper] for each, upper in zip(standings, above, strict=True)]
    apart = holm(np.concatenate(chances)) < 1 - LEVEL
    known = []
    parts = np.split(apart, np.cumsum([len(each) for each in chances])[:-1])
    for each, upper, part in zip(standings, above, parts, strict=True):
        sure = np.zeros((len(each.members),) * 2)
        sure[upper] = part
        ahead = each.pairs.means * (1 if each.higher_is_better else -1) > 0
        failed = np.array([rank is None for rank in each.ranks])
        least = _implied((sure + sure.T) * ahead)
        least[np.ix_(~failed, failed)] = 1
        least[np.ix_(failed, failed)] = 0.5
        known.append(least)
    return known


def _implied(sure: np.ndarray) -> np.ndarray:
    """What is known, members × members of 0 and 1, with what follows: who beats a winner beats those that it beats."""
    for _ in range(len(sure).bit_length()):
        sure = np.maximum(sure, np.minimum(sure @ sure, 1))
    return sure


def _surely_ahead(standings: Sequence[Standing], served: np.ndarray) -> np.ndarray:
    """Methods × methods: the first has more points than the second, however the open pairs are ordered."""
    most = np.zeros((len(served), len(served)))
    weight = np.divide(1, served, out=np.zeros(len(served)), where=served > 0)
    for each, least in zip(standings, _known(standings), strict=True):
        members = np.array(each.members)
        low, high, gap = _bounds(least)
        low_all, high_all = np.zeros((2, len(served)))
        low_all[members], high_all[members] = low, high
        bound = (weight * high_all)[:, None] - weight * low_all
        inside = np.ix_(members, members)
        own, other = weight[members][:, None], weight[members]
        joint = own * gap + (own - other) * np.where(own > other, high, low)
        bound[inside] = np.minimum(bound[inside], joint)
        most += bound
    np.fill_diagonal(most, 0)
    return np.asarray(most.T < -SLACK)  # most[k, i]: how many points k can have more than i


def _bounds(least: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fewest and most points of each method in a task, and the most by which the first can exceed the second.

    least: members × members, what is known (1: surely beats). What one is not known to lose, it might win; and a method
    that loses to another cannot beat any third that the other does not.
    """
    most = 1 - least.T
    np.fill_diagonal(least, 0)
    np.fill_diagonal(most, 0)
    over = most[:, None, :] - least[None, :, :]  # first, second, third
    index = np.arange(len(least))
    over[index, :, index] = over[:, index, index] = 0  # the third is another
    free = over.sum(axis=2) + 2 * most - 1
    below = np.minimum(over, 0).sum(axis=2) - 1
    return _points(least), _points(most), np.where(most == 0, below, free) / (len(least) - 1)
