"""What there is: methods, tasks, metrics, suites and data as plain rows, for `list` and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.config import load_suite, suite_names
from bench.data.sets import SETS
from bench.data.sources import KINDS
from bench.discovery import Found, MethodEntry, discover
from bench.errors import UserError

Rows = list[dict[str, Any]]


def listing(what: str, plugins: tuple[Path, ...] = ()) -> Rows:
    """Rows of "methods", "tasks", "metrics", "suites" or "data"; every row of a kind has the same keys."""
    if what == "suites":
        return [_suite(name) for name in suite_names()]
    if what == "data":
        return [_data(name, text) for name, text in KINDS.items()]
    found = discover(plugins)
    if what == "metrics":
        return _metrics(found)
    if what == "methods":
        return _methods(found)
    if what == "tasks":
        return _tasks(found)
    raise UserError(f"cannot list '{what}'; list methods, tasks, metrics, suites or data")


def _methods(found: Found) -> Rows:
    return [_method(name, entry) for name, entry in sorted(found.methods.items())]


def _method(name: str, entry: MethodEntry) -> dict[str, Any]:
    """A row; of a plug-in's method that cannot be built, with the reason."""
    about = (entry.cls.__doc__ or "").strip().split("\n")[0]
    trained: bool | None = None
    parameters: int | None = None
    try:
        method = entry.build()
        trained, parameters = bool(method.optimizers()), sum(each.numel() for each in method.parameters())
    except Exception as error:  # one that is not ours may fail in any way; the others are listed
        about = str(error)
    return {"name": name, "tasks": sorted(entry.cls.tasks), "parameters": parameters, "trained": trained,
            "needs_mask": entry.cls.needs_mask, "source": entry.module, "description": about}  # fmt: skip


def _tasks(found: Found) -> Rows:
    return [
        {"name": name, "lost": task.lost, "tells_mask": task.tells_mask, "content": sorted(task.content),
         "levels": sorted(found.levels[name]), "scored": list(task.levels), "source": task.source}
        for name, task in sorted(found.tasks.items())
    ]  # fmt: skip


def _metrics(found: Found) -> Rows:
    from bench.metrics import unavailable

    return [
        {"name": name, "kind": each.kind, "better": "higher" if each.higher_is_better else "lower", "unit": each.unit,
         "matters": each.matters, "definition": each.definition, "library": each.library, "source": each.source,
         "fingerprint": each.fingerprint(), "unavailable": unavailable(each)}
        for name, each in found.metrics.items()
    ]  # fmt: skip


def _data(name: str, text: str) -> dict[str, Any]:
    """A row; of what is no data set of somebody's, the description alone."""
    declared = SETS.get(name)
    row: dict[str, Any] = {"name": name, "description": text}
    if declared is None:
        told = dict.fromkeys(("split", "licence", "citation", "homepage", "obtain", "digests_from"), "")
        return {**row, **told, "content": "", "pictures": {}, "digests": {}}
    return {**row, "split": declared.split, "licence": declared.licence, "citation": declared.citation,
            "homepage": declared.homepage, "obtain": declared.obtain,
            "digests_from": declared.digests_from or "none is published", "content": declared.content,
            "pictures": dict(declared.published), "digests": dict(declared.digests)}  # fmt: skip


def _suite(name: str) -> dict[str, Any]:
    suite = load_suite(name)
    return {"name": name, "description": suite.description, "tasks": list(suite.tasks), "size": suite.score.size,
            "images": suite.train.images, "seeds": len(suite.train.seeds)}  # fmt: skip
