"""The table for a README: one line a task, written as README-table.md. The page's own exports are board-exports.js."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reports.tables.board import BASELINE, TaskBoard
from reports.tables.scores import ALL
from reports.text import NONE, decimals, number, signed

NAMES = 3  # of a group that shares the first rank
HEAD = ("task", "best", "score", "gain", "methods", "pictures")


def readme_table(boards: Sequence[TaskBoard]) -> str:
    """Per task: the methods that share the first rank on its main metric, what they score, what they gain."""
    lines = [HEAD, (":--", ":--", "--:", "--:", "--:", "--:"), *(_line(board) for board in boards)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{table}\n\nGain: over the degraded input. Methods named together cannot be told apart; oracles left out.\n"


def _line(board: TaskBoard) -> tuple[str, ...]:
    rows = board.rows
    main = (rows["metric"] == board.main[0]) & (rows["region"] == board.main[1]) & (rows["level"] == ALL)
    ranked = rows[main & ~rows["oracle"].astype(bool) & rows["rank"].notna()]
    if board.scores is None or ranked.empty:
        return (escaped(board.task), "nothing finished", NONE, NONE, "0", NONE)
    order = [each.name for each in board.methods]
    best = ranked[ranked["rank"] == 1].sort_values("method", key=lambda names: names.map(order.index))
    declared = board.scores.metrics[board.main[0]]
    places = decimals((best["hi"] - best["lo"]) / 2, float(declared["matters"]))
    named = [escaped(str(name)) for name in best["method"][:NAMES]]
    more = [f"{len(best) - NAMES} more"] if len(best) > NAMES else []
    arrow = "↑" if declared["higher_is_better"] else "↓"
    unit = f" {declared['unit']}" if declared["unit"] else ""
    methods = sum(name != BASELINE for name in ranked["method"])
    return (
        escaped(board.task),
        ", ".join(named + more),
        f"{_score(best.iloc[0], places)}{unit} {escaped(' '.join(filter(None, board.main)))} {arrow}",
        signed(float(best.iloc[0]["gain"]), places) if np.isfinite(best.iloc[0]["gain"]) else NONE,
        str(methods),
        str(sum(bool(image) for image in board.scores.images)),
    )


def _score(row: pd.Series, places: int) -> str:
    half = (row["hi"] - row["lo"]) / 2
    return number(row["mean"], places) + (f" ± {number(half, places)}" if np.isfinite(half) else "")


def escaped(text: str) -> str:
    """Text that Markdown and HTML take as text."""
    return "".join(f"&#{ord(sign)};" if sign in "\\`*{}[]<>|#&\r\n" else sign for sign in text)
