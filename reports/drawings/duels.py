"""The win matrix: on how many pictures each method beats each other one, and where that is more than noise."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench.results.ranks import pairwise
from bench.results.stats import LEVEL, column, holm
from reports.drawings.distributions import by_picture
from reports.drawings.svg import ACCENT, INK, MUTED, SERIES, STYLE, figure, inline
from reports.tables.board import Method, TaskBoard
from reports.tables.scores import ALL

SIDE = 0.32  # inches of a cell
LONGEST = 16  # characters of a name


def duels(board: TaskBoard) -> Markup | None:
    """Of every two leading methods: the share of pictures on which the row is better than the column."""
    shown = by_picture(board, oracles=False)
    if board.scores is None or len(shown) < 2:
        return None
    up = bool(board.scores.metrics[board.main[0]]["higher_is_better"])
    shares = wins(np.array([values for _, values in shown]), up)
    methods = [method for method, _ in shown]
    apart = told_apart(board, methods)
    with matplotlib.rc_context(STYLE):
        drawing = figure(5.2, 1.2 + SIDE * len(shown))
        axes = drawing.add_subplot()
        for row, column_ in np.ndindex(shares.shape):
            if row != column_ and np.isfinite(shares[row, column_]):
                _cell(axes, row, column_, float(shares[row, column_]), bool(apart[row, column_]))
        _frame(axes, [each.name for each in methods])
    return inline(drawing, f"{board.task}: share of pictures on which each method beats each other one", "duels")


def wins(values: np.ndarray, up: bool) -> np.ndarray:
    """Methods × methods: share of the pictures both have on which the first is better; a draw is half a win.

    values: methods × pictures, NaN where there is no score.
    """
    worth = values * (1 if up else -1)
    first, second = worth[:, None], worth[None]
    both = np.isfinite(first) & np.isfinite(second)
    points = np.where(both, (first > second) + 0.5 * (first == second), 0).sum(axis=2)
    count = both.sum(axis=2)
    return np.asarray(np.divide(points, count, out=np.full(points.shape, np.nan), where=count > 0))


def told_apart(board: TaskBoard, methods: Sequence[Method]) -> np.ndarray:
    """Methods × methods: whether two means differ beyond the noise, at 5 %, Holm-corrected over all these pairs."""
    assert board.scores is not None
    matrix = board.scores.samples(board.main, ALL)
    chances = pairwise(column([matrix[list(each.runs)] for each in methods], (board.task,))).p_values()
    above = np.triu_indices(len(methods), 1)
    apart = np.zeros(chances.shape, bool)
    apart[above] = holm(chances[above]) < 1 - LEVEL
    return np.asarray(apart | apart.T)


def _cell(axes: Axes, row: int, column_: int, share: float, apart: bool) -> None:
    """A share in percent on a ground that tells which of the two wins, and how clearly; bold beyond the noise."""
    colour, depth = (ACCENT if share >= 0.5 else SERIES[1]), abs(share - 0.5) * 0.9
    axes.add_patch(Rectangle((column_ - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=depth, linewidth=0))
    weight = "bold" if apart else "normal"
    axes.text(
        column_, row, f"{100 * share:.0f}", ha="center", va="center", color=INK if apart else MUTED, weight=weight
    )


def _frame(axes: Axes, names: Sequence[str]) -> None:
    short = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]
    axes.set_xticks(range(len(names)), short, rotation=40, ha="left", rotation_mode="anchor", color=INK)
    axes.set_yticks(range(len(names)), short, color=INK)
    axes.xaxis.tick_top()
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_aspect("equal", anchor="NW")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
