"""Static badges: badge.svg for the board, badges/<method>.svg for the place of each method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from jinja2 import Template
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from reports.tables.board import BASELINE, TaskBoard
from reports.tables.overall import Overall
from reports.tables.scores import ALL
from reports.text import safe_name

LABEL = "restorebench"
FONT = FontProperties(family="DejaVu Sans", size=11)  # as wide as Verdana
PAD = 6  # px
LONGEST = 60  # characters of a message


def badges(boards: Sequence[TaskBoard], overall: Overall | None, template: Template) -> dict[str, str]:
    """Files of all badges by their path in the site. template: badge.svg."""
    methods = {each.name for board in boards for each in board.methods if each.name != BASELINE}
    date = max(entry.run.started[:10] for board in boards for entry in board.selection.entries)
    told = f"{_several(len(methods), 'method')} · {_several(len(boards), 'task')} · {date}"
    found = {"badge.svg": _draw(told, template)}
    for name, message in _places(boards, overall):
        found[f"badges/{safe_name(name)}.svg"] = _draw(message, template)
    return found


def _places(boards: Sequence[TaskBoard], overall: Overall | None) -> Iterable[tuple[str, str]]:
    """Each method's place over all tasks; of one task alone, the place there. No oracles, nor the degraded input."""
    if overall is not None:
        for row in overall.rows:
            if row["rank"] is not None and row["name"] != BASELINE:
                yield row["name"], _place(row["rank"], row["span"], overall.ranked, _several(row["tasks"], "task"))
    elif len(boards) == 1:
        rows = boards[0].rows
        main = (rows["metric"] == boards[0].main[0]) & (rows["region"] == boards[0].main[1]) & (rows["level"] == ALL)
        ranked = rows[main & ~rows["oracle"].astype(bool) & rows["rank"].notna()]
        for row in ranked[ranked["method"] != BASELINE].to_dict("records"):
            span = (row["rank_lo"], row["rank_hi"]) if pd.notna(row["rank_lo"]) else None
            yield row["method"], _place(row["rank"], span, len(ranked), boards[0].task)


def _place(rank: int, span: tuple[int, int] | None, among: int, where: str) -> str:
    """A place in words, with its interval where that is wider than one rank."""
    interval = f" ({span[0]}–{span[1]})" if span and span[0] < span[1] else ""
    return f"rank {rank}{interval} of {among} · {where}"


def _draw(message: str, template: Template) -> str:
    shown = message if len(message) <= LONGEST else f"{message[: LONGEST - 1]}…"
    left, right = (2 * PAD + _width(text) for text in (LABEL, shown))
    return template.render(label=LABEL, message=shown, left=left, right=right, pad=PAD)


def _width(text: str) -> int:
    """Pixels that a text takes."""
    return max(1, round(TextPath((0, 0), text, prop=FONT).get_extents().width))


def _several(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count != 1 else ''}"
