"""Which runs of a runs folder stand on the board: one protocol, suite and set of test pictures per task.

Only runs scored on the same damaged pictures can share a table. What is left out is said in words, never dropped.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.results.store import DONE, Run, find_runs, read_run
from reports.text import listed

TASK_ORDER = ("mosaic", "jpeg", "erase", "facemask", "hole")


@dataclass(frozen=True)
class Entry:
    """One run and where it lies."""

    folder: Path
    run: Run


@dataclass(frozen=True)
class Selection:
    """The runs of one task that share a table, and a line on each group of runs that does not."""

    task: str
    root: Path
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]

    def done(self) -> list[Entry]:
        """Runs that finished and were scored."""
        return [each for each in self.entries if each.run.status == DONE]

    def failed(self) -> list[Entry]:
        """Runs that did not finish."""
        return [each for each in self.entries if each.run.status != DONE]


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that counts: q5 before q10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def task_key(task: str) -> tuple[int, str]:
    """The five tasks in their own order, then others by name."""
    return (TASK_ORDER.index(task) if task in TASK_ORDER else len(TASK_ORDER), task)


def select(root: Path) -> list[Selection]:
    """Choose each task's runs. Raises UserError when the folder holds none, or one that cannot be read."""
    tasks: dict[str, list[Entry]] = defaultdict(list)
    for folder in find_runs(root):
        entry = Entry(folder, read_run(folder))
        tasks[entry.run.task].append(entry)
    if not tasks:
        raise UserError(f"{root}: holds no runs; make some with `restorebench run`, or name the folder that has them")
    return [_select_task(task, root, tasks[task]) for task in sorted(tasks, key=task_key)]


def _select_task(task: str, root: Path, entries: list[Entry]) -> Selection:
    """Narrow to one protocol, set of pictures, suite and configuration per method; newest first throughout."""
    kept = sorted(entries, key=lambda each: (each.run.started, each.run.run_id), reverse=True)
    # a folder of pictures made elsewhere joins the board of our runs; it does not decide which board that is
    ours = [each for each in kept if each.run.source == "ours"] or kept
    lead = next((each for each in ours if each.run.status == DONE), ours[0]).run
    inputs = lead.digests.get("inputs")
    rules: tuple[tuple[str, Callable[[Run], bool]], ...] = (
        (f"another protocol than {lead.protocol}", lambda run: run.protocol == lead.protocol),
        (
            "scored on other damaged pictures",
            lambda run: run.digests.get("inputs") == inputs or (run.status != DONE and "inputs" not in run.digests),
        ),
        (f"another suite than {lead.suite}", lambda run: run.suite == lead.suite or run.source != "ours"),
    )
    left_out = []
    for reason, fits in rules:
        gone = [each for each in kept if not fits(each.run)]
        left_out += _tell(gone, reason)
        kept = [each for each in kept if fits(each.run)]
    kept, older = _newest(kept)
    left_out += _tell(older, "replaced by a newer run of the same method")
    kept.sort(key=lambda each: (each.run.method, each.run.seed))
    return Selection(task, root, tuple(kept), tuple(left_out))


def _newest(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Of runs sorted newest first: one per (method, seed) of each method's newest configuration, and the rest."""
    configuration: dict[str, Any] = {}
    seen: set[tuple[str, int]] = set()
    kept, older = [], []
    for entry in entries:
        run = entry.run
        config = _without_seed(run.config)
        if configuration.setdefault(run.method, config) == config and (run.method, run.seed) not in seen:
            seen.add((run.method, run.seed))
            kept.append(entry)
        else:
            older.append(entry)
    return kept, older


def _without_seed(config: Any) -> Any:
    """A configuration with what tells seeds apart taken out."""
    if not isinstance(config, dict):
        return config
    return {key: _without_seed(value) for key, value in config.items() if key != "seed"}


def _tell(gone: list[Entry], reason: str) -> list[str]:
    """One line for a group of runs left out."""
    if not gone:
        return []
    methods = sorted({each.run.method for each in gone})
    return [f"{len(gone)} run{'s' if len(gone) > 1 else ''} left out, {reason}: {listed(methods)}"]
