"""What a worker needs to do a job that another process planned: a kilobyte of words, from which it plans for itself.

Jobs themselves are not sent. They hold opened pictures, plug-ins' classes and metrics, which would have to be kept
picklable, and up to gigabytes of cache. A worker plans the one method it is sent for and must come to the same run id,
a digest of pictures, settings and code: a machine whose files differ is found out before it computes anything.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.config import Suite
from bench.discovery import Found, discover
from bench.errors import UserError
from bench.launch import Bench, Watcher, run_job
from bench.plan import Job, Opened, TaskPlan, open_data, plan_method, plan_task
from bench.training.engine import Engine, choose_engine

Tell = Callable[[str, Any], None]  # news of a job: "started", "trained", and how it ended
PAUSE = 0.5  # seconds between two words on one training
DONE, REFUSED, FAILED = "done", "refused", "failed"  # with a Run, the user's mistake in a line, an OSError


@dataclass(frozen=True)
class Order:
    """What the command line asked for, the same for all workers."""

    suite: Suite
    device: str
    precision: str
    runs: Path
    train: bool = True
    score: bool = True
    plugins: tuple[Path, ...] = ()
    patience: float = 0.0
    threads: int = field(default_factory=torch.get_num_threads)  # of torch: sums in another order have other bits
    folder: Path = field(default_factory=Path.cwd)  # relative paths of the suite begin here
    environment: dict[str, str] = field(
        default_factory=lambda: {name: value for name, value in os.environ.items() if name.startswith("RESTOREBENCH_")}
    )


@dataclass(frozen=True)
class Errand:
    """Which run to bring to its end."""

    task: str
    method: str
    run_id: str
    notes: tuple[str, ...]  # of its task: found by reading every picture, which need not be done twice

    @classmethod
    def of(cls, job: Job) -> Errand:
        """The errand for a planned job."""
        return cls(job.run.task, job.run.method, job.run.run_id, job.plan.notes)


class Desk:
    """A worker's place. What it opens for one errand is there for the next."""

    def __init__(self, order: Order) -> None:
        self.order, self.suite = order, order.suite
        self.found: Found = discover(order.plugins)
        self.engine: Engine = choose_engine(order.device, order.precision)
        self._opened: dict[str, Opened] = {}
        self._plans: dict[str, TaskPlan] = {}

    def job(self, errand: Errand) -> Job:
        """Plan what an errand names. Raises UserError when this machine comes to another run than the sender."""
        for job in plan_method(self.suite, self.found, self._plan(errand), errand.method, self.engine):
            if job.run.run_id == errand.run_id:
                return job
        raise UserError(
            f"{errand.task}/{errand.method}: this worker plans another run than the one it was sent for; "
            "its pictures, code or settings differ"
        )

    def do(self, errand: Errand, tell: Tell) -> tuple[str, Any]:
        """Bring a run to its end: DONE with the run, or what stands in the way of all of them."""
        try:
            job, order = self.job(errand), self.order
            bench = Bench(
                order.runs, self.engine, self.suite.score.metrics, Teller(tell), order.train, order.score,
                self.found.metrics, order.patience,
            )  # fmt: skip
            tell("started", None)
            return DONE, run_job(job, bench)
        except UserError as error:
            return REFUSED, str(error)
        except OSError as error:
            return FAILED, OSError(error.errno, error.strerror or str(error), error.filename)

    def _plan(self, errand: Errand) -> TaskPlan:
        if errand.task not in self._plans:
            name = self.suite.tasks[errand.task].data
            if name not in self._opened:
                self._opened[name] = open_data(self.suite.data[name], compare=False)
            plan = plan_task(self.suite, self.found, errand.task, self._opened[name])
            self._plans[errand.task] = dataclasses.replace(plan, notes=errand.notes)
        return self._plans[errand.task]


@functools.lru_cache(maxsize=1)
def sit_down(packed: bytes) -> Desk:
    """The desk for a pickled order, in a process that was started for nothing else."""
    order: Order = pickle.loads(packed)
    if order.folder.is_dir():
        os.chdir(order.folder)
    os.environ.update(order.environment)
    torch.set_num_threads(order.threads)
    return Desk(order)


class Teller(Watcher):
    """Passes on how a training goes, a few times a second at most."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._last = tell, -PAUSE

    def trained(self, job: Job, images: int, scalars: dict[str, float]) -> None:
        """Say it, unless something was said just now."""
        if abs(time.monotonic() - self._last) >= PAUSE:
            self._last = time.monotonic()
            self._tell("trained", (images, scalars))
