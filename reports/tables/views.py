"""A task's table as the page needs it: every number already text, so that template and script only place it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from reports.tables.board import BASELINE, Method, TaskBoard, views
from reports.tables.cells import Cell, column_cells
from reports.tables.detectable import detectable_cells
from reports.tables.reference import reference_cells, shuffled_cells
from reports.tables.scores import ALL, Key, Scores
from reports.text import safe_name

GROUPS = ("overview", "fidelity", "perceptual", "naturalness", "distribution", "consistency", "faces", "cost")
REGIONS = ("lost", "boundary", "kept", "whole")
OVERVIEW = ("psnr", "ssim", "lpips_squeeze", "dists", "fid", "fid_squeeze")  # those that a first look needs
OVERVIEW_COST = ("parameters", "images_per_second")


def task_view(board: TaskBoard) -> dict[str, Any]:
    """All that the sortable table shows, as plain JSON values."""
    scores = board.scores
    assert scores is not None
    regions = [each for each in REGIONS if any(key[1] == each and _regional(scores, key[0]) for key in scores.keys)]
    rows: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in board.rows.to_dict("records"):
        rows[row["metric"], row["region"], row["level"]][row["method"]] = row
    columns = {
        "|".join((*key, level)): column_cells(scores, board.methods, key, rows[(*key, level)])
        for key in scores.keys
        for level in views(scores)
    }
    shown = _shown(scores, board.main)
    region = board.main[1] if board.main[1] in regions else (regions or [""])[0]
    return {
        "task": board.task,
        "methods": [method_words(each) for each in board.methods],
        "metrics": {name: _metric(scores, name, regions) for name in scores.metrics},
        "shown": shown,
        "levels": views(scores),
        "regions": regions,
        "columns": columns,
        "reference": reference_cells(board),
        "shuffled": shuffled_cells(board),
        "detectable": detectable_cells(board),
        "start": {"level": ALL, "region": region, "show": "overview", "sort": board.main[0]},
    }


def start_rows(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The table as it first stands: methods in board order with their rank, tie bracket and cells."""
    start = view["start"]
    shown = [cells_of(view, metric, start["region"], start["level"]) for metric in view["shown"][start["show"]]]
    ranking = cells_of(view, start["sort"], start["region"], start["level"])
    ranks = [cell.get("r") for cell in ranking]
    rows = []
    for index, method in enumerate(view["methods"]):
        tie = tie_class(view["methods"], ranks, index)
        cells = [column[index] for column in shown]
        rows.append({**method, "rank": ranks[index], "span": ranking[index].get("s"), "tie": tie, "cells": cells})
    return rows


def start_references(view: dict[str, Any]) -> dict[str, list[Cell | None]]:
    """The rows to check metrics by as they first stand; None where a metric has no such value."""
    start = view["start"]
    names = view["shown"][start["show"]]
    places = ["|".join((name, view["metrics"][name]["where"][start["region"]], start["level"])) for name in names]
    return {
        "truth": [view["reference"].get(name) for name in names],
        "shuffled": [view["shuffled"].get(place) for place in places],
    }


def failed_rows(board: TaskBoard) -> list[dict[str, Any]]:
    """What did not finish, for the foot of the table: a row per method and reason."""
    seeds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in board.failures:
        seeds[each.method, each.reason].append(str(each.seed))
    return [
        {"name": name, "marks": [], "page": method_page(name), "seeds": f"seed {', '.join(those)}", "reason": reason}
        for (name, reason), those in seeds.items()
    ]


def method_page(name: str) -> str:
    """Where a method's page lies in the site."""
    return f"methods/{safe_name(name)}.html"


def tie_class(methods: Sequence[dict[str, Any]], ranks: Sequence[int | None], index: int) -> str:
    """Which part of the bracket of a shared rank stands beside a row; methods and ranks in the order of the rows."""
    around = [_same(methods, ranks, index, index + step) for step in (-1, 1)]
    return {(False, True): "first", (True, True): "middle", (True, False): "last"}.get((around[0], around[1]), "")


def cells_of(view: dict[str, Any], metric: str, region: str, level: str) -> list[Cell]:
    """One column of the view."""
    return view["columns"]["|".join((metric, view["metrics"][metric]["where"][region], level))]


def _same(methods: Sequence[dict[str, Any]], ranks: Sequence[int | None], one: int, other: int) -> bool:
    """Whether two neighbouring rows share a rank."""
    if not 0 <= other < len(ranks) or ranks[one] is None:
        return False
    return ranks[one] == ranks[other] and methods[one]["oracle"] == methods[other]["oracle"]


def method_words(method: Method) -> dict[str, Any]:
    """What a row says of its method: name, seeds, and marks, each a word and why."""
    marks = []
    if method.oracle:
        marks.append(["oracle", "is told where the damage is, on a task that does not tell; ranked apart"])
    if method.name == BASELINE:
        marks.append(["degraded input", "returns its input: what doing nothing scores"])
    elif method.source != "ours":
        marks.append(["outside", "pictures made elsewhere, scored here"])
    elif not method.trained:
        marks.append(["untrained", "a classical method: nothing is learned"])
    return {
        "name": method.name,
        "page": method_page(method.name),
        "pictures": "degraded" if method.name == BASELINE else f"m-{safe_name(method.name)}",
        "seeds": method.seeds(),
        "runs": len(method.runs),
        "oracle": method.oracle,
        "trained": method.trained,
        "baseline": method.name == BASELINE,
        "marks": marks,
    }


def slim(view: dict[str, Any]) -> dict[str, Any]:
    """The view as the page stores it: a column by what its cells say, None where one does not, so that no name is
    written once a cell; without the words that the script puts together."""
    columns = {}
    for place, cells in view["columns"].items():
        names = dict.fromkeys(name for cell in cells for name in cell if name != "title")
        columns[place] = {name: [cell.get(name) for cell in cells] for name in names}
    return {**view, "columns": columns}


def _regional(scores: Scores, metric: str) -> bool:
    return scores.metrics[metric]["kind"] == "pair"


def _metric(scores: Scores, name: str, regions: Sequence[str]) -> dict[str, Any]:
    """What a header says of a metric, and which stored region stands for each choice of region."""
    declared = scores.metrics[name]
    stored = [key[1] for key in scores.keys if key[0] == name]
    fallback = "whole" if "whole" in stored else stored[0]
    arrow = "↑" if declared["higher_is_better"] else "↓"
    return {
        "label": name.replace("_", " "),
        "up": bool(declared["higher_is_better"]),
        "arrow": arrow,
        "unit": declared["unit"],
        "title": (
            f"{declared['definition']}. {'Higher' if declared['higher_is_better'] else 'Lower'} is better"
            + (f"; differences below {declared['matters']:g} hardly matter" if declared["matters"] else "")
        ),
        "regional": _regional(scores, name),
        "where": {region: region if region in stored else fallback for region in (*regions, "")},
    }


def _shown(scores: Scores, main: Key) -> dict[str, list[str]]:
    """Metrics of each group that is not empty, the task's main metric first in the overview."""
    names = list(scores.metrics)
    groups = {group: [name for name in names if scores.metrics[name]["group"] == group] for group in GROUPS[1:]}
    known = {name for members in groups.values() for name in members}
    groups["other"] = [name for name in names if name not in known]
    scored = [name for name in names if any(_has_values(scores, key) for key in scores.keys if key[0] == name)]
    first = [main[0], *(name for name in OVERVIEW if name != main[0]), *groups["consistency"][:1], *OVERVIEW_COST]
    overview = [name for name in first if name in scored]
    return {group: members for group, members in {"overview": overview, **groups}.items() if members}


def _has_values(scores: Scores, key: Key) -> bool:
    return bool(np.isfinite(scores.values[:, scores.keys.index(key)]).any())
