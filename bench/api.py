"""The suite from Python: the same calls as the command line.

from bench import api
runs = api.run("quickstart")
found = api.measure(Folders(Path("out"), Path("truth")), metrics=("psnr", "ssim"))
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from bench import PROTOCOL
from bench.config import Suite, load_suite
from bench.discovery import check_name, discover
from bench.errors import UserError, unknown
from bench.launch import Bench, Watcher, check_writable, run_jobs, stamp
from bench.plan import TaskPlan, plan_suite
from bench.restoring import Restored, StoredMethod, open_pictures, restore_source, scored_levels, triplets
from bench.results.store import Run, run_folder
from bench.scoring.battery import Battery
from bench.scoring.folders import FolderRestorer
from bench.scoring.measure import Folders, Measurement, measure
from bench.scoring.score import Gallery, record
from bench.scoring.score import score as score_exam
from bench.training.engine import choose_engine

__all__ = [
    "Folders", "Measurement", "Pictures", "Predictions", "Restored", "Settings",
    "measure", "restore", "run", "score", "score_folder", "train",
]  # fmt: skip


@dataclass(frozen=True)
class Predictions:
    """Pictures made elsewhere: one subfolder per level (or none, where the suite has one level), named by image id."""

    folder: Path
    name: str
    task: str


@dataclass(frozen=True)
class Pictures:
    """What `restore` works on: damaged pictures, with masks where the method is told; or clean ones, for triplets."""

    source: Path
    out: Path
    mask: Path | None = None
    triplets: bool = False
    level: str = ""  # of the damage, for triplets; default: the first that the run is scored on
    short_side: int = 0  # pictures are first brought to it; 0: as they are, or for triplets as the run was trained


@dataclass(frozen=True)
class Settings:
    """Where a suite runs, and which part of it. The defaults are the command line's."""

    runs: Path = Path("runs")
    device: str = "auto"
    plugins: tuple[Path, ...] = ()
    tasks: tuple[str, ...] = ()  # only these of the suite; () = all
    methods: tuple[str, ...] = ()  # likewise
    watcher: Watcher = Watcher()


def run(suite: str = "quickstart", settings: Settings | None = None) -> list[Run]:
    """Train and score a whole suite. What is finished in the runs folder is not done again.

    suite: a name or the path of a TOML file. Raises UserError on the user's mistakes, before any work is done.
    """
    return _run(suite, settings or Settings(), train=True, score=True)


def train(suite: str = "quickstart", settings: Settings | None = None) -> list[Run]:
    """The first half of `run`."""
    return _run(suite, settings or Settings(), train=True, score=False)


def score(suite: str = "quickstart", settings: Settings | None = None) -> list[Run]:
    """The second half of `run`: scores what is trained and leaves the rest."""
    return _run(suite, settings or Settings(), train=False, score=True)


def score_folder(predictions: Predictions, suite: str = "quickstart", settings: Settings | None = None) -> Run:
    """Score pictures made elsewhere from a suite's evaluation inputs; they become a row of the board.

    Raises UserError when the name is one of our methods', or a level has no pictures.
    """
    settings = settings or Settings()
    found = discover(settings.plugins)
    if predictions.name in found.methods:
        raise UserError(f"'{predictions.name}' is a method of this suite; give the folder another --name")
    check_name(predictions.name)
    chosen = load_suite(suite)
    engine = choose_engine(settings.device, chosen.train.precision)
    found.task(predictions.task)
    if predictions.task not in chosen.tasks:
        raise UserError(
            f"suite {chosen.name} does not have task '{predictions.task}'; it has {', '.join(chosen.tasks)}"
        )
    plan = plan_suite(_part(chosen, (predictions.task,), ("identity",)), found, engine)[0].plan
    restorer = FolderRestorer.open(predictions.folder, list(plan.exam.levels))
    run = _outside_run(predictions, chosen, plan, restorer)
    stamp(run, engine)
    folder = run_folder(settings.runs, run.task, run.method, run.run_id)
    battery = Battery.of(chosen.score.metrics, engine.device)
    rows = list(score_exam(plan.exam, restorer, battery, Gallery(settings.runs, folder, run, plan.kept)))
    run.notes = sorted({*restorer.extra(plan.exam.pictures.ids), *plan.notes, *plan.exam.pictures.pictures.problems})
    record(run, folder, rows, battery)
    return run


def restore(run: Path, pictures: Pictures, device: str = "auto", plugins: tuple[Path, ...] = ()) -> Restored:
    """Apply the method of a stored run, runs/TASK/METHOD/ID, to a folder of pictures.

    Raises UserError when the run cannot restore, masks are missing, or not one picture could be restored.
    """
    found = discover(plugins)
    if pictures.triplets and pictures.mask is not None:
        raise UserError("--triplets damages clean pictures itself; leave --mask out")
    if pictures.level and not pictures.triplets:
        raise UserError("--level says how --triplets damages pictures; give both or none")
    stored = StoredMethod.open(run, found, device)
    source = open_pictures(pictures.source)
    if pictures.triplets:
        level = pictures.level or (scored_levels(stored.run) or [stored.task.train])[0]
        return triplets(stored, source, found.level(stored.run.task, level), pictures.out, pictures.short_side)
    return restore_source(stored, source, pictures.mask, pictures.out, pictures.short_side)


def _run(suite: str, settings: Settings, train: bool, score: bool) -> list[Run]:
    found = discover(settings.plugins)
    chosen = _part(load_suite(suite), settings.tasks, settings.methods)
    engine = choose_engine(settings.device, chosen.train.precision)
    jobs = plan_suite(chosen, found, engine)
    check_writable(settings.runs)
    settings.watcher.planned(jobs, found.problems)
    return run_jobs(jobs, Bench(settings.runs, engine, chosen.score.metrics, settings.watcher, train, score))


def _part(suite: Suite, tasks: tuple[str, ...], methods: tuple[str, ...]) -> Suite:
    """A suite cut down to some of its tasks and methods. Raises UserError on one it does not have."""
    for name in tasks:
        if name not in suite.tasks:
            raise unknown(f"task of suite {suite.name}", name, suite.tasks)
    everything = {name for section in suite.tasks.values() for name in section.methods}
    for name in methods:
        if name not in everything:
            raise unknown(f"method of suite {suite.name}", name, everything)
    kept = {}
    for task, section in suite.tasks.items():
        chosen = tuple(name for name in section.methods if not methods or name in methods)
        if chosen and (not tasks or task in tasks):
            kept[task] = section.model_copy(update={"methods": chosen})
    return suite.model_copy(update={"tasks": kept})


def _outside_run(predictions: Predictions, suite: Suite, plan: TaskPlan, restorer: FolderRestorer) -> Run:
    scored = {"size": plan.exam.pictures.size, "inputs": plan.digests["inputs"]}
    config = {"predictions": restorer.digest(), "score": scored}
    text = json.dumps([PROTOCOL, predictions.task, predictions.name, config], sort_keys=True)
    return Run(
        PROTOCOL, suite.name, predictions.task, predictions.name, 0, hashlib.sha256(text.encode()).hexdigest()[:12],
        source="folder", config={**config, "sources": plan.sources}, digests=dict(plan.digests),
    )  # fmt: skip
