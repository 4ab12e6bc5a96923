"""Worker processes on this machine. One that hangs is killed, one that dies is a row; the others go on."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from bench.errors import UserError
from bench.launch import Bench, give_up
from bench.launchers.desk import DONE, FAILED, REFUSED, Errand, Order, sit_down
from bench.launchers.start import Launcher
from bench.plan import Job
from bench.results import store

NEVER = float("inf")


@dataclass
class Worker:
    """A process, our end of its pipe, and the place in the list of the job it is at (-1: none)."""

    process: SpawnProcess
    pipe: Connection
    place: int = -1
    deadline: float = NEVER  # on time.monotonic's clock

    @classmethod
    def hire(cls, packed: bytes) -> Worker:
        """Start a process; a fresh interpreter, since CUDA and threads do not survive a fork."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, packed), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours)

    def end(self) -> int:
        """Kill it; returns its exit code, negative for a signal."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
        return self.process.exitcode or 0


class Pool:
    """So many workers at a list of jobs."""

    def __init__(self, jobs: list[Job], bench: Bench, order: Order, launcher: Launcher) -> None:
        self.jobs, self.bench, self.timeout = jobs, bench, launcher.timeout
        self.count = min(launcher.jobs, len(jobs))
        self.runs: dict[int, store.Run] = {}
        self._packed = pickle.dumps(order)
        self._waiting = deque(range(len(jobs)))
        self._workers: list[Worker] = []

    def run(self) -> list[store.Run]:
        """All runs, in the order of the jobs. Raises what a worker found to stand in the way of all."""
        try:
            while len(self.runs) < len(self.jobs):
                self._assign()
                soonest = min(each.deadline for each in self._workers)
                wait = None if soonest == NEVER else max(0.0, soonest - time.monotonic())
                ready = multiprocessing.connection.wait([each.pipe for each in self._workers if each.place >= 0], wait)
                for worker in list(self._workers):
                    if worker.pipe in ready:
                        self._hear(worker)
                    elif time.monotonic() >= worker.deadline:
                        self._drop(worker, store.TIMEOUT, f"stopped after {self.timeout:g} seconds (--timeout)")
        finally:
            for worker in self._workers:
                worker.end()
        return [self.runs[place] for place in range(len(self.jobs))]

    def _assign(self) -> None:
        """Give every idle worker a job; hire where there are too few."""
        busy = sum(worker.place >= 0 for worker in self._workers)
        while len(self._workers) < min(self.count, busy + len(self._waiting)):
            self._workers.append(Worker.hire(self._packed))
        for worker in self._workers:
            if worker.place < 0 and self._waiting:
                worker.place = self._waiting.popleft()
                worker.pipe.send(Errand.of(self.jobs[worker.place]))

    def _hear(self, worker: Worker) -> None:
        """Take one piece of news."""
        try:
            word, what = worker.pipe.recv()
        except (EOFError, OSError):
            return self._drop(worker, store.ERROR, "")
        job = self.jobs[worker.place]
        if word == "started":
            worker.deadline = time.monotonic() + self.timeout if self.timeout else NEVER
            self.bench.watcher.started(job)
        elif word == "trained":
            self.bench.watcher.trained(job, *what)
        elif word == DONE:
            self._finish(worker, what)
        elif word == REFUSED:
            raise UserError(what)
        elif word == FAILED:
            raise what
        return None

    def _finish(self, worker: Worker, run: store.Run) -> None:
        self.runs[worker.place] = run
        self.bench.watcher.finished(self.jobs[worker.place], run)
        worker.place, worker.deadline = -1, NEVER

    def _drop(self, worker: Worker, status: str, reason: str) -> None:
        """End a worker that is late or dead; its job becomes a row."""
        worker.process.join(0 if status == store.TIMEOUT else 5)  # the dead leave their exit code a moment later
        self._workers.remove(worker)
        code = worker.end()
        reason = reason or f"its process died ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"
        self._finish(worker, give_up(self.jobs[worker.place], self.bench, status, reason))


def run_in_processes(jobs: list[Job], bench: Bench, order: Order, launcher: Launcher) -> list[store.Run]:
    """Bring jobs to their end in launcher.jobs processes, each job within launcher.timeout seconds if that is not 0."""
    return Pool(jobs, bench, order, launcher).run()


def _work(pipe: Connection, packed: bytes) -> None:
    """The whole life of a worker process: errands in, news out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it ends us
    threading.Thread(target=follow_parent, daemon=True).start()
    try:
        desk = sit_down(packed)
    except UserError as error:
        pipe.recv()
        return pipe.send((REFUSED, str(error)))
    while True:
        try:
            errand = pipe.recv()
        except EOFError:
            return None
        pipe.send(desk.do(errand, lambda word, what: pipe.send((word, what))))


def follow_parent() -> Any:
    """End with the parent, however it ends: nobody would hear of what is done, and the next start needs the locks."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
