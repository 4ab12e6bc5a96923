"""What the section "Over severity" of a task page shows: the drawing, the table of areas, and who overtakes whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.optimize import isotonic_regression

from reports.drawings.severity import Severity
from reports.drawings.svg import INK, MUTED, RULE, SERIES, STYLE, figure, inline
from reports.tables.board import BASELINE
from reports.tables.cells import position
from reports.tables.views import tie_class
from reports.text import decimals, number, signed

MARKERS = "os^Dvp"  # with the label, so that a line is known without its colour
GAP_UP, GAP_ALONG = 0.07, 0.13  # what a label takes, in parts of the axes
LONGEST = 22  # characters of a name in the drawing


@dataclass(frozen=True)
class Section:
    """All that the template places; every number already text. rest: how many methods are drawn without a name."""

    drawing: Markup
    metric: str
    rows: list[dict[str, Any]]
    crossings: list[dict[str, str]]
    rest: int
    oracles: bool


def section(severity: Severity, view: dict[str, Any]) -> Section:
    """The section of a task. view: its page's table, for names and marks of methods."""
    board, methods = severity.board, view["methods"]
    assert board.scores is not None
    matters = float(board.scores.metrics[board.main[0]]["matters"])
    order = _order(severity, methods)
    inputs = [found.intervals()[severity.base] for found in severity.columns]
    places = decimals([(each.hi - each.lo) / 2 for each in inputs], matters)
    drawn = [index for index in order if index != severity.base]
    return Section(
        _drawing(severity, drawn, [number(each, places) for each in severity.places]),
        f"{board.main[0]}, {board.main[1]}",
        _rows(severity, methods, order, matters),
        [_words(severity, index, places) for index in range(len(severity.crossings))],
        max(len(drawn) - len(SERIES), 0),
        any(methods[index]["oracle"] for index in drawn),
    )


def _order(severity: Severity, methods: Sequence[dict[str, Any]]) -> list[int]:
    """Methods by area from the best, oracles last, those without an area at the end of their kind."""
    worse = severity.area.means * (-1 if severity.up else 1)
    return sorted(range(len(methods)), key=lambda i: (methods[i]["oracle"], bool(np.isnan(worse[i])), worse[i]))


def _rows(
    severity: Severity, methods: Sequence[dict[str, Any]], order: Sequence[int], matters: float
) -> list[dict[str, Any]]:
    """The table of areas, as the board's rows: rank, bracket of ties, name, and one cell."""
    gains, margins = severity.area_gains.means, severity.area_gains.margins
    found = severity.ranks()
    shown, ranks = [methods[index] for index in order], [found[index] for index in order]
    ends = np.delete([gains - margins, gains + margins], severity.base, axis=1)
    places = decimals((ends[1] - ends[0]) / 2, matters)
    scale = (float(np.nanmin(ends)), float(np.nanmax(ends))) if np.isfinite(ends).any() else (0.0, 1.0)
    rows = []
    for row, index in enumerate(order):
        cell: dict[str, Any] = {"why": "has no score at every level"}
        if index == severity.base:
            cell = {"t": number(0, places), "r": ranks[row], "title": "the degraded input: no gain by definition"}
        elif np.isfinite(gains[index]):
            cell = {"t": signed(gains[index], places), "r": ranks[row], "title": "no interval: one picture alone"}
            if severity.area.counts[index] > 1:
                cell |= _whisker(gains[index], margins[index], scale, places)
        rows.append({**shown[row], "rank": ranks[row], "tie": tie_class(shown, ranks, row), "cells": [cell]})
    return rows


def _whisker(gain: float, margin: float, scale: tuple[float, float], places: int) -> dict[str, Any]:
    low, high = gain - margin, gain + margin
    words = "within the noise of doing nothing" if abs(gain) <= margin else "told apart from doing nothing"
    return {
        "w": [position(each, scale) for each in (low, gain, high)],
        "i": f"{signed(low, places)} … {signed(high, places)}",
        "title": f"{gain:+.4g}, 95 % interval {low:+.4g} to {high:+.4g}; {words}",
    }


def _words(severity: Severity, index: int, places: int) -> dict[str, str]:
    """One crossing's names and numbers. helps: where `method` beats the input, if the other one of the pair is that."""
    crossing, names = severity.crossings[index], [each.name for each in severity.board.methods]
    mild, harsh = names[crossing.mild], names[crossing.harsh]
    side = {crossing.mild: "harsher", crossing.harsh: "milder"}.get(severity.base, "")
    one, two = (severity.levels[level] for level in crossing.levels)
    where = {"helps": side, "at": number(crossing.at, places), "one": one, "two": two}
    return {"mild": mild, "harsh": harsh, "method": harsh if side == "harsher" else mild, **where}


def _drawing(severity: Severity, drawn: Sequence[int], told: Sequence[str]) -> Markup:
    """Gains over severity, harsher to the right and better upwards. drawn: methods, the best first."""
    board = severity.board
    with matplotlib.rc_context(STYLE):
        drawing = figure(5.2, 3.9)
        axes = drawing.add_subplot()
        axes.axhline(0, color=MUTED, linewidth=1.2)
        ends = [(0.0, BASELINE, MUTED)]
        for place, index in reversed(list(enumerate(drawn))):  # the best on top
            colour = SERIES[place] if place < len(SERIES) else RULE
            end = _line(axes, severity, index, colour, MARKERS[place % len(MARKERS)])
            if place < len(SERIES) and np.isfinite(end):
                ends.append((end, board.methods[index].name, colour))
        axes.margins(x=0.03, y=0.06)
        if severity.up:
            axes.invert_xaxis()
        else:
            axes.invert_yaxis()
        axes.yaxis.set_major_locator(MaxNLocator(5))
        _name_lines(axes, float(severity.places[-1]), ends)
        _name_levels(axes, severity, told)
        axes.set_title(f"{board.main[0]}, {board.main[1]}: gain (better upwards)", loc="left", fontsize=10, color=MUTED)
        axes.set_xlabel("what the degraded input scores (harsher to the right)", loc="right", labelpad=32)
    return inline(drawing, f"{board.task}: gain in {board.main[0]} of every method over severity", "severity")


def _line(axes: Axes, severity: Severity, index: int, colour: str, marker: str) -> float:
    """One method with its paired intervals, dashed for an oracle; returns where it ends."""
    gains = np.array([each.means[index] for each in severity.gains])
    margins = np.array([each.margins[index] for each in severity.gains])
    dashes = "--" if severity.board.methods[index].oracle else "-"
    axes.vlines(severity.places, gains - margins, gains + margins, color=colour, linewidth=0.9)
    axes.plot(severity.places, gains, dashes, color=colour, linewidth=1.5, marker=marker, markersize=4)
    return float(gains[-1])


def _name_lines(axes: Axes, last: float, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names to the right of the axes, level with the ends of their lines or joined to them."""
    spots = [axes.transLimits.transform((last, end)) for end, _, _ in ends]
    for (x, y), up, (_, name, colour) in zip(spots, apart([y for _, y in spots], GAP_UP), ends, strict=True):
        axes.plot(
            [x + 0.012, 1.03], [y, up], color=RULE, linewidth=0.7, transform=axes.transAxes, clip_on=False, zorder=1
        )
        short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        axes.text(1.04, up, short, color=colour, fontsize=9, va="center", transform=axes.transAxes)


def _name_levels(axes: Axes, severity: Severity, told: Sequence[str]) -> None:
    """Names and places of the levels below the axis, pushed apart where they would touch."""
    axes.set_xticks(severity.places, labels=[""] * len(told))
    spots = [float(axes.transLimits.transform((place, 0))[0]) for place in severity.places]
    prefix = f"{severity.board.task}_"
    for x, along, level, place in zip(spots, apart(spots, GAP_ALONG), severity.levels, told, strict=True):
        axes.plot([x, along], [0, -0.035], color=RULE, linewidth=0.7, transform=axes.transAxes, clip_on=False)
        for down, text, colour in ((-0.07, level.removeprefix(prefix), INK), (-0.13, place, MUTED)):
            axes.text(
                along,
                down,
                text[:LONGEST],
                color=colour,
                fontsize=9,
                ha="center",
                va="center",
                transform=axes.transAxes,
            )


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Places in [0, 1] that keep the order and stand at least `gap` apart, the nearest to those wanted.

    Least squares under an order is isotonic regression, here of the places less the gaps below them.
    """
    gap = min(gap, 1 / len(wanted))
    order = np.argsort(wanted, kind="stable")
    below = gap * np.arange(len(wanted))
    fitted = isotonic_regression(np.asarray(wanted, float)[order] - below).x
    found = np.empty(len(wanted))
    found[order] = np.clip(fitted, 0, 1 - below[-1]) + below
    return [float(each) for each in found]
