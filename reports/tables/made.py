"""How a task's scores were made, in words: data, budget, seeds, versions, machine, definitions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench.results.store import DONE, Run
from reports.tables.board import BASELINE, CLAIM_SEEDS, TaskBoard
from reports.tables.scores import WORDS
from reports.text import listed

LOST = {
    "mosaic": "Cells of an object-shaped region take one colour.",
    "jpeg": "The whole picture went through JPEG compression.",
    "erase": "One or two random shapes are blacked out.",
    "facemask": "A mask covers the lower face; finding it is the method's job.",
    "hole": "A hole is painted grey; the method is told where.",
}


def made(board: TaskBoard) -> dict[str, Any]:
    """What "how it was made" shows: a line, facts, metric definitions, configurations and notes."""
    runs = [each.run for each in board.selection.entries]
    return {
        "lost": LOST.get(board.task, ""),
        "line": " · ".join(_line(board, runs)),
        "facts": _facts(runs),
        "metrics": _metrics(board),
        "configurations": _configurations(runs),
        "notes": _grouped((note, f"{run.method} (seed {run.seed})") for run in runs for note in run.notes),
        "left_out": list(board.selection.left_out),
        "warnings": [*few_seeds([board]), *_without_input(board)],
        "own_warnings": _without_input(board),  # for a page that tells the rest once, for all tasks
    }


def _line(board: TaskBoard, runs: list[Run]) -> list[str]:
    """The one line that stands at the head of the page."""
    seeds = {run.seed for run in runs if run.trained}
    finished = [run for run in runs if run.status == DONE]
    budget = sorted({run.images_seen for run in finished if run.trained and run.images_seen})
    images = {image for image in board.scores.images if image} if board.scores else set()
    return [
        f"run {max((run.started for run in runs), default='')[:10]}",
        f"suite {_joined(run.suite for run in runs)}",
        f"{len(seeds)} seed{'s' if len(seeds) != 1 else ''}" if seeds else "nothing trained",
        *([f"budget {_range(budget)} pictures"] if budget else []),
        f"{len(images)} test pictures",
        *([_joined(run.device for run in runs)] if any(run.device for run in runs) else []),
    ]


def _range(values: list[int]) -> str:
    texts = [f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") for value in (values[0], values[-1])]
    return texts[0] if values[0] == values[-1] else f"{texts[0]} to {texts[1]}"


def _joined(values: Iterable[str]) -> str:
    return ", ".join(sorted({value for value in values if value})) or "not recorded"


def _facts(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """What the runs have in common on one line each; where they differ, whose is which."""

    def common(pick: Callable[[Run], str]) -> list[str]:
        found = _grouped((pick(run), run.method) for run in runs if pick(run))
        if len(found) == 1:
            return [found[0][0]]
        return [f"{text}: {', '.join(whose)}" for text, whose in found]

    data = sorted({name for run in runs for name in run.digests})
    return [
        ("protocol", common(lambda run: run.protocol)),
        ("suite", common(lambda run: run.suite)),
        ("seeds", common(lambda run: f"seed {run.seed}")),
        ("pictures seen in training", common(lambda run: f"{run.images_seen:,}" if run.images_seen else "")),
        *((f"digest: {name}", common(_digest_of(name))) for name in data if name != "checkpoint"),
        ("versions", common(lambda run: ", ".join(f"{k} {v}" for k, v in sorted(run.versions.items())))),
        ("machine", common(lambda run: run.device)),
        ("code", common(lambda run: run.git)),
    ]


def _digest_of(name: str) -> Callable[[Run], str]:
    return lambda run: str(run.digests.get(name, ""))


def _metrics(board: TaskBoard) -> list[dict[str, Any]]:
    """Definitions of the columns, each with why it has no value where it has none."""
    if board.scores is None:
        return []
    rows = board.rows[board.rows["status"].isin({*WORDS, "unavailable"})]
    missing = {name: _joined(group["reason"]) for name, group in rows.groupby("metric")}
    return [{"id": name, "missing": missing.get(name, ""), **told} for name, told in board.scores.metrics.items()]


def _configurations(runs: list[Run]) -> list[tuple[str, str]]:
    """Each method's configuration as JSON; one entry per method."""
    newest = {run.method: run for run in runs}
    return [(name, json.dumps(run.config, indent=2, sort_keys=True)) for name, run in sorted(newest.items())]


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Equal texts once, with whose they are."""
    found: dict[str, list[str]] = {}
    for text, whose in pairs:
        members = found.setdefault(text, [])
        if whose not in members:
            members.append(whose)
    return list(found.items())


def few_seeds(boards: Sequence[TaskBoard]) -> list[str]:
    """One line for all tasks: which methods stand on too few trainings for a claim, and where; none if none do."""
    few = {board.task: board.few_seeds() for board in boards}
    found = _grouped((listed(names), task) for task, names in few.items() if names)
    if not found:
        return []
    whose = "; ".join(f"{', '.join(tasks)}: {names}" for names, tasks in found)
    if len(found) == 1 and len(found[0][1]) == len(boards):
        whose = found[0][0]
    elif sum(map(len, few.values())) == sum(each.trained and bool(each.runs) for b in boards for each in b.methods):
        whose = "every trained method"
    luck = "differences include training luck, so they are no claim about the methods."
    return [f"Fewer than {CLAIM_SEEDS} training seeds ({whose}): {luck}"]


def _without_input(board: TaskBoard) -> list[str]:
    """What is missing where nobody says what doing nothing scores."""
    if not board.methods or any(method.name == BASELINE for method in board.methods):
        return []
    return [f"Without the method '{BASELINE}' there is no gain over the degraded input to show."]
