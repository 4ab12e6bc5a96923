"""A method's page: what it is, what it reaches on every task, how it was trained, what it costs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench.results.store import Run
from reports.drawings.curves import Curves
from reports.methods.markdown import html
from reports.methods.progress import progress
from reports.tables.board import Failure, TaskBoard
from reports.tables.select import Entry
from reports.tables.views import cells_of, start_rows
from reports.tables.views import method_page as method_href
from reports.viewer.gallery import Gallery

UP = "../"  # from a method's page to the site


@dataclass(frozen=True)
class Standing:
    """What the site knows of a task: its board, page, table as the page shows it, and training curves."""

    board: TaskBoard
    href: str
    view: dict[str, Any] | None  # None when nothing has been scored
    curves: Sequence[Curves]


@dataclass(frozen=True)
class MethodPage:
    """Everything that the template of a method reads. Each list has one entry per task that the method was put to."""

    name: str
    href: str
    about: Markup
    results: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    curves: list[tuple[str, Curves]]
    gallery: Gallery | None
    settings: list[tuple[str, list[str]]]
    training: list[tuple[str, list[str]]]
    runs: list[dict[str, Any]]
    failures: list[tuple[str, Failure]]


def method_names(boards: Iterable[TaskBoard]) -> list[str]:
    """Every method with a run on any task."""
    return sorted({each.run.method for board in boards for each in board.selection.entries})


def method_page(name: str, standings: Sequence[Standing], site: Path) -> MethodPage:
    """Gather what is known of one method; its pictures are written under site/pictures/methods/."""
    runs = [(each.board.task, entry) for each in standings for entry in _entries(each.board, name)]
    scored = [each for each in standings if each.view and _ranked(each, name)]
    newest = max((entry.run for _, entry in runs), key=lambda run: (bool(run.about), run.started))
    return MethodPage(
        name=name,
        href=method_href(name),
        about=html(_body(newest.about)),
        results=[_row(each, name, "overview") for each in scored],
        costs=[_row(each, name, "cost") for each in scored],
        curves=[(each.board.task, its) for each in standings for its in each.curves if its.method == name],
        gallery=progress(name, [each.board for each in standings], site, UP),
        settings=_grouped(runs, _settings),
        training=_grouped(runs, _training),
        runs=[_told(task, entry) for task, entry in runs],
        failures=[(each.board.task, its) for each in standings for its in each.board.failures if its.method == name],
    )  # fmt: skip


def _entries(board: TaskBoard, name: str) -> list[Entry]:
    return [each for each in board.selection.entries if each.run.method == name]


def _ranked(standing: Standing, name: str) -> bool:
    return any(method.name == name for method in standing.board.methods)


def _body(text: str) -> str:
    """A documentation page without its title, which the page has already."""
    first, _, rest = text.partition("\n")
    return rest if first.startswith("# ") else text


def _row(standing: Standing, name: str, show: str) -> dict[str, Any]:
    """A method's row of a task's table as the task's page first shows it, with a heading for each of its cells."""
    view = standing.view
    assert view is not None
    start = view["start"]
    rows = start_rows(view)
    index = next(place for place, row in enumerate(rows) if row["name"] == name)
    rivals = sum(row["oracle"] == rows[index]["oracle"] and row["rank"] is not None for row in rows)
    names = view["shown"].get(show, [])
    cells = [cells_of(view, metric, start["region"], start["level"])[index] for metric in names]
    columns = [view["metrics"][metric] for metric in names]
    return {
        "names": "|".join((start["region"], *(column["label"] for column in columns))),  # tasks alike share a table
        "task": standing.board.task, "href": UP + standing.href, "row": {**rows[index], "tie": ""}, "rivals": rivals,
        "main": " ".join(standing.board.main), "columns": columns, "cells": cells,
        "region": start["region"],
    }  # fmt: skip


def _settings(run: Run) -> str:
    """What the method was set to, as JSON."""
    return json.dumps(run.config.get("method", run.config), indent=1, sort_keys=True)


def _training(run: Run) -> str:
    """How it was trained and scored, as JSON."""
    rest = {name: value for name, value in run.config.items() if name != "method"}
    return json.dumps(rest, indent=1, sort_keys=True) if "method" in run.config and rest else ""


def _grouped(runs: Sequence[tuple[str, Entry]], pick: Any) -> list[tuple[str, list[str]]]:
    """Equal texts once, with the tasks that they hold for."""
    found: dict[str, list[str]] = {}
    for task, entry in runs:
        text = pick(entry.run)
        tasks = found.setdefault(text, [])
        if text and task not in tasks:
            tasks.append(task)
    return [(text, tasks) for text, tasks in found.items() if text]


def _told(task: str, entry: Entry) -> dict[str, Any]:
    """One run as a row of facts."""
    run = entry.run
    seconds = run.cost.get("training_seconds")
    return {
        "task": task, "seed": run.seed if run.trained else "–", "id": run.run_id, "status": run.status,
        "images": f"{run.images_seen:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") if run.images_seen else "–",
        "time": "–" if seconds is None else _duration(seconds), "started": run.started[:16].replace("T", " "),
        "device": run.device, "weights": run.digests.get("checkpoint", ""),
    }  # fmt: skip


def _duration(seconds: float) -> str:
    """Seconds as "41 s", "12 min" or "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
