"""Training curves of a task's methods, as drawings for its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.results.store import read_scalars
from reports.drawings.phases import phases
from reports.drawings.svg import INK, SERIES, STYLE, WASH, inline, tick
from reports.tables.board import TaskBoard
from reports.tables.select import Entry
from reports.text import safe_name

PANELS = 8  # scalars drawn per method
POINTS = 120  # per line: one every two pixels


@dataclass(frozen=True)
class Curves:
    """The training curves of one method: a drawing per scalar, one line per seed. phases: how many the log tells."""

    method: str
    seeds: tuple[int, ...]
    drawings: tuple[Markup, ...]
    phases: int


def curves(board: TaskBoard) -> list[Curves]:
    """Training curves of every run that logged any, finished or not; board order, then those that failed."""
    order = {method.name: position for position, method in enumerate(board.methods)}
    grouped: dict[str, list[tuple[Entry, pd.DataFrame]]] = {}
    for entry in sorted(board.selection.entries, key=lambda e: (order.get(e.run.method, len(order)), e.run.method)):
        scalars = read_scalars(entry.folder)
        if "images" in scalars and len(scalars) > 1:
            grouped.setdefault(entry.run.method, []).append((entry, scalars))
    prefix = f"curve-{safe_name(board.task)}"
    with matplotlib.rc_context(STYLE):
        axes = _sheet()
        return [_curves(axes, name, runs, f"{prefix}-{index}") for index, (name, runs) in enumerate(grouped.items())]


def _sheet() -> Axes:
    """Axes for all drawings of a task, one after another: making and laying them out takes longest."""
    axes = Figure(figsize=(3.6, 2.0)).add_axes((0.19, 0.14, 0.75, 0.72))
    axes.grid(axis="x", visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(tick))
        axis.set_major_locator(MaxNLocator(4))
    return axes


def _curves(axes: Axes, method: str, runs: Sequence[tuple[Entry, pd.DataFrame]], prefix: str) -> Curves:
    names = list(dict.fromkeys(name for _, table in runs for name in table.columns if name != "images"))[:PANELS]
    drawings = []
    longest = max((table for _, table in runs), key=len)
    begins = phases(longest)
    for index, name in enumerate(names):
        for artist in (*axes.lines, *axes.patches):
            artist.remove()
        for position, (_, table) in enumerate(runs):
            if name in table:
                _line(axes, table, name, SERIES[position % len(SERIES)])
        axes.relim()
        axes.autoscale()
        _shade(axes, begins, float(longest["images"].iloc[-1]))
        axes.set_title(name, loc="left", fontsize=10, color=INK)
        drawing = axes.get_figure(root=True)
        assert drawing is not None
        drawings.append(inline(drawing, f"{name} of {method} against pictures seen", f"{prefix}-{index}"))
    return Curves(method, tuple(entry.run.seed for entry, _ in runs), tuple(drawings), len(begins))


def _shade(axes: Axes, begins: Sequence[float], end: float) -> None:
    """Every other phase of the training on a darker ground; all drawings of a method span the whole training."""
    for place, start in enumerate(begins):
        if place % 2:
            stop = begins[place + 1] if place + 1 < len(begins) else end
            axes.axvspan(start, stop, facecolor=WASH, linewidth=0, zorder=0)
    axes.set_xlim(0, end)


def _line(axes: Axes, table: pd.DataFrame, name: str, colour: str) -> None:
    """One seed's scalar, thinned by averaging neighbours."""
    step = max(1, -(-len(table) // POINTS))
    points = table[["images", name]].apply(pd.to_numeric, errors="coerce")
    thin = points if step == 1 else points.groupby(np.arange(len(table)) // step).mean()
    axes.plot(thin["images"].to_numpy(float), thin[name].to_numpy(float), color=colour, linewidth=1.2)
