"""What there is: methods, tasks, metrics, suites and data as plain rows, for `list` and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.config import load_suite, suite_names
from bench.data.sources import KINDS
from bench.discovery import Found, discover
from bench.errors import UserError

Rows = list[dict[str, Any]]


def listing(what: str, plugins: tuple[Path, ...] = ()) -> Rows:
    """Rows of "methods", "tasks", "metrics", "suites" or "data"; every row of a kind has the same keys."""
    if what == "metrics":
        return _metrics()
    if what == "suites":
        return [_suite(name) for name in suite_names()]
    if what == "data":
        return [{"name": name, "description": text} for name, text in KINDS.items()]
    found = discover(plugins)
    if what == "methods":
        return _methods(found)
    if what == "tasks":
        return _tasks(found)
    raise UserError(f"cannot list '{what}'; list methods, tasks, metrics, suites or data")


def _methods(found: Found) -> Rows:
    rows = []
    for name, entry in sorted(found.methods.items()):
        method = entry.build()
        trained = bool(method.optimizers())
        parameters = sum(each.numel() for each in method.parameters())
        about = (entry.cls.__doc__ or "").strip().split("\n")[0]
        rows.append(
            {"name": name, "tasks": sorted(entry.cls.tasks), "parameters": parameters, "trained": trained,
             "needs_mask": entry.cls.needs_mask, "source": entry.module, "description": about}
        )  # fmt: skip
    return rows


def _tasks(found: Found) -> Rows:
    return [
        {"name": name, "lost": task.lost, "tells_mask": task.tells_mask, "content": sorted(task.content),
         "levels": sorted(found.levels[name]), "scored": list(task.levels), "source": task.source}
        for name, task in sorted(found.tasks.items())
    ]  # fmt: skip


def _metrics() -> Rows:
    from bench.metrics import METRICS, unavailable

    return [
        {"name": name, "kind": each.kind, "better": "higher" if each.higher_is_better else "lower", "unit": each.unit,
         "matters": each.matters, "definition": each.definition, "library": each.library, "source": each.source,
         "fingerprint": each.fingerprint(), "unavailable": unavailable(each)}
        for name, each in METRICS.items()
    ]  # fmt: skip


def _suite(name: str) -> dict[str, Any]:
    suite = load_suite(name)
    return {"name": name, "description": suite.description, "tasks": list(suite.tasks), "size": suite.score.size,
            "images": suite.train.images, "seeds": len(suite.train.seeds)}  # fmt: skip
