"""The choice of a launcher, and the simplest one: this process, one job after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch

from bench.errors import UserError, unknown
from bench.launch import Bench, run_job
from bench.launchers.desk import Order
from bench.launchers.meeting import Meeting, this_node
from bench.plan import Job
from bench.results import store
from bench.results.atomic import sweep
from bench.training.engine import Engine, choose_engine
from bench.training.share import Share

KINDS = ("local", "ray")


@dataclass(frozen=True)
class Launcher:
    """How jobs are spread. The defaults run them here, one after another."""

    kind: str = "local"  # or "ray"
    jobs: int = 1  # local: worker processes
    timeout: float = 0.0  # seconds that one job may take; 0: as long as it needs
    address: str = ""  # ray: of the cluster; "": RAY_ADDRESS, or else this machine alone. nodes: of the first of them
    gpus_per_job: float | None = None  # ray; None: one where the device is a GPU
    retries: int = 3  # ray: of a job whose machine was lost
    devices: int = 1  # local: processes, each with a GPU of its own where there are any, that train one run together
    nodes: int = 1  # local: machines with so many each; the same command is started on all of them

    @property
    def follows(self) -> bool:
        """Whether this machine only helps the first of `nodes`: nothing is scored or reported on it."""
        return self.nodes > 1 and this_node() > 0

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
        self._check_together()
        if self.kind != "ray" and (self.address and self.nodes == 1 or self.gpus_per_job is not None):
            raise UserError("--address goes with --launcher ray or --nodes, --gpus-per-job with --launcher ray")

    def _check_together(self) -> None:
        """Raise UserError on settings of one training by many processes that cannot be meant."""
        if self.devices < 1 or self.nodes < 1:
            raise UserError("--devices and --nodes must be 1 or more")
        if self.devices * self.nodes == 1:
            return
        if self.kind == "ray" or self.jobs > 1 or self.timeout:
            raise UserError("--devices and --nodes train one run at a time: leave --launcher, --jobs and --timeout out")
        if self.nodes > 1 and not self.address.rpartition(":")[2].isdecimal():
            raise UserError("--nodes needs --address HOST:PORT of the first machine, the same on all of them")
        if not 0 <= this_node() < self.nodes:
            raise UserError(f"this is machine {this_node()} (NODE_RANK), but --nodes is {self.nodes}")

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
    if launcher.devices * launcher.nodes > 1:
        return run_together(jobs, bench, order, launcher)
    if launcher.jobs > 1 or launcher.timeout:
        from bench.launchers.processes import run_in_processes

        return run_in_processes(jobs, bench, order, launcher)
    return run_jobs(jobs, bench)


def run_together(jobs: list[Job], bench: Bench, order: Order, launcher: Launcher) -> list[store.Run]:
    """Bring jobs to their end, one after another, each trained by many processes. On a machine that follows: none."""
    from bench.launchers.team import Team

    if order.device == "cuda" and launcher.devices > torch.cuda.device_count():
        raise UserError(f"--devices {launcher.devices}, but this machine has {torch.cuda.device_count()} GPUs")
    several = launcher.nodes > 1
    meeting = Meeting(launcher.address, launcher.nodes, this_node()) if several else None
    team = Team(order, launcher.devices, meeting)
    for job in jobs:
        if job.trained:
            Share(size=team.size).of(job.budget.batch)
    if meeting is None:
        return run_jobs(jobs, replace(bench, trainer=team.train))
    if meeting.node:
        team.follow()
        return []
    try:
        return run_jobs(jobs, replace(bench, trainer=team.train))
    finally:
        meeting.close()


def run_jobs(jobs: list[Job], bench: Bench) -> list[store.Run]:
    """Bring jobs to their end, here and one after another."""
    runs = []
    for job in jobs:
        bench.watcher.started(job)
        runs.append(run_job(job, bench))
        bench.watcher.finished(job, runs[-1])
    return runs
