"""Outside pictures scored as ours are: a row of the board, with a run for each seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from bench import PROTOCOL
from bench.discovery import check_name
from bench.errors import UserError
from bench.launch import stamp
from bench.outside.lint import lint
from bench.outside.opened import OpenTask
from bench.outside.predictions import PredictionFolders
from bench.results.store import Run, run_folder
from bench.scoring.battery import Battery
from bench.scoring.score import Gallery, record, score
from bench.training.engine import Engine


@dataclass(frozen=True)
class Outsider:
    """A row made elsewhere: its name on the board, and what it says of itself (Markdown)."""

    name: str
    about: str = ""


def check_outsider(opened: OpenTask, name: str) -> None:
    """Raise UserError when a row cannot have this name."""
    if name in opened.found.methods:
        raise UserError(f"'{name}' is a method of this suite; give the folder another --name")
    check_name(name)


def score_outside(
    opened: OpenTask, outsider: Outsider, predictions: PredictionFolders, runs: Path, engine: Engine
) -> list[Run]:
    """Score every seed's pictures and store the runs; what the linter finds is among their notes.

    Raises UserError when the name is one of our methods'.
    """
    check_outsider(opened, outsider.name)
    plan = opened.plan
    metrics = opened.suite.score.metrics
    noted = (*plan.notes, *plan.exam.pictures.pictures.problems)
    done = []
    for seed, restorer in predictions.seeds.items():
        run = _run(opened, outsider, predictions, seed)
        stamp(run, engine)
        folder = run_folder(runs, run.task, run.method, run.run_id)
        battery = Battery.of(metrics, engine.device, opened.found.metrics)
        rows = list(score(plan.exam, restorer, battery, Gallery(runs, folder, run, plan.kept)))
        run.notes = sorted({*(str(each) for each in lint(plan.exam, restorer)), *noted})
        record(run, folder, rows, battery)
        done.append(run)
    return done


def lint_outside(opened: OpenTask, predictions: PredictionFolders) -> list[str]:
    """What the linter says of every seed, a line each."""
    return [
        f"{'' if seed is None else f'seed {seed}, '}{fault}"
        for seed, restorer in predictions.seeds.items()
        for fault in lint(opened.plan.exam, restorer)
    ]


def _run(opened: OpenTask, outsider: Outsider, predictions: PredictionFolders, seed: int | None) -> Run:
    plan, name = opened.plan, outsider.name
    scored = {"size": plan.exam.pictures.size, "inputs": plan.digests["inputs"]}
    config = {"predictions": predictions.digest(), "score": scored}  # equal for all seeds: they are one row
    text = json.dumps([PROTOCOL, plan.task.name, name, seed, config], sort_keys=True)
    return Run(
        PROTOCOL, opened.suite.name, plan.task.name, name, seed or 0, hashlib.sha256(text.encode()).hexdigest()[:12],
        trained=seed is not None, source="folder", config={**config, "sources": plan.sources},
        digests=dict(plan.digests), about=outsider.about,
    )  # fmt: skip
