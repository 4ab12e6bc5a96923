"""The foot of a table: how small a difference between two methods each column can show."""

from __future__ import annotations

from typing import Any

from reports.tables.board import BASELINE, TaskBoard
from reports.text import decimals, number

UNKNOWN = {"why": "not known: needs two methods with intervals"}


def detectable_cells(board: TaskBoard) -> dict[str, dict[str, Any]]:
    """A cell per column, by "metric|region|level"; none where the noise of a difference is unknown or nothing."""
    assert board.scores is not None
    columns = board.rows[board.rows["detectable"] > 0].drop_duplicates(["metric", "region", "level"])
    room = {"g": "", "gc": "same"} if any(method.name == BASELINE for method in board.methods) else {}  # of a gain
    return {
        f"{row.metric}|{row.region}|{row.level}": _cell(board.scores.metrics[row.metric], row.detectable) | room
        for row in columns.itertuples()
    }


def _cell(declared: dict[str, Any], smallest: float) -> dict[str, Any]:
    unit = f" {declared['unit']}" if declared["unit"] else ""
    places = decimals([smallest], 0)
    words = f"a true difference of {smallest:.3g}{unit} between two methods is found in 80 % of cases"
    matters = f"; differences below {declared['matters']:g} hardly matter" if declared["matters"] else ""
    return {"t": number(smallest, places), "title": f"{words} (one comparison at 5 %){matters}"}


def start_cells(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The foot of the table as it first stands."""
    start = view["start"]
    places = [(name, view["metrics"][name]["where"][start["region"]]) for name in view["shown"][start["show"]]]
    return [view["detectable"].get("|".join((*place, start["level"])), UNKNOWN) for place in places]
