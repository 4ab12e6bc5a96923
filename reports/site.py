"""Writes the site: index, a page per task, leaderboard.csv. Pages work from a file, with no network."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.errors import UserError
from bench.results.store import write_atomic
from reports import crops, plots, severity
from reports.curves import curves
from reports.made import made
from reports.select import select
from reports.severity_page import Section, section
from reports.tables import BASELINE, TaskBoard, csv, task_board
from reports.text import csp_hash, safe_name
from reports.views import cells_of, start_rows, task_view

TEMPLATES = Path(__file__).parent / "templates"
MANIFEST = ".restorebench-site.json"  # the files of the last build, so that the next can clear what it no longer has
SUMMARY = 5  # methods per task on the index, unless more share the first rank


@dataclass(frozen=True)
class Page:
    """Everything a task's templates read."""

    board: TaskBoard
    href: str
    view: dict[str, Any] | None  # None when nothing has been scored
    strips: list[crops.Strip]
    made: dict[str, Any]
    severity: Section | None  # None without the input's own scores on several levels


def build(runs: Path, site: Path) -> Path:
    """Make the board of all runs under `runs` in the folder `site`; returns the path of its index.html.

    Pages are built aside, in a hidden folder, and moved in whole, the index last. Raises UserError when there are no
    runs, a run cannot be read, or `site` holds pages that this did not make.
    """
    _check_target(site)
    boards = [task_board(selection) for selection in select(runs)]
    site.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site, prefix=".draft-") as temporary:
        draft = Path(temporary)
        _write(boards, draft)
        _publish(draft, site)
    return site / "index.html"


def _check_target(site: Path) -> None:
    if site.exists() and not site.is_dir():
        raise UserError(f"{site}: is a file; name a folder for the site")
    if (site / "index.html").exists() and not (site / MANIFEST).exists():
        raise UserError(f"{site}: already holds an index.html that is not a board; name another folder")


def _write(boards: list[TaskBoard], site: Path) -> None:
    """All files of the site."""
    curved = {board.task: severity.over_severity(board) for board in boards}
    pages = [_page(board, curved[board.task], site) for board in boards]
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, theme, viewer, table = (_inline(name) for name in ("style.css", "theme.js", "viewer.js", "board.js"))
    common = {"pages": pages, "style": style, "theme": theme}
    for page in pages:
        scripts = [viewer, table] if page.view else [viewer]
        context = {
            **common,
            "page": page,
            "scripts": scripts,
            "csp": _policy(style, [theme, *scripts]),
            "rows": start_rows(page.view) if page.view else [],
            "rule": crops.rule(page.board),
            "curves": curves(page.board),
            "drawings": _drawings(page.board),
        }
        _put(site / page.href, templates.get_template("task.html").render(context))
    context = {**common, "scripts": [viewer], "csp": _policy(style, [theme, viewer])}
    context["sections"] = [_section(page) for page in pages]
    _put(site / "leaderboard.csv", csv(boards))
    _put(site / "severity.csv", severity.csv([each for each in curved.values() if each is not None]))
    _put(site / "index.html", templates.get_template("index.html").render(context))


def _put(path: Path, text: str) -> None:
    """Write a text file the same way on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def _page(board: TaskBoard, curved: severity.Severity | None, site: Path) -> Page:
    view = task_view(board) if board.scores else None
    over = section(curved, view) if curved and view else None
    return Page(board, f"{safe_name(board.task)}.html", view, crops.strips(board, site), made(board), over)


def _drawings(board: TaskBoard) -> list[tuple[str, Markup]]:
    """The drawings that this task's scores allow, with a caption each."""
    drawn = (
        (
            "Perception against distortion: methods towards the upper right are better at both.",
            plots.perception_distortion,
        ),
        ("Quality against cost: the stepped line joins the methods that nothing smaller beats.", plots.quality_cost),
    )
    found = ((caption, draw(board)) for caption, draw in drawn)
    return [(caption, drawing) for caption, drawing in found if drawing is not None]


def _section(page: Page) -> dict[str, Any]:
    """A task on the index: its best methods by the main metric, the degraded input, and one strip of pictures."""
    if page.view is None:
        return {"page": page, "columns": [], "rows": [], "strip": None}
    start = page.view["start"]
    columns = page.view["shown"]["overview"][:3]
    table = start_rows(page.view)
    ranked = [row for row in table if not row["oracle"] and row["rank"] is not None]
    best = [row for row in ranked if row["rank"] == 1]
    shown = ranked[: max(SUMMARY, len(best))]
    rows = shown + [row for row in ranked[len(shown) :] if row["name"] == BASELINE]
    rows = [{**row, "cells": row["cells"][: len(columns)]} for row in rows]
    shots = page.strips[0].shots if page.strips else ()
    methods = [shot for shot in shots if shot.kind == "method" and shot.src][:3]
    strip = [*(s for s in shots if s.kind == "degraded"), *methods, *(s for s in shots if s.kind == "truth")]
    return {"page": page, "columns": columns, "rows": rows, "strip": strip, "cells": cells_of, "start": start}


def _inline(name: str) -> Markup:
    """A script or style sheet of ours, as it is put into the page and hashed for its policy."""
    return Markup((TEMPLATES / name).read_text())


def _policy(style: Markup, scripts: list[Markup]) -> str:
    """Nothing but the inline style and scripts with these hashes, and pictures beside the page.

    `'self'` is the site when it is served; from a file, pictures need `file:` in some browsers.
    """
    allowed = " ".join(csp_hash(script) for script in scripts)
    return (
        f"default-src 'none'; img-src 'self' file: data:; style-src {csp_hash(style)}; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _publish(draft: Path, site: Path) -> None:
    """Move a finished draft over the site, pictures first and the index last; clear what the last build left over."""
    files = sorted(path.relative_to(draft).as_posix() for path in draft.rglob("*") if path.is_file())
    files.sort(key=lambda name: (name == "index.html", not name.startswith("pictures/"), name))
    old = _manifest(site)
    write_atomic(site / MANIFEST, json.dumps(sorted({*files, *old})).encode())
    for name in files:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(draft / name, site / name)
    for name in set(old) - set(files):
        (site / name).unlink(missing_ok=True)
    write_atomic(site / MANIFEST, json.dumps(files).encode())


def _manifest(site: Path) -> list[str]:
    try:
        stored = json.loads((site / MANIFEST).read_text())
    except (OSError, ValueError):
        return []
    return [str(name) for name in stored if not Path(str(name)).is_absolute() and ".." not in Path(str(name)).parts]
