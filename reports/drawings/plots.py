"""The drawings of a task page: perception against distortion, quality against cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from reports.drawings.svg import ACCENT, MUTED, RULE, STYLE, figure, inline, tick
from reports.tables.board import BASELINE, TaskBoard
from reports.tables.scores import ALL

LABELS = 12  # methods named in a scatter; the rest are dots


@dataclass(frozen=True)
class Point:
    """One method in a scatter plot."""

    name: str
    x: float
    y: float
    oracle: bool


def perception_distortion(board: TaskBoard) -> Markup | None:
    """LPIPS against PSNR, where LPIPS could be had: the trade of Blau and Michaeli (CVPR 2018)."""
    perceptual = next((key for key in _by_preference(board) if key[0].startswith("lpips")), None)
    if perceptual is None:
        return None
    points = _points(board, ("psnr", perceptual[1]), perceptual)
    if len(points) < 2:
        return None
    with matplotlib.rc_context(STYLE):
        drawing = figure(5.2, 3.6)
        axes = drawing.add_subplot()
        _scatter(axes, points)
        axes.invert_yaxis()
        _axis_names(axes, f"psnr, {perceptual[1]} (dB, better to the right)", f"{perceptual[0]} (better upwards)")
    return inline(drawing, f"{board.task}: {perceptual[0]} against psnr of every method", "plane")


def quality_cost(board: TaskBoard) -> Markup | None:
    """The main metric against weights, with the front of methods that nothing cheaper beats."""
    points = [each for each in _points(board, ("parameters", ""), board.main) if not each.oracle]
    if board.scores is None or len(points) < 2 or not any(each.x > 0 for each in points):
        return None
    up = bool(board.scores.metrics[board.main[0]]["higher_is_better"])
    with matplotlib.rc_context(STYLE):
        drawing = figure(5.2, 3.6)
        axes = drawing.add_subplot()
        smallest = min(each.x for each in points if each.x > 0)
        axes.set_xscale("symlog", linthresh=smallest / 3, linscale=0.4)
        front = _front(points, up)
        axes.step([p.x for p in front], [p.y for p in front], color=RULE, linewidth=1.5, where="post", zorder=1)
        _scatter(axes, points)
        if not up:
            axes.invert_yaxis()
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(tick))
        _axis_names(axes, "weights used to restore", f"{board.main[0]}, {board.main[1]} (better upwards)")
    return inline(drawing, f"{board.task}: {board.main[0]} against the number of weights", "cost")


def _by_preference(board: TaskBoard) -> list[tuple[str, str]]:
    """Keys that have values, the main one first, then those on its region."""
    rows = board.rows[(board.rows["level"] == ALL) & board.rows["mean"].notna()]
    keys = list(dict.fromkeys(zip(rows["metric"], rows["region"], strict=True)))
    return sorted(keys, key=lambda key: (key != board.main, key[1] != board.main[1]))


def _points(board: TaskBoard, across: tuple[str, str], up: tuple[str, str]) -> list[Point]:
    """Methods that have both values, in board order."""
    rows = board.rows[board.rows["level"] == ALL].set_index(["metric", "region", "method"])["mean"]
    found = [
        Point(each.name, rows.get((*across, each.name), np.nan), rows.get((*up, each.name), np.nan), each.oracle)
        for each in board.methods
    ]
    return [each for each in found if np.isfinite(each.x) and np.isfinite(each.y)]


def _front(points: Sequence[Point], up: bool) -> list[Point]:
    """Points that no cheaper point equals or beats, by cost."""
    front: list[Point] = []
    for point in sorted(points, key=lambda each: (each.x, -each.y if up else each.y)):
        if not front or (point.y > front[-1].y if up else point.y < front[-1].y):
            front.append(point)
    return front


def _scatter(axes: Axes, points: Sequence[Point]) -> None:
    """Dots with direct labels; oracles are diamonds, the degraded input is a cross."""
    for point in points:
        marker = "x" if point.name == BASELINE else "D" if point.oracle else "o"
        colour = MUTED if point.oracle or point.name == BASELINE else ACCENT
        axes.plot([point.x], [point.y], marker=marker, color=colour, markersize=5, linestyle="none", zorder=3)
    axes.margins(0.12)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    drawing = axes.get_figure(root=True)
    assert drawing is not None
    drawing.draw_without_rendering()  # lays the axes out, so that positions in pixels are final
    taken: list[tuple[float, float, float, float]] = []
    for point in points[:LABELS]:
        _label(axes, point, taken)


def _label(axes: Axes, point: Point, taken: list[tuple[float, float, float, float]]) -> None:
    """Name a dot where there is room: right, left, above or below; nowhere when all are taken."""
    x, y = axes.transData.transform((point.x, point.y))
    bounds = axes.get_window_extent()
    width = 0.085 * axes.figure.dpi * len(point.name) * 0.9
    height = 0.15 * axes.figure.dpi
    choices = ((7, 0, "left"), (-7, 0, "right"), (0, 9, "center"), (0, -9, "center"), (7, 10, "left"), (7, -10, "left"))
    for right, above, align in choices:
        left = x + right - {"left": 0, "right": width, "center": width / 2}[align]
        box = (left, y + above - height / 2, left + width, y + above + height / 2)
        inside = box[0] > bounds.x0 and box[2] < bounds.x1
        if inside and not any(_overlap(box, other) for other in taken):
            taken.append(box)
            points = 72 / axes.figure.dpi
            axes.annotate(
                point.name, (point.x, point.y), (right * points, above * points), textcoords="offset points",
                ha=align, va="center", fontsize=9, in_layout=False,
            )  # fmt: skip
            return


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _axis_names(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across, loc="right")
    axes.set_title(up, loc="left", fontsize=10, color=MUTED)
