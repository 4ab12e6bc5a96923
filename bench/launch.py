"""Runs jobs, here and one after another: train what is not trained, score what is not scored, note what fails."""

from __future__ import annotations

import contextlib
import datetime
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from bench.data.batches import TrainingData
from bench.environment import git_state, versions
from bench.errors import UserError
from bench.plan import Job
from bench.results import store
from bench.scoring.battery import Battery
from bench.scoring.cost import Load, cost
from bench.scoring.score import Gallery, MethodRestorer, record, score
from bench.seeds import seed_for
from bench.training import checkpoint
from bench.training.engine import Engine
from bench.training.log import TrainingLog
from bench.training.loop import train
from methods.base import Method


class Watcher:
    """Is told how jobs go; does nothing. The command line draws progress bars with one of its own."""

    def planned(self, jobs: list[Job], problems: list[str]) -> None:
        """All jobs are known; problems are plug-ins left out."""

    def started(self, job: Job) -> None:
        """A job begins."""

    def trained(self, job: Job, images: int, scalars: dict[str, float]) -> None:
        """A training got so far."""

    def finished(self, job: Job, run: store.Run) -> None:
        """A job ended, well or not."""


@dataclass(frozen=True)
class Bench:
    """Where jobs run, what they are scored by, and which half of the work is asked for."""

    root: Path  # the runs folder
    engine: Engine
    metrics: tuple[str, ...]
    watcher: Watcher
    train: bool = True
    score: bool = True


def run_jobs(jobs: list[Job], bench: Bench) -> list[store.Run]:
    """Bring jobs to their end, here and one after another."""
    runs = []
    for job in jobs:
        bench.watcher.started(job)
        runs.append(run_job(job, bench))
        bench.watcher.finished(job, runs[-1])
    return runs


def run_job(job: Job, bench: Bench) -> store.Run:
    """Bring one job to its end. What is finished is not done again; what fails becomes a row with its reason.

    Raises UserError while another process is at work on the same run.
    """
    folder = store.run_folder(bench.root, job.run.task, job.run.method, job.run.run_id)
    with _alone(folder):
        return _bring_to_end(job, bench, folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes off a run. The system frees the lock of a process that was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise UserError(f"{folder}: another process is at work on this run; wait for it, or use other --runs") from None


def _bring_to_end(job: Job, bench: Bench, folder: Path) -> store.Run:
    run = _known(folder, job.run.suite) or _fresh(job, bench)
    try:
        method = _with_weights(job, run, folder, bench)
        if bench.score and run.status in (store.TRAINED, store.DONE):
            _score(job, run, folder, bench, method)
    except (UserError, OSError):  # ours to mend, or the disk's: not a result of the method
        raise
    except Exception as error:  # a method is not our code: whatever it raises is a row, and the others go on
        run.status, run.reason = store.ERROR, f"{type(error).__name__}: {error}".splitlines()[0]
        store.write_atomic(folder / "error.txt", traceback.format_exc().encode())
        store.write_run(folder, run)
    return run


def _known(folder: Path, suite: str) -> store.Run | None:
    """The stored run, unless there is none or it failed in a way worth another try.

    One run can serve several suites; it stands on the board of the one that asked last.
    """
    if not (folder / "run.json").exists():
        return None
    run = store.read_run(folder)
    if run.suite != suite:
        run.suite = suite
        store.write_run(folder, run)
    return run if run.status != store.ERROR else None


def _fresh(job: Job, bench: Bench) -> store.Run:
    stamp(job.run, bench.engine)
    return job.run


def stamp(run: store.Run, engine: Engine) -> None:
    """Note on a new run what it is made with, and when."""
    run.versions, run.git, run.device = versions(), git_state(), engine.describe()
    run.started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def check_writable(folder: Path) -> None:
    """Raise UserError unless files can be made in a folder, before hours are spent on what could not be stored."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another folder") from None


def _with_weights(job: Job, run: store.Run, folder: Path, bench: Bench) -> Method:
    """The method with its final weights, trained first if need be."""
    torch.manual_seed(seed_for("weights", job.run.task, job.seed))  # rows that share a network start from the same
    method = job.entry.build()
    if not job.trained:
        run.status = store.TRAINED if run.status == store.RUNNING else run.status
        bench.engine.place(method)
        return method
    if bench.train and (damage := checkpoint.mend(folder)):
        run.status, run.notes = store.RUNNING, [*run.notes, damage]
    if run.status == store.RUNNING and bench.train:
        store.write_run(folder, run)
        _train(job, run, folder, bench, method)
    if run.status in (store.TRAINED, store.DONE):
        checkpoint.load_weights(folder, method, bench.engine.device)
        bench.engine.place(method)
    return method


def _train(job: Job, run: store.Run, folder: Path, bench: Bench, method: Method) -> None:
    plan = job.plan
    data = TrainingData(plan.training, plan.recipe, job.seed)
    trace = TrainingLog(folder, lambda images, scalars: bench.watcher.trained(job, images, scalars))
    outcome = train(method, data, job.budget, bench.engine, trace)
    run.status = store.TRAINED if outcome.status == store.DONE else outcome.status
    run.reason, run.images_seen = outcome.reason, outcome.images_seen
    run.cost["training_seconds"] = outcome.seconds
    run.notes += plan.training.problems
    store.write_run(folder, run)
    checkpoint.drop_previous(folder)


def _missing_scores(run: store.Run, folder: Path, battery: Battery) -> bool:
    """Whether a metric asked for is not stored, or was unavailable and can be had now."""
    if run.status != store.DONE or not (folder / "scores.parquet").exists():
        return True
    lacking = (name for name, each in run.metrics.items() if each["unavailable"] and name not in battery.missing)
    return any(metric.id not in run.metrics for metric in battery.metrics) or any(lacking)


def _score(job: Job, run: store.Run, folder: Path, bench: Bench, method: Method) -> None:
    """Score a method on everything its task asks for."""
    plan = job.plan
    battery = Battery.of(bench.metrics, bench.engine.device)
    if not _missing_scores(run, folder, battery):
        return
    told = plan.task.tells_mask or job.entry.cls.needs_mask
    gallery = Gallery(bench.root, folder, run, plan.kept)
    rows = list(score(plan.exam, MethodRestorer(method, told, bench.engine), battery, gallery))
    run.cost |= cost(method, Load(plan.exam.pictures.size or 256, plan.exam.batch, told), bench.engine)
    run.notes = sorted({*run.notes, *plan.notes, *plan.exam.pictures.pictures.problems})
    record(run, folder, rows, battery)
