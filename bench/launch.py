"""Brings a job to its end: train what is not trained, score what is not scored, note what fails."""

from __future__ import annotations

import contextlib
import datetime
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from bench.about import about
from bench.data.batches import TrainingData
from bench.environment import git_state, versions
from bench.errors import UserError
from bench.metrics import METRICS, Metric
from bench.plan import Job
from bench.results import store
from bench.results.atomic import sweep
from bench.scoring.battery import Battery
from bench.scoring.cost import Load, cost
from bench.scoring.memory import attempt
from bench.scoring.samples import Sampler
from bench.scoring.score import Gallery, MethodRestorer, record, score
from bench.seeds import seed_for
from bench.training import checkpoint
from bench.training.engine import Engine
from bench.training.log import SilentLog, TrainingLog
from bench.training.loop import Outcome, train
from bench.training.trackers import Trackers
from methods.base import Method


class Watcher:
    """Is told how jobs go; does nothing. The command line draws progress bars with one of its own."""

    def planned(self, jobs: list[Job], problems: list[str]) -> None:
        """All jobs are known; problems are plug-ins left out."""

    def started(self, job: Job) -> None:
        """A job begins; again, when the machine it ran on was lost."""

    def trained(self, job: Job, images: int, scalars: dict[str, float]) -> None:
        """A training got so far."""

    def finished(self, job: Job, run: store.Run) -> None:
        """A job ended, well or not."""


Trained = tuple[Outcome, list[str]]  # how a training ended, and what the trackers could not do


def train_here(job: Job, run: store.Run, folder: Path, bench: Bench) -> Trained:
    """Train a job in this process, from the last checkpoint in its folder if there is one."""
    plan, share = job.plan, bench.engine.share
    method = _build(job)
    data = TrainingData(plan.training, plan.recipe, job.seed)
    if not share.leads:
        return train(method, data, job.budget, bench.engine, SilentLog(folder)), []
    sampler = Sampler(job.entry.build, plan.exam, plan.kept, job.told, bench.engine, folder)
    trackers = Trackers(folder, job.trackers, run)
    trace = TrainingLog(folder, partial(bench.watcher.trained, job), sampler, trackers)
    return train(method, data, job.budget, bench.engine, trace), trackers.problems


@dataclass(frozen=True)
class Bench:
    """Where jobs run, what they are scored by, and which half of the work is asked for."""

    root: Path  # the runs folder
    engine: Engine
    metrics: tuple[str, ...]
    watcher: Watcher
    train: bool = True
    score: bool = True
    known: Mapping[str, Metric] = field(default_factory=lambda: METRICS)  # those of plug-ins among them
    patience: float = 0.0  # seconds to wait for another process to let go of a run
    trainer: Callable[[Job, store.Run, Path, Bench], Trained] = train_here


def run_job(job: Job, bench: Bench) -> store.Run:
    """Bring one job to its end. What is finished is not done again; what fails becomes a row with its reason.

    Raises UserError while another process is at work on the same run.
    """
    with _alone(job, bench) as folder:
        return _bring_to_end(job, bench, folder)


def give_up(job: Job, bench: Bench, status: str, reason: str) -> store.Run:
    """Note how a job ended whose process is no more and could not say so. It is tried again the next time."""
    with _alone(job, bench) as folder:
        run = store.read_run(folder) if (folder / "run.json").exists() else _fresh(job, bench, folder)
        run.status, run.reason = status, reason
        store.write_run(folder, run)
    return run


@contextlib.contextmanager
def _alone(job: Job, bench: Bench) -> Iterator[Path]:
    """The folder of a run, with other processes kept off. The system frees the lock of a process that was killed."""
    folder = store.run_folder(bench.root, job.run.task, job.run.method, job.run.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=bench.patience):
            sweep(folder, alone=True)
            yield folder
    except Timeout:
        raise UserError(f"{folder}: another process is at work on this run; wait for it, or use other --runs") from None


def _bring_to_end(job: Job, bench: Bench, folder: Path) -> store.Run:
    run = _known(folder, job.run.suite) or _fresh(job, bench, folder)
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
    return run if run.status not in (store.ERROR, store.TIMEOUT) else None


def _fresh(job: Job, bench: Bench, folder: Path) -> store.Run:
    stamp(job.run, bench.engine)
    job.run.about = about(job.entry)
    job.run.notes = sorted({*job.run.notes, *_changed_pictures(job.run, folder)})
    return job.run


def _changed_pictures(run: store.Run, folder: Path) -> list[str]:
    """A note where the pictures behind the same names have changed since an older run of the same suite and seed."""
    for path in sorted(folder.parent.glob("*/run.json")):
        old = store.read_run(path.parent)
        same = (old.suite, old.seed, old.config.get("sources")) == (run.suite, run.seed, run.config.get("sources"))
        names = [name for name in run.digests if name != "inputs" and name in old.digests]
        changed = [name for name in names if old.digests[name] != run.digests[name]]
        if same and old.run_id != run.run_id and changed:
            return [f"{', '.join(changed)}: other pictures than run {old.run_id} had; the two are never mixed"]
    return []


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
    method = _build(job)
    if not job.trained:
        run.status = store.TRAINED if run.status == store.RUNNING else run.status
        bench.engine.place(method)
        return method
    if bench.train and (damage := checkpoint.mend(folder)):
        run.status, run.notes = store.RUNNING, [*run.notes, damage]
    if bench.train and run.status in (store.TRAINED, store.DONE):
        checkpoint.drop_previous(folder)  # left where a process was killed at the very end
    if run.status == store.RUNNING and bench.train:
        store.write_run(folder, run)
        _train(job, run, folder, bench)
    if run.status in (store.TRAINED, store.DONE):
        checkpoint.load_weights(folder, method, bench.engine.device)
        bench.engine.place(method)
    return method


def _build(job: Job) -> Method:
    """The method with its first weights; rows that share a network start from the same."""
    torch.manual_seed(seed_for("weights", job.run.task, job.seed))
    return job.entry.build()


def _train(job: Job, run: store.Run, folder: Path, bench: Bench) -> None:
    outcome, problems = _train_within_memory(job, run, folder, bench)
    run.status = store.TRAINED if outcome.status == store.DONE else outcome.status
    run.reason, run.images_seen = outcome.reason, outcome.images_seen
    run.cost["training_seconds"] = outcome.seconds
    run.notes += job.plan.training.problems + problems
    if run.status == store.TRAINED:
        run.digests["checkpoint"] = checkpoint.weights_digest(folder)
    store.write_run(folder, run)
    checkpoint.drop_previous(folder)


def _train_within_memory(job: Job, run: store.Run, folder: Path, bench: Bench) -> Trained:
    """Train; where memory runs out, go on from the last checkpoint with every batch in twice as many parts.

    Raises torch.OutOfMemoryError when not even one picture fits.
    """
    share, parts, most = bench.engine.share, 1, job.budget.batch
    while parts <= most:
        engine = replace(bench.engine, share=replace(share, parts=parts))
        trained = attempt(partial(bench.trainer, job, run, folder, replace(bench, engine=engine)))
        if trained is not None:
            if parts > 1:
                run.notes.append(f"memory ran out: every batch was trained in {parts} parts of less memory")
            return trained
        parts = 2 * parts if parts == most else min(2 * parts, most)
    raise torch.OutOfMemoryError(
        f"not even one picture of {job.plan.recipe.crop} pixels fits; set a smaller train.crop, or a smaller network"
        f" under [methods.{job.run.method}]"
    )


def _missing_scores(run: store.Run, folder: Path, battery: Battery) -> bool:
    """Whether a metric asked for is not stored, or was unavailable and can be had now."""
    if run.status != store.DONE or not (folder / "scores.parquet").exists():
        return True
    lacking = (name for name, each in run.metrics.items() if each["unavailable"] and name not in battery.missing)
    return any(metric.id not in run.metrics for metric in battery.metrics) or any(lacking)


def _score(job: Job, run: store.Run, folder: Path, bench: Bench, method: Method) -> None:
    """Score a method on everything its task asks for."""
    plan = job.plan
    battery = Battery.of(bench.metrics, bench.engine.device, bench.known)
    if not _missing_scores(run, folder, battery):
        return
    gallery = Gallery(bench.root, folder, run, plan.kept)
    rows = list(score(plan.exam, MethodRestorer(method, job.told, bench.engine), battery, gallery))
    run.cost |= cost(method, Load(plan.exam.pictures.size or 256, plan.exam.batch, job.told), bench.engine)
    run.notes = sorted({*run.notes, *plan.notes, *plan.exam.pictures.pictures.problems})
    record(run, folder, rows, battery)
