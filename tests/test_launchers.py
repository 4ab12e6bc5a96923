"""Jobs in worker processes: the same bits as in this one, and an end to workers that hang or die."""

import dataclasses
import os
import pickle
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from bench import api
from bench.config import load_suite
from bench.discovery import discover
from bench.errors import UserError
from bench.launch import Watcher
from bench.launchers import Launcher
from bench.launchers.desk import DONE, Desk, Errand, Order
from bench.plan import plan_suite
from bench.results import atomic, store
from bench.training.engine import Engine
from tests.runs import scores

CPU = Engine(torch.device("cpu"))


class Heard(Watcher):
    """What was told of which job."""

    def __init__(self) -> None:
        self.words: dict[str, list[str]] = {}

    def started(self, job):
        self.words.setdefault(job.label, []).append("started")

    def trained(self, job, images, scalars):
        self.words[job.label].append("trained")

    def finished(self, job, run):
        self.words[job.label].append(f"finished {run.status}")


def test_workers_give_the_same_bits_as_this_process(tmp_path, tiny_suite):
    here = api.run(str(tiny_suite), api.Settings(tmp_path / "here", "cpu"))
    heard = Heard()
    settings = api.Settings(tmp_path / "there", "cpu", watcher=heard, launcher=Launcher(jobs=2))
    there = api.run(str(tiny_suite), settings)
    assert [(run.method, run.run_id, run.status) for run in there] == [(r.method, r.run_id, r.status) for r in here]
    pd.testing.assert_frame_equal(scores(tmp_path / "there"), scores(tmp_path / "here"), check_exact=True)
    assert {run.digests.get("checkpoint") for run in there} == {run.digests.get("checkpoint") for run in here}
    assert set(heard.words) == {"jpeg / identity", "jpeg / dncnn / seed 0", "jpeg / pix2pix / seed 0",
                                "hole / telea", "hole / unet_l1 / seed 0"}  # fmt: skip
    for label, words in heard.words.items():
        assert (words[0], words[-1]) == ("started", "finished done")
        assert ("trained" in words) == ("seed" in label)


TROUBLE = """
import os, signal, time
from pathlib import Path
from methods.identity import Identity

class Trouble(Identity):
    '''Hangs or dies until the file "mended" is there.'''
    from dataclasses import dataclass
    @dataclass(frozen=True)
    class Config:
        kind: str = "hang"
    def restore(self, degraded, mask):
        if not Path("mended").exists():
            if self.config.kind == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(10_000)
        return degraded

METHODS = {"hangs": Trouble.Config("hang"), "dies": Trouble.Config("die")}
"""


def test_a_worker_that_hangs_or_dies_is_a_row_and_the_others_go_on(tmp_path, tiny_suite, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugin = tmp_path / "trouble.py"
    plugin.write_text(TROUBLE)
    text = tiny_suite.read_text()
    tiny_suite.write_text(text.replace('["identity", "dncnn", "pix2pix"]', '["hangs", "dies", "identity"]'))
    launcher = Launcher(jobs=2, timeout=20)
    settings = api.Settings(tmp_path / "runs", "cpu", plugins=(plugin,), tasks=("jpeg",), launcher=launcher)
    by_name = {run.method: run for run in api.run(str(tiny_suite), settings)}
    assert by_name["identity"].status == store.DONE
    assert (by_name["hangs"].status, by_name["hangs"].reason) == (store.TIMEOUT, "stopped after 20 seconds (--timeout)")
    assert (by_name["dies"].status, by_name["dies"].reason) == (store.ERROR, "its process died (SIGKILL)")
    stored = {run.method: run.status for run in map(store.read_run, store.find_runs(tmp_path / "runs"))}
    assert stored == {"identity": store.DONE, "hangs": store.TIMEOUT, "dies": store.ERROR}

    (tmp_path / "mended").touch()
    again = api.run(str(tiny_suite), dataclasses.replace(settings, launcher=Launcher()))
    assert {run.status for run in again} == {store.DONE}, "both are tried again"


def test_a_worker_says_so_when_it_plans_another_run(tiny_suite, photos):
    [job] = [job for job in plan_suite(load_suite(str(tiny_suite)), discover(), CPU) if job.run.method == "dncnn"]
    order = Order(load_suite(str(tiny_suite)), "cpu", "float32", tiny_suite.parent / "runs")
    assert len(pickle.dumps((order, Errand.of(job)))) < 10_000, "no pictures travel"
    errand = Errand.of(job)
    assert Desk(order).job(errand).run == job.run
    tiny_suite.write_text(tiny_suite.read_text().replace("width = 8", "width = 9"))
    other = Desk(dataclasses.replace(order, suite=load_suite(str(tiny_suite))))
    with pytest.raises(UserError, match="jpeg/dncnn: this worker plans another run"):
        other.job(errand)
    word, line = other.do(errand, lambda *_: None)
    assert word == "refused" and "differ" in line


def test_a_desk_keeps_what_it_opened(tiny_suite):
    order = Order(load_suite(str(tiny_suite)), "cpu", "float32", tiny_suite.parent / "runs")
    errands = [Errand.of(job) for job in plan_suite(order.suite, discover(), CPU)]
    desk = Desk(order)
    jobs = [desk.job(each) for each in errands]
    assert len({id(job.plan.training) for job in jobs}) == 1, "the tasks share their pictures"
    word, run = desk.do(errands[0], lambda *_: None)
    assert (word, run.status) == (DONE, store.DONE)


def test_the_users_mistakes_are_a_line(tmp_path, tiny_suite, monkeypatch):
    for launcher, line in (
        (Launcher(kind="slurm"), "unknown launcher 'slurm'"),
        (Launcher(jobs=0), "--jobs must be 1 or more"),
        (Launcher(address="10.0.0.1:6379"), "with --launcher ray"),
        (Launcher(kind="ray", jobs=3), "--jobs is for worker processes here"),
    ):
        with pytest.raises(UserError, match=line):
            api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu", launcher=launcher))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="needs Ray; install it"):
        api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu", launcher=Launcher(kind="ray")))


def test_a_users_mistake_in_a_worker_ends_all_with_its_line(tmp_path, tiny_suite):
    from filelock import FileLock

    settings = api.Settings(tmp_path / "runs", "cpu", methods=("identity",))
    [run] = api.run(str(tiny_suite), settings)
    folder = store.run_folder(settings.runs, run.task, run.method, run.run_id)
    settings = dataclasses.replace(settings, launcher=Launcher(timeout=600))
    with FileLock(folder / ".lock"), pytest.raises(UserError, match="another process is at work on this run"):
        api.run(str(tiny_suite), settings)


def test_methods_can_be_picked_from_a_suite_that_has_settings_of_others(tmp_path, tiny_suite):
    tiny_suite.write_text(tiny_suite.read_text() + "[tasks.jpeg.settings.dncnn]\nwidth = 9\n")
    [run] = api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu", methods=("identity",)))
    assert run.status == store.DONE


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    host, old = socket.gethostname(), time.time() - 2 * atomic.FORGOTTEN
    paths = {
        name: tmp_path / f"{atomic.MARK}~{name}"
        for name in (f"{host}~{gone.pid}~1", f"{host}~{os.getpid()}~1", "elsewhere~1~1", "elsewhere~2~2")
    }
    for path in paths.values():
        path.write_text("half")
    os.utime(paths["elsewhere~2~2"], (old, old))
    (tmp_path / "scores.parquet").write_text("whole")
    atomic.sweep(tmp_path)
    left = {f"{host}~{os.getpid()}~1", "elsewhere~1~1"}
    assert {path.name for path in tmp_path.iterdir()} == {f"{atomic.MARK}~{name}" for name in left} | {"scores.parquet"}
    atomic.sweep(tmp_path, alone=True)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]
