"""The comparison of two folders as its page needs it: every number already text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from reports.against.compare import BETTER, IDENTICAL, SAME, UNTESTED, WORSE, Change, Comparison
from reports.against.pairing import Apart
from reports.tables.board import CLAIM_SEEDS, views
from reports.tables.scores import ALL
from reports.tables.views import method_page as method_href
from reports.text import compact, decimals, listed, number, safe_name, signed

HREF = "against.html"
HEADINGS = {
    WORSE: "Worse than before",
    BETTER: "Better than before",
    SAME: "Within the noise",
    UNTESTED: "Without an interval",
}


def against_view(found: Comparison) -> dict[str, Any]:
    """All that the page says, but for the pictures."""
    metrics = {(task.task, name): each for task in found.tasks for name, each in task.new.metrics.items()}
    levels = {task.task: views(task.new) for task in found.tasks}
    parts: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for detail in found.details:
        parts[detail.about].append(detail)
    tables = {
        verdict: [_row(each, metrics[each.task, each.metric], parts[each.about]) for each in found.told(verdict)]
        for verdict in HEADINGS
    }
    changed = [(f"{task.task}, {pair.method}", task.changed(pair)) for task in found.tasks for pair in task.pairs]
    return {
        "new": str(found.roots[0]),
        "old": str(found.roots[1]),
        "summary": _summary(found),
        "tables": [{"id": name, "heading": HEADINGS[name], "rows": rows} for name, rows in tables.items()],
        "identical": _grouped((each.metric, f"{each.task}, {each.method}") for each in found.told(IDENTICAL)),
        "changed": _grouped((line, whose) for whose, lines in changed for line in lines),
        "apart": _apart(found.apart),
        "warnings": _warnings(found),
        "tested": sum(each.verdict in (BETTER, WORSE, SAME) for each in found.rows),
        "several": any(len(each) > 1 for each in levels.values()),
    }


def _row(change: Change, metric: dict[str, Any], parts: Sequence[Change]) -> dict[str, Any]:
    """One line of a table."""
    cost = metric["kind"] == "cost"
    matters = float(metric["matters"])
    places = decimals([change.margin], matters)
    tested = np.isfinite(change.margin)
    return {
        "task": change.task,
        "task_href": f"{safe_name(change.task)}.html",
        "method": change.method,
        "method_href": method_href(change.method),
        "metric": change.metric.replace("_", " "),
        "where": " ".join(filter(None, (change.region, metric["unit"]))),
        "title": f"{metric['definition']}. {'Higher' if metric['higher_is_better'] else 'Lower'} is better.",
        "arrow": "↑" if metric["higher_is_better"] else "↓",
        "old": compact(change.old) if cost else number(change.old, places),
        "new": compact(change.new) if cost else number(change.new, places),
        "change": _difference(change.change, places, cost),
        "margin": f"± {number(change.margin, places)}" if tested else "",
        "class": change.verdict if change.verdict in (BETTER, WORSE) else "same",
        "times": _times(change, matters),
        "small": change.times < 1,
        "images": str(change.images) if tested else "–",
        "runs": f"{change.old_runs} → {change.new_runs}"
        if change.old_runs != change.new_runs
        else str(change.new_runs),
        "p": _p_value(change.adjusted),
        "levels": [
            _part(each, each.level.removeprefix(f"{each.task}_"), matters) for each in parts if each.level != ALL
        ],
        "regions": [_part(each, each.region, matters) for each in parts if each.level == ALL],
    }


def _part(change: Change, name: str, matters: float) -> str:
    """The change at one level or region: "mosaic c8 +0.3 ± 0.1"."""
    places = decimals([change.margin], matters)
    margin = f" ± {number(change.margin, places)}" if np.isfinite(change.margin) else ""
    return f"{name.replace('_', ' ')} {signed(change.change, places)}{margin}"


def _difference(value: float, places: int, cost: bool) -> str:
    return ("+" if value > 0 else "") + compact(value) if cost else signed(value, places)


def _times(change: Change, matters: float) -> str:
    """A change in units of what matters; of a cost, in percent of what it was."""
    if matters > 0 and np.isfinite(change.margin):
        return f"{change.times:.1f} ×" if change.times < 100 else f"{change.times:.0f} ×"
    return f"{signed(100 * change.change / abs(change.old), 0)} %" if change.old else "–"


def _p_value(value: float) -> str:
    if not np.isfinite(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def _summary(found: Comparison) -> str:
    """How many rows fared how, in a line."""
    words = {WORSE: "worse", BETTER: "better", SAME: "within the noise", IDENTICAL: "identical", UNTESTED: "not tested"}
    counts = [(len(found.told(verdict)), word) for verdict, word in words.items()]
    told = [f"{count} {word}" for count, word in counts if count]
    return ", ".join(told) + (f"; {len(found.apart)} not compared" if found.apart else "")


def _apart(apart: Sequence[Apart]) -> list[tuple[str, list[str]]]:
    """What is not compared by reason, failures of now first."""
    failed = sorted(apart, key=lambda each: not each.reason.startswith("not finished now"))
    return _grouped((each.reason, f"{each.task}: {each.what}") for each in failed)


def _warnings(found: Comparison) -> list[str]:
    """What a reader must know before believing a difference."""
    few = sorted(
        {
            pair.method
            for task in found.tasks
            for pair in task.pairs
            if task.new.entries[pair.new[0]].run.trained and min(len(pair.new), len(pair.old)) < CLAIM_SEEDS
        }
    )
    if not few:
        return []
    return [
        f"Fewer than {CLAIM_SEEDS} training seeds on a side ({listed(few)}): where there is but one, an interval knows "
        "nothing of training luck, so a difference is no claim about what was changed."
    ]


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Equal texts once, with whose they are."""
    found: dict[str, list[str]] = {}
    for text, whose in pairs:
        members = found.setdefault(text, [])
        if whose not in members:
            members.append(whose)
    return list(found.items())
