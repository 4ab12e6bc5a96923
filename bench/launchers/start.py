"""The choice of a launcher, and the simplest one: this process, one job after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.errors import UserError, unknown
from bench.launch import Bench, run_job
from bench.launchers.desk import Order
from bench.plan import Job
from bench.results import store
from bench.results.atomic import sweep
from bench.training.engine import Engine, choose_engine

KINDS = ("local", "ray")


@dataclass(frozen=True)
class Launcher:
    """How jobs are spread. The defaults run them here, one after another."""

    kind: str = "local"  # or "ray"
    jobs: int = 1  # local: worker processes
    timeout: float = 0.0  # seconds that one job may take; 0: as long as it needs
    address: str = ""  # ray: of the cluster; "": RAY_ADDRESS, or else this machine alone
    gpus_per_job: float | None = None  # ray; None: one where the device is a GPU
    retries: int = 3  # ray: of a job whose machine was lost

    def check(self) -> None:
        """Raise UserError on settings that cannot be meant."""
        if self.kind not in KINDS:
            raise unknown("launcher", self.kind, KINDS)
        if self.jobs < 1 or self.timeout < 0 or (self.gpus_per_job or 0) < 0:
            raise UserError("--jobs must be 1 or more, --timeout and --gpus-per-job 0 or more")
        if self.kind == "ray" and self.jobs != 1:
            raise UserError(
                "--jobs is for worker processes here; on Ray as many jobs run as its machines have room for"
            )
        if self.kind != "ray" and (self.address or self.gpus_per_job is not None):
            raise UserError("--address and --gpus-per-job go with --launcher ray")

    def engine(self, device: str, precision: Literal["auto", "float32", "bf16"]) -> Engine:
        """The engine that jobs are planned for. With GPUs asked of a cluster this machine need not have one."""
        if self.gpus_per_job:
            return Engine(choose_engine("auto").device, "bf16" if precision == "auto" else precision)
        return choose_engine(device, precision)


def launch(jobs: list[Job], bench: Bench, order: Order, launcher: Launcher) -> list[store.Run]:
    """Bring jobs to their end where the launcher says; their runs come in the order of the jobs.

    Raises UserError and OSError as run_jobs does, with all workers ended.
    """
    for inputs in bench.root.glob(
        "*/inputs"
    ):  # shared by all runs of a task; a run's own folder is swept with its lock
        sweep(inputs)
    if launcher.kind == "ray":
        from bench.launchers.cluster import run_on_ray

        return run_on_ray(jobs, bench, order, launcher)
    if launcher.jobs > 1 or launcher.timeout:
        from bench.launchers.processes import run_in_processes

        return run_in_processes(jobs, bench, order, launcher)
    return run_jobs(jobs, bench)


def run_jobs(jobs: list[Job], bench: Bench) -> list[store.Run]:
    """Bring jobs to their end, here and one after another."""
    runs = []
    for job in jobs:
        bench.watcher.started(job)
        runs.append(run_job(job, bench))
        bench.watcher.finished(job, runs[-1])
    return runs
