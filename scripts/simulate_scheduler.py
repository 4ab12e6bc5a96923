#!/usr/bin/env python3
"""Simulates `restorebench run --launcher ray` at any size: jobs, machines that are lost, retries, checkpoints.

    scripts/simulate_scheduler.py --jobs 10000 --machines 32 --workers 8 --train 0.5 --score 0.5 --lost-every 500

The rules are those of bench.launchers.cluster: jobs start in order as workers come free; a lost machine's jobs go to
the back of the queue; training goes on from the last checkpoint, scoring begins anew; a job that was lost too often is
given up.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import sys
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Setting:
    """Times in hours."""

    jobs: int
    machines: int
    workers: int  # per machine
    train: float  # median of one job's training
    score: float  # median of one job's scoring
    spread: float  # standard deviation of the logarithm of both
    lost_every: float  # mean hours between losses of one machine; 0: never
    back_after: float  # until a lost machine takes jobs again
    begin: float  # of a worker on a job: planning, reading pictures
    checkpoint: float  # between two checkpoints
    retries: int
    seed: int


@dataclass
class Job:
    """What is left of a job."""

    train: float
    score: float
    losses: int = 0


@dataclass
class Outcome:
    """What became of it all."""

    finished: int = 0
    given_up: int = 0
    losses: int = 0  # of machines
    restarts: int = 0  # of jobs
    hours: float = 0.0  # until the last job ended
    useful: float = 0.0  # worker-hours of training and scoring that were kept
    redone: float = 0.0  # worker-hours that were lost with a machine


@dataclass
class Machine:
    """Its jobs at work, by the number of their start: (job, hour of start)."""

    up: bool = True
    busy: dict[int, tuple[int, float]] = field(default_factory=dict)


class Simulation:
    """Events in order of time: a job's end, a machine's loss, a machine's return."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.random = setting, random.Random(setting.seed)
        draw = self.random.lognormvariate
        self.jobs = [
            Job(*(draw(math.log(hours), setting.spread) for hours in (setting.train, setting.score)))
            for _ in range(setting.jobs)
        ]
        self.queue, self.machines = deque(range(setting.jobs)), [Machine() for _ in range(setting.machines)]
        self.events: list[tuple[float, int, str, int]] = []  # hour, number, kind, machine
        self.count, self.outcome = 0, Outcome()

    def run(self) -> Outcome:
        """To the end of the last job."""
        for number in range(len(self.machines)):
            self._plan_loss(0.0, number)
        self._assign(0.0)
        while self.outcome.finished + self.outcome.given_up < self.setting.jobs:
            now, number, kind, machine = heapq.heappop(self.events)
            if kind == "lost":
                self._lose(now, machine)
            elif kind == "back":
                self.machines[machine].up = True
                self._plan_loss(now, machine)
            elif number in self.machines[machine].busy:  # else the machine was lost before
                self._end(now, self.machines[machine].busy.pop(number)[0])
            self._assign(now)
        return self.outcome

    def _push(self, when: float, kind: str, machine: int) -> int:
        self.count += 1  # also breaks ties in a fixed order
        heapq.heappush(self.events, (when, self.count, kind, machine))
        return self.count

    def _plan_loss(self, now: float, number: int) -> None:
        if self.setting.lost_every:
            self._push(now + self.random.expovariate(1 / self.setting.lost_every), "lost", number)

    def _assign(self, now: float) -> None:
        for number, machine in enumerate(self.machines):
            while machine.up and self.queue and len(machine.busy) < self.setting.workers:
                place = self.queue.popleft()
                job = self.jobs[place]
                start = self._push(now + self.setting.begin + job.train + job.score, "end", number)
                machine.busy[start] = (place, now)

    def _end(self, now: float, place: int) -> None:
        self.outcome.finished += 1
        self.outcome.useful += self.jobs[place].train + self.jobs[place].score
        self.outcome.hours = now

    def _lose(self, now: float, number: int) -> None:
        machine = self.machines[number]
        machine.up = False
        self.outcome.losses += 1
        self._push(now + self.setting.back_after, "back", number)
        for place, start in machine.busy.values():
            self._restart(self.jobs[place], place, max(0.0, now - start - self.setting.begin))
            self.outcome.hours = now
        machine.busy = {}

    def _restart(self, job: Job, place: int, spent: float) -> None:
        """Keep what the last checkpoint has, and send the job to the back of the queue."""
        trained = min(spent, job.train)
        kept = trained if trained == job.train else trained - trained % self.setting.checkpoint
        job.train -= kept
        job.losses += 1
        self.outcome.useful += kept
        self.outcome.redone += spent - kept
        if job.losses > self.setting.retries:
            self.outcome.given_up += 1
            return
        self.outcome.restarts += 1
        self.queue.append(place)


def report(setting: Setting, outcome: Outcome) -> list[tuple[str, str]]:
    """The figures, as lines of a table."""
    workers = setting.machines * setting.workers
    return [
        ("jobs", f"{setting.jobs:,} on {workers} workers of {setting.machines} machines"),
        ("until the last one ended", f"{outcome.hours:.1f} h"),
        ("if work could be split at will, nothing lost", f"{outcome.useful / workers:.1f} h"),
        ("workers' time that was kept", f"{100 * outcome.useful / (workers * outcome.hours):.1f} %"),
        ("machines lost", f"{outcome.losses}"),
        ("jobs started again", f"{outcome.restarts}"),
        ("worker-hours done twice", f"{outcome.redone:.1f} of {outcome.useful:.0f}"),
        ("jobs finished", f"{outcome.finished:,}"),
        ("jobs given up (a row with its reason)", f"{outcome.given_up}"),
    ]


def parse(arguments: list[str] | None = None) -> Setting:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    defaults: tuple[tuple[str, float, str], ...] = (
        ("jobs", 10_000, "runs: methods × seeds × tasks"), ("machines", 32, ""), ("workers", 8, "per machine"),
        ("train", 0.5, "median hours of a training"), ("score", 0.5, "median hours of a scoring"),
        ("spread", 0.5, "standard deviation of the logarithm of both"),
        ("lost-every", 500.0, "mean hours between losses of one machine; 0: never"),
        ("back-after", 1.0, "hours until a lost machine is back"), ("begin", 0.02, "hours until a worker has planned"),
        ("checkpoint", 30 / 3600, "hours between checkpoints"), ("retries", 3, "of a job"), ("seed", 0, ""),
    )  # fmt: skip
    for name, value, text in defaults:
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"{text} ({value:g})".strip())
    return Setting(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    asked = parse()
    for what, figure in report(asked, Simulation(asked).run()):
        sys.stdout.write(f"{what:46} {figure}\n")
