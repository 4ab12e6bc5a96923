"""Each method over a task's levels, placed on one axis: how bad the degraded input is there. From stored scores alone.

The severity of a level is what the degraded input itself (the identity row) scores there on the main metric, so the
axis means the same for every task and method, and no name of a level has to be understood. A curve is a method's paired
gain over the input. Its area over that axis, by the trapezoid rule and divided by the axis's length, is a mean gain in
the metric's unit. That is a weighted mean over the levels, picture by picture, so it has the intervals and ranks of any
other column. Places on the axis are taken as given: their own noise is in no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from bench.results.stats import LEVEL, Column, Differences, column, holm
from reports.tables.board import BASELINE, Method, TaskBoard

CSV_COLUMNS = ("task", "method", "metric", "region", "level", "severity", "mean", "lo", "hi")


@dataclass(frozen=True)
class Crossing:
    """One method overtakes another on the way from mild to harsh damage, beyond the noise on both sides.

    mild, harsh: positions (among the methods) of the one ahead on each side. at: the severity where the lines cross.
    levels: positions of the two levels, the milder first, where the methods can be told apart.
    """

    mild: int
    harsh: int
    at: float
    levels: tuple[int, int]


@dataclass(frozen=True)
class Severity:
    """A task over its levels, from the mildest to the harshest. columns, gains and places have one entry per level.

    gains: every method minus the degraded input, paired. area, area_gains: the same, averaged over the axis.
    """

    board: TaskBoard
    base: int
    levels: tuple[str, ...]
    places: np.ndarray
    columns: tuple[Column, ...]
    gains: tuple[Differences, ...]
    area: Column
    area_gains: Differences
    crossings: tuple[Crossing, ...]

    @property
    def up(self) -> bool:
        """Whether more is better, in the metric."""
        assert self.board.scores is not None
        return bool(self.board.scores.metrics[self.board.main[0]]["higher_is_better"])

    def ranks(self) -> list[int | None]:
        """Ranks with ties by the area, in board order; oracles are ranked among themselves."""
        ranks: list[int | None] = [None] * len(self.board.methods)
        for oracle in (False, True):
            members = [index for index, method in enumerate(self.board.methods) if method.oracle == oracle]
            if members:
                for index, rank in zip(members, self.area.take(members).ranks(self.up), strict=True):
                    ranks[index] = rank
        return ranks


def over_severity(board: TaskBoard) -> Severity | None:
    """A task over its levels; None without the input's own scores per picture on two levels that differ in severity."""
    scores, methods = board.scores, board.methods
    base = next((index for index, each in enumerate(methods) if each.name == BASELINE), None)
    if scores is None or base is None or not scores.by_picture(board.main):
        return None
    tables = {level: _matrices(scores.matrix(board.main, level), methods) for level in scores.named_levels()}
    columns = {level: column(table, (board.task,)) for level, table in tables.items()}
    harsher = -1 if scores.metrics[board.main[0]]["higher_is_better"] else 1
    severities = {level: float(found.means[base]) for level, found in columns.items()}
    levels = sorted((each for each in columns if np.isfinite(severities[each])), key=lambda x: harsher * severities[x])
    places = np.array([severities[level] for level in levels])
    if len(levels) < 2 or places[0] == places[-1]:
        return None
    weights = trapezoid(places)
    stacks = zip(*(tables[level] for level in levels), strict=True)
    area = column([np.tensordot(weights, np.stack(stack), 1) for stack in stacks], (board.task,))
    found = tuple(columns[level] for level in levels)
    gains = tuple(each.differences(base) for each in found)
    crossings = tuple(_crossings(found, methods, places, -harsher))
    return Severity(board, base, tuple(levels), places, found, gains, area, area.differences(base), crossings)


def trapezoid(places: np.ndarray) -> np.ndarray:
    """What each place weighs in the mean of a curve over an axis, by the trapezoid rule; they sum to 1."""
    steps = np.diff(places)
    return np.asarray((np.append(steps, 0) + np.insert(steps, 0, 0)) / (2 * (places[-1] - places[0])))


def _matrices(matrix: np.ndarray, methods: Sequence[Method]) -> list[np.ndarray]:
    """Seeds × images per method."""
    return [matrix[list(method.runs)] for method in methods]


def _crossings(columns: Sequence[Column], methods: Sequence[Method], places: np.ndarray, sign: int) -> list[Crossing]:
    """Every pair that changes order, in board order. Oracles are compared with each other and with the input only.

    A pair counts as told apart on a level at two-sided p below 5 %, Holm-corrected over all pairs and levels of the
    task, so that noise makes no crossing in 95 % of tasks. sign: 1 where more is better, else -1.
    """
    kinds = [(each.oracle, each.name == BASELINE) for each in methods]
    pairs = [
        (a, b)
        for a, b in combinations(range(len(methods)), 2)
        if kinds[a][0] == kinds[b][0] or kinds[a][1] or kinds[b][1]
    ]
    ahead, chances = np.full((2, len(pairs), len(columns)), np.nan)
    for step, found in enumerate(columns):
        against = {b: found.differences(b) for b in {b for _, b in pairs}}
        for index, (a, b) in enumerate(pairs):
            ahead[index, step] = sign * against[b].means[a]
            alone = min(found.counts[a], found.counts[b]) < 2  # one picture has no noise to tell
            chances[index, step] = np.nan if alone else against[b].p_values([a])[0]
    apart = holm(np.nan_to_num(chances, nan=1).ravel()).reshape(chances.shape) < 1 - LEVEL
    return [each for index, pair in enumerate(pairs) for each in _changes(pair, ahead[index], apart[index], places)]


def _changes(pair: tuple[int, int], ahead: np.ndarray, apart: np.ndarray, places: np.ndarray) -> list[Crossing]:
    """Where a pair changes order. ahead: by how much its first is better, per level; apart: where that is no noise."""
    sure = [int(step) for step in np.flatnonzero(apart)]
    found = []
    for one, two in zip(sure, sure[1:], strict=False):
        if (ahead[one] > 0) == (ahead[two] > 0):
            continue
        known = [step for step in range(one, two + 1) if np.isfinite(ahead[step])]
        lines = [(a, b) for a, b in zip(known, known[1:], strict=False) if (ahead[a] > 0) != (ahead[b] > 0)]
        a, b = lines[len(lines) // 2]  # within the noise they may cross more than once: the middle one
        at = places[a] + (places[b] - places[a]) * ahead[a] / (ahead[a] - ahead[b])
        mild, harsh = pair if ahead[one] > 0 else pair[::-1]
        found.append(Crossing(mild, harsh, float(at), (one, two)))
    return found


def csv(found: Sequence[Severity]) -> str:
    """severity.csv: the main metric of every method on every level that has a place on its task's axis."""
    rows = [
        (each.board.task, method.name, *each.board.main, level, place, *(spread.mean, spread.lo, spread.hi))
        for each in found
        for level, place, scored in zip(each.levels, each.places, each.columns, strict=True)
        for method, spread in zip(each.board.methods, scored.intervals(), strict=True)
    ]
    return pd.DataFrame(rows, columns=list(CSV_COLUMNS)).to_csv(index=False, lineterminator="\n", float_format="%.6g")
