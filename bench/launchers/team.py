"""One training by many processes: `devices` on this machine, and as many on each of `nodes` machines.

A process here, which holds the run's lock, starts the others for one training and ends them with it: if one dies, hangs
after another's error or is killed, none is left, and the run is a row. They find each other through a file, or with
several machines through a store at the first one's address.
"""

from __future__ import annotations

import dataclasses
import datetime
import multiprocessing
import multiprocessing.connection
import os
import pickle
import tempfile
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from bench.errors import UserError
from bench.launch import Bench, Trained, Watcher, train_here
from bench.launchers.desk import DONE, FAILED, REFUSED, Desk, Errand, Order, Teller, sit_down
from bench.launchers.meeting import Meeting
from bench.launchers.processes import follow_parent
from bench.plan import Job
from bench.results import store
from bench.scoring.memory import attempt
from bench.training.share import Share

POLL = 0.2  # seconds
RAISED, FULL = "raised", "full"  # what ended a training besides the words of a desk: an error, no memory left
FOREVER = datetime.timedelta(days=1000)  # the one that starts a process also ends it


@dataclass(frozen=True)
class Seat:
    """A process's place in a team: its share of every batch, its device here, and where the team meets.

    meeting: path of a file, or HOST:PORT. name: of this training there.
    """

    share: Share
    device: int
    meeting: str
    name: str

    def store(self) -> distributed.Store:
        """Where the processes find each other."""
        host, _, port = self.meeting.rpartition(":")
        if port.isdecimal():
            return distributed.PrefixStore(self.name, distributed.TCPStore(host, int(port), timeout=FOREVER))
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # one machine: nothing is sent over the network
        return distributed.PrefixStore(self.name, distributed.FileStore(self.meeting, self.share.size))


class Crew:
    """The processes of this machine for one training."""

    def __init__(self, order: Order, errand: Errand, seats: list[Seat]) -> None:
        context = multiprocessing.get_context("spawn")  # a fresh interpreter: CUDA and threads do not survive a fork
        self._pipes: dict[Connection, int] = {}
        self._processes = {}
        for seat in seats:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, pickle.dumps(order), errand, seat), daemon=True)
            process.start()
            theirs.close()
            self._pipes[ours], self._processes[seat.share.rank] = seat.share.rank, process

    def news(self) -> list[tuple[str, Any]]:
        """What was said by now, or after a moment; a process that died is news too."""
        heard: list[tuple[str, Any]] = []
        for pipe in multiprocessing.connection.wait(list(self._pipes), POLL):
            assert isinstance(pipe, Connection)
            try:
                heard.append(pipe.recv())
            except (EOFError, OSError):
                rank = self._pipes.pop(pipe)
                self._processes[rank].join(5)
                code = self._processes[rank].exitcode
                heard.insert(0, (RAISED, f"process {rank} died (exit code {code})"))  # others only lost touch with it
        return heard

    def end(self) -> None:
        """Kill what is left."""
        for process in self._processes.values():
            process.kill()
            process.join()


class Team:
    """Trains jobs of an order by many processes; its `train` is a trainer for bench.launch.Bench."""

    def __init__(self, order: Order, devices: int, meeting: Meeting | None = None) -> None:
        self._order, self._devices, self._meeting = order, devices, meeting
        self.size = devices * (meeting.nodes if meeting else 1)
        self._count = 0

    def train(self, job: Job, run: store.Run, folder: Path, bench: Bench) -> Trained:
        """Train a job from its last checkpoint, if any. Raises what ended the training in one of the processes."""
        note = f"trained by {self.size} processes at once, each on an equal share of every batch"
        run.notes = sorted({*run.notes, note})
        errand, parts = Errand.of(job), bench.engine.share.parts
        with tempfile.TemporaryDirectory() as scratch:
            where = self._meeting.address if self._meeting else str(Path(scratch) / "meeting")
            if self._meeting:
                self._meeting.announce(self._count, dataclasses.asdict(errand) | {"parts": parts})
            crew = Crew(self._order, errand, self._seats(where, 0, parts))
            try:
                return self._listen(crew, job, bench)
            finally:
                crew.end()
                if self._meeting:
                    self._meeting.dismiss(self._count)
                self._count += 1

    def follow(self) -> None:
        """The part of a machine that is not the first: join each training that the first announces, till it ends."""
        assert self._meeting is not None
        while (said := self._meeting.next(self._count)) is not None:
            parts = said.pop("parts")
            errand = Errand(**said | {"notes": tuple(said["notes"])})
            crew = Crew(self._order, errand, self._seats(self._meeting.address, self._meeting.node, parts))
            try:
                while not self._meeting.dismissed(self._count):
                    for word, what in crew.news():
                        if word != DONE:
                            self._meeting.complain(self._count, word, str(what))
            finally:
                crew.end()
            self._count += 1

    def _seats(self, where: str, node: int, parts: int) -> list[Seat]:
        first = node * self._devices
        shares = [Share(first + local, self.size, parts) for local in range(self._devices)]
        return [Seat(share, share.rank - first, where, f"training {self._count}") for share in shares]

    def _listen(self, crew: Crew, job: Job, bench: Bench) -> Trained:
        """Until the leading process has ended the training, or any has failed."""
        while True:
            news = crew.news()
            if self._meeting and (complaint := self._meeting.complaint(self._count)):
                news.append(complaint)
            for word, what in news:
                if word == "trained":
                    bench.watcher.trained(job, *what)
                elif word == DONE and what is not None:
                    return what
                elif word == FULL:
                    raise torch.OutOfMemoryError(what)
                elif word == REFUSED:
                    raise UserError(what)
                elif word == FAILED:
                    raise what if isinstance(what, OSError) else OSError(what)
                elif word == RAISED:
                    raise RuntimeError(what)


def _work(pipe: Connection, packed: bytes, errand: Errand, seat: Seat) -> None:
    """The whole life of one process of a team. When all is said it waits to be ended, so as not to alarm the others."""
    threading.Thread(target=follow_parent, daemon=True).start()
    try:
        pipe.send(_train(sit_down(packed), errand, seat, pipe))
    except UserError as error:
        pipe.send((REFUSED, str(error)))
    except OSError as error:
        pipe.send((FAILED, OSError(error.errno, error.strerror or str(error), error.filename)))
    except Exception as error:  # a method is not our code
        pipe.send((RAISED, f"process {seat.share.rank}: {type(error).__name__}: {error}".splitlines()[0]))
    threading.Event().wait()


def _train(desk: Desk, errand: Errand, seat: Seat, pipe: Connection) -> tuple[str, Any]:
    """This process's part of a training: how it ended, from the one that leads."""
    order, engine, leads = desk.order, desk.engine, seat.share.leads
    backend = "gloo"
    if engine.device.type == "cuda":
        torch.cuda.set_device(seat.device)
        engine, backend = dataclasses.replace(engine, device=torch.device("cuda", seat.device)), "nccl"
    engine = dataclasses.replace(engine, share=seat.share)
    job = desk.job(errand)
    folder = store.run_folder(order.runs, job.run.task, job.run.method, job.run.run_id)
    run = store.read_run(folder)
    watcher = Teller(lambda word, what: pipe.send((word, what))) if leads else Watcher()
    bench = Bench(order.runs, engine, (), watcher)
    distributed.init_process_group(
        backend, store=seat.store(), rank=seat.share.rank, world_size=seat.share.size, timeout=FOREVER
    )
    trained = attempt(lambda: train_here(job, run, folder, bench))
    if trained is None:
        return FULL, "memory ran out"
    return DONE, trained if leads else None
