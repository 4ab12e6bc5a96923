"""Jobs on the machines of a Ray cluster, one task each. Ray runs a job again whose machine was lost.

The runs folder must be one that all machines see. A task that is run again finds what the lost one had stored, and goes
on from its checkpoint; until the system has ended what is left of the lost one, it waits for the lock of the run.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import socket
import time
from typing import Any

from bench.errors import UserError
from bench.launch import Bench, give_up
from bench.launchers.desk import DONE, FAILED, REFUSED, Errand, Order, sit_down
from bench.launchers.start import Launcher
from bench.plan import Job
from bench.results import store

POLL = 0.5  # seconds
PATIENCE = 120.0  # seconds to wait for the lock of a run whose machine was lost


class Mailbox:
    """News of all jobs, on the driver's machine. A Ray actor."""

    def __init__(self) -> None:
        self._news: list[tuple[int, str, Any]] = []

    def put(self, place: int, word: str, what: object) -> None:
        """Say something of the job at a place of the list."""
        self._news.append((place, word, what))

    def take(self) -> list[tuple[int, str, Any]]:
        """What was said since the last time."""
        news, self._news = self._news, []
        return news


class Cluster:
    """A list of jobs on the machines that Ray has."""

    def __init__(self, ray: Any, jobs: list[Job], bench: Bench, launcher: Launcher) -> None:
        self.ray = ray
        self.jobs, self.bench, self.launcher = jobs, dataclasses.replace(bench, patience=PATIENCE), launcher
        self.runs: dict[int, store.Run] = {}
        self._pending: dict[Any, int] = {}  # Ray's reference -> place in the list
        self._deadlines: dict[int, float] = {}

    def run(self, order: Order) -> list[store.Run]:
        """All runs, in the order of the jobs. Raises what a worker found to stand in the way of all."""
        mailbox = self._open_mailbox()
        gpus = self.launcher.gpus_per_job
        task = self.ray.remote(_work).options(
            num_cpus=order.threads,
            num_gpus=float(order.device == "cuda") if gpus is None else gpus,
            max_retries=self.launcher.retries,
            retry_exceptions=False,
        )
        packed = pickle.dumps(order)
        for place, job in enumerate(self.jobs):
            self._pending[task.remote(packed, Errand.of(job), mailbox, place)] = place
        try:
            while self._pending:
                done, _ = self.ray.wait(list(self._pending), num_returns=len(self._pending), timeout=POLL)
                for news in self.ray.get(mailbox.take.remote()):
                    self._hear(*news)
                for reference in done:
                    self._take(reference)
                self._cancel_late()
        finally:
            for reference in self._pending:
                self.ray.cancel(reference, force=True)
            self.ray.kill(mailbox)
        return [self.runs[place] for place in range(len(self.jobs))]

    def _open_mailbox(self) -> Any:
        """On the driver's machine: the others may be lost."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(self.ray.get_runtime_context().get_node_id(), soft=False)
        return self.ray.remote(Mailbox).options(num_cpus=0, scheduling_strategy=here).remote()

    def _hear(self, place: int, word: str, what: Any) -> None:
        if place in self.runs:
            return
        if word == "started":
            if self.launcher.timeout:
                self._deadlines[place] = time.monotonic() + self.launcher.timeout
            self.bench.watcher.started(self.jobs[place])
        elif word == "trained":
            self.bench.watcher.trained(self.jobs[place], *what)

    def _take(self, reference: Any) -> None:
        """Take how a job ended; one that Ray gave up is a row."""
        place = self._pending.pop(reference)
        try:
            word, what = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            reason = f"its machine or process was lost {self.launcher.retries + 1} times ({type(error).__name__})"
            return self._finish(place, give_up(self.jobs[place], self.bench, store.ERROR, reason))
        if word == REFUSED:
            raise UserError(what)
        if word == FAILED:
            raise what
        assert word == DONE
        return self._finish(place, what)

    def _finish(self, place: int, run: store.Run) -> None:
        self._deadlines.pop(place, None)
        self.runs[place] = run
        self.bench.watcher.finished(self.jobs[place], run)

    def _cancel_late(self) -> None:
        now = time.monotonic()
        late = {place for place, deadline in self._deadlines.items() if now >= deadline}
        for reference in [each for each, place in self._pending.items() if place in late]:
            self.ray.cancel(reference, force=True)
            place = self._pending.pop(reference)
            reason = f"stopped after {self.launcher.timeout:g} seconds (--timeout)"
            self._finish(place, give_up(self.jobs[place], self.bench, store.TIMEOUT, reason))


def run_on_ray(jobs: list[Job], bench: Bench, order: Order, launcher: Launcher) -> list[store.Run]:
    """Bring jobs to their end on the cluster at launcher.address. Raises UserError without Ray or the cluster."""
    try:
        import ray
    except ImportError:
        raise UserError("--launcher ray needs Ray; install it: pip install 'restorebench[cluster]'") from None
    joined = ray.is_initialized()
    if not joined:
        _check_reachable(launcher.address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
        try:
            ray.init(address=launcher.address or None, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"no Ray cluster at '{launcher.address or 'here'}': {line}") from None
    try:
        order = dataclasses.replace(order, patience=PATIENCE, runs=order.runs.absolute())
        return Cluster(ray, jobs, bench, launcher).run(order)
    finally:
        if not joined:
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise UserError when nobody listens at HOST:PORT; Ray itself would end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise UserError(f"no Ray cluster at '{address}': {error.strerror or error}; see `ray status`") from None


def _work(packed: bytes, errand: Errand, mailbox: Any, place: int) -> tuple[str, Any]:
    """A Ray task: one job, in a process that Ray may use for the next one too."""
    try:
        desk = sit_down(packed)
    except UserError as error:
        return REFUSED, str(error)
    return desk.do(errand, lambda word, what: mailbox.put.remote(place, word, what))
