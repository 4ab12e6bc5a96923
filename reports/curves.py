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
from reports.select import Entry
from reports.svg import INK, SERIES, STYLE, inline, tick
from reports.tables import TaskBoard

PANELS = 8  # scalars drawn per method
POINTS = 240  # per line


@dataclass(frozen=True)
class Curves:
    """The training curves of one method: a drawing per scalar, one line per seed."""

    method: str
    seeds: tuple[int, ...]
    drawings: tuple[Markup, ...]


def curves(board: TaskBoard) -> list[Curves]:
    """Training curves of every run that logged any, finished or not; board order, then those that failed."""
    order = {method.name: position for position, method in enumerate(board.methods)}
    grouped: dict[str, list[tuple[Entry, pd.DataFrame]]] = {}
    for entry in sorted(board.selection.entries, key=lambda e: (order.get(e.run.method, len(order)), e.run.method)):
        scalars = read_scalars(entry.folder)
        if "images" in scalars and len(scalars) > 1:
            grouped.setdefault(entry.run.method, []).append((entry, scalars))
    return [_curves(name, runs, f"curve-{index}") for index, (name, runs) in enumerate(grouped.items())]


def _curves(method: str, runs: Sequence[tuple[Entry, pd.DataFrame]], prefix: str) -> Curves:
    names = list(dict.fromkeys(name for _, table in runs for name in table.columns if name != "images"))[:PANELS]
    drawings = []
    for index, name in enumerate(names):
        with matplotlib.rc_context(STYLE):
            drawing = Figure(figsize=(3.6, 2.0))  # fixed margins: these are many, and laying out is slow
            axes = drawing.add_axes((0.14, 0.14, 0.82, 0.72))
            for position, (_, table) in enumerate(runs):
                if name in table:
                    _line(axes, table, name, SERIES[position % len(SERIES)])
            axes.set_title(name, loc="left", fontsize=10, color=INK)
            _plain(axes)
        drawings.append(inline(drawing, f"{name} of {method} against pictures seen", f"{prefix}-{index}"))
    return Curves(method, tuple(entry.run.seed for entry, _ in runs), tuple(drawings))


def _line(axes: Axes, table: pd.DataFrame, name: str, colour: str) -> None:
    """One seed's scalar, thinned by averaging neighbours."""
    values = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
    images = table["images"].to_numpy(float)
    step = max(1, -(-len(values) // POINTS))
    groups = np.arange(len(values)) // step
    thin = pd.DataFrame({"x": images, "y": values}).groupby(groups).mean()
    axes.plot(thin["x"], thin["y"], color=colour, linewidth=1.2)


def _plain(axes: Axes) -> None:
    axes.grid(axis="x", visible=False)
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
