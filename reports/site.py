"""Writes the site: index, a page per task, leaderboard.csv. Pages work from a file, with no network."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench.results.atomic import owned, sweep
from reports.against.compare import Comparison, compare
from reports.drawings import severity
from reports.drawings.curves import curves
from reports.drawings.page import drawings
from reports.drawings.severity_page import Section, section
from reports.methods.page import Standing
from reports.publish import check_target, publish
from reports.subpages import Shell, write_against, write_methods
from reports.tables.areas import Areas, areas
from reports.tables.badge import badges
from reports.tables.board import BASELINE, TaskBoard, csv, task_board
from reports.tables.detectable import start_cells
from reports.tables.exports import readme_table
from reports.tables.made import few_seeds, made
from reports.tables.overall import csv as overall_csv
from reports.tables.overall import overall_table
from reports.tables.select import select
from reports.tables.views import cells_of, failed_rows, method_page, slim, start_references, start_rows, task_view
from reports.templating import inline, open_templates, policy
from reports.text import safe_name
from reports.viewer.gallery import METHOD, Gallery, link
from reports.viewer.task_gallery import task_gallery

VIEWER = tuple(f"viewer{part}.js" for part in ("-address", "-panes", "-side", "-pointers", ""))
TABLE = ("board-cells.js", "board-exports.js", "board.js")
CURVES = 4  # methods whose training is drawn on a task's page; all are on their own
SUMMARY = 5  # methods per task on the index, unless more share the first rank


@dataclass(frozen=True)
class Page:
    """Everything a task's templates read."""

    board: TaskBoard
    href: str
    view: dict[str, Any] | None  # None when nothing has been scored
    gallery: Gallery | None  # None when no run kept pictures
    made: dict[str, Any]
    severity: Section | None  # None without the input's own scores on several levels
    areas: Areas | None  # None where every picture loses the same, or without the input's own scores


def build(runs: Path, site: Path, against: Path | None = None) -> Path:
    """Make the board of all runs under `runs` in the folder `site`; returns the path of its index.html.

    against: another folder of runs, the older one; the site then also has a page on what rose and fell since.
    Pages are built aside, in a hidden folder, and moved in whole, the index last. Raises UserError when there are no
    runs, a run cannot be read, nothing can be compared, or `site` holds pages that this did not make.
    """
    check_target(site)
    boards = [task_board(selection) for selection in select(runs)]
    compared = None if against is None else compare(boards, against)
    site.mkdir(parents=True, exist_ok=True)
    sweep(site, deep=False)
    with tempfile.TemporaryDirectory(dir=site, prefix=owned()) as temporary:
        draft = Path(temporary)
        _write(boards, draft, compared)
        publish(draft, site)
    return site / "index.html"


def _write(boards: list[TaskBoard], site: Path, compared: Comparison | None) -> None:
    """All files of the site."""
    curved = {board.task: severity.over_severity(board) for board in boards}
    pages = [_page(board, curved[board.task], site) for board in boards]
    templates = open_templates()
    templates.globals["link"] = link
    style = inline("style.css", "viewer.css")
    theme, table = inline("theme.js"), [inline(name) for name in TABLE]
    common = {"pages": pages, "style": style, "theme": theme, "compared": compared is not None}
    drawn = {page.board.task: curves(page.board) for page in pages}
    for page in pages:
        scripts = [*(viewer_scripts() if page.gallery else []), *(table if page.view else [])]
        context = {**common, "scripts": scripts, "csp": policy(style, [theme, *scripts])}
        context |= _task_context(page) | {"curves": drawn[page.board.task]}
        _put(site / page.href, templates.get_template("task.html").render(context))
    shell = Shell(templates, common, style + inline("subpages.css"), viewer_scripts(), policy, site)
    write_methods(shell, [Standing(page.board, page.href, page.view, drawn[page.board.task]) for page in pages])
    if compared is not None:
        write_against(shell, compared)
    context = {**common, "scripts": [], "csp": policy(style, [theme]), "gallery": None}
    over_all = overall_table(boards)
    context |= {"sections": [_section(page) for page in pages], "warnings": few_seeds(boards), "overall": over_all}
    context["hrefs"] = {page.board.task: page.href for page in pages}
    if over_all:
        _put(site / "overall.csv", overall_csv(over_all))
    (site / "badges").mkdir()
    for name, text in badges(boards, over_all, templates.get_template("badge.svg")).items():
        _put(site / name, text)
    _put(site / "README-table.md", readme_table(boards))
    _put(site / "leaderboard.csv", csv(boards))
    _put(site / "severity.csv", severity.csv([each for each in curved.values() if each is not None]))
    _put(site / "index.html", templates.get_template("index.html").render(context))


def _task_context(page: Page) -> dict[str, Any]:
    """What the template of a task reads, without what all pages share."""
    view: dict[str, Any] = {}
    if page.view:
        view = {
            "rows": start_rows(page.view),
            "references": start_references(page.view),
            "slim": slim(page.view),
            "detectable": start_cells(page.view),
        }
    return {
        **view,
        "page": page,
        "failed": failed_rows(page.board),
        "gallery": page.gallery.data() if page.gallery else None,
        "most_curves": CURVES,
        "method_page": method_page,
        "drawings": drawings(page.board),
    }


def _put(path: Path, text: str) -> None:
    """Write a text file the same way on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def _page(board: TaskBoard, curved: severity.Severity | None, site: Path) -> Page:
    view = task_view(board) if board.scores else None
    over = section(curved, view) if curved and view else None
    by_area = areas(board, view) if view else None
    return Page(board, f"{safe_name(board.task)}.html", view, task_gallery(board, site), made(board), over, by_area)


def _section(page: Page) -> dict[str, Any]:
    """A task on the index: its best methods by the main metric, the degraded input, and one strip of pictures."""
    if page.view is None:
        return {"page": page, "columns": [], "rows": [], "strip": []}
    start = page.view["start"]
    columns = page.view["shown"]["overview"][:3]
    table = start_rows(page.view)
    ranked = [row for row in table if not row["oracle"] and row["rank"] is not None]
    best = [row for row in ranked if row["rank"] == 1]
    shown = ranked[: max(SUMMARY, len(best))]
    rows = shown + [row for row in ranked[len(shown) :] if row["name"] == BASELINE]
    rows = [{**row, "cells": row["cells"][: len(columns)]} for row in rows]
    strip = _few_columns(page.gallery) if page.gallery else []
    return {"page": page, "columns": columns, "rows": rows, "strip": strip, "cells": cells_of, "start": start}


def _few_columns(gallery: Gallery) -> list[int]:
    """For a small strip: the degraded picture, the first three methods that kept it, the truth."""
    src = gallery.pictures[0].src
    methods = [index for index, column in enumerate(gallery.columns) if column.kind == METHOD and src[index]]
    return [0, *methods[:3], len(src) - 1]


def viewer_scripts() -> list[Markup]:
    """The scripts of the picture viewer, for pages that have a gallery, in the order they need."""
    return [inline(name) for name in VIEWER]
