"""Per-image distributions: how a method's pictures spread around its mean, on the main metric."""

from __future__ import annotations

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from bench.results.spread import means
from reports.drawings.svg import ACCENT, INK, MUTED, RULE, STYLE, figure, inline
from reports.tables.board import BASELINE, Method, TaskBoard
from reports.tables.scores import ALL

MOST = 12  # methods drawn; the degraded input is always among them
LONGEST = 22  # characters of a name
ROW = 0.27  # inches


def by_picture(board: TaskBoard, oracles: bool) -> list[tuple[Method, np.ndarray]]:
    """The leading methods of a board with a score per picture: means over seeds and levels, NaN where there is none."""
    if board.scores is None or not board.scores.by_picture(board.main):
        return []
    matrix = board.scores.matrix(board.main, ALL)
    found = [(each, means(matrix[list(each.runs)], 0)) for each in board.methods if oracles or not each.oracle]
    known = [(each, values) for each, values in found if np.isfinite(values).sum() > 1]
    inputs = [pair for pair in known if pair[0].name == BASELINE]
    others = [pair for pair in known if pair[0].name != BASELINE]
    return [*others[: MOST - len(inputs)], *inputs]


def distributions(board: TaskBoard) -> Markup | None:
    """A box per method: quartiles, the 5th to the 95th percentile, a dot for each picture beyond."""
    shown = by_picture(board, oracles=True)
    if not shown:
        return None
    with matplotlib.rc_context(STYLE):
        drawing = figure(5.2, 0.9 + ROW * len(shown))
        axes = drawing.add_subplot()
        for place, (method, values) in enumerate(shown):
            _box(
                axes, place, values[np.isfinite(values)], MUTED if method.oracle or method.name == BASELINE else ACCENT
            )
        axes.set_yticks(range(len(shown)), [_short(each.name) for each, _ in shown], color=INK)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"{board.main[0]}, {board.main[1]}, of single pictures", loc="right")
    return inline(drawing, f"{board.task}: distribution of {board.main[0]} over pictures, by method", "spread")


def _box(axes: Axes, place: int, values: np.ndarray, colour: str) -> None:
    low, first, middle, third, high = np.percentile(values, (5, 25, 50, 75, 95))
    axes.hlines(place, low, high, color=colour, linewidth=1)
    axes.barh(place, third - first, 0.5, first, facecolor=RULE, edgecolor=colour, linewidth=1, zorder=2)
    axes.vlines(middle, place - 0.25, place + 0.25, color=colour, linewidth=2, zorder=3)
    beyond = values[(values < low) | (values > high)]
    axes.plot(beyond, np.full(len(beyond), place), ".", color=colour, markersize=2.5)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
