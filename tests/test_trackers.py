"""Trackers: what they are told, that a training outlives them, and MLflow for real against a local store."""

import json
import os
import struct
import sys
import time
from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bench import api
from bench.errors import UserError
from bench.results.store import Run, find_runs, read_run
from bench.training import trackers
from bench.training.trackers import Trackers, Wandb, check_trackers, settings
from tests.test_cli import call, complains

RUN = Run("1", "tiny", "jpeg", "dncnn", 3, "0a1b2c3d4e5f", config={"train": {"crop": 32, "level": "jpeg_q10"}})


class Fake:
    """Keeps what it is told; breaks on the call that it is told to."""

    def __init__(self, breaks: str = "") -> None:
        self.told: list[tuple] = []
        self._breaks = breaks

    def _note(self, name, *rest):
        self.told.append((name, *rest))
        if name == self._breaks:
            raise ConnectionError("the server is down\nand out")

    def begin(self, images):
        self._note("begin", images)

    def add(self, images, scalars):
        self._note("add", images, scalars)

    def close(self, ended):
        self._note("close", ended)


@pytest.fixture
def tracked(tiny_suite, tmp_path, monkeypatch):
    """Trains dncnn with a fake in MLflow's place; returns the run's folder and the fake."""
    monkeypatch.setattr(trackers, "find_spec", lambda name: SimpleNamespace(name=name))
    text = tiny_suite.read_text().replace("[train]", '[train]\ntrackers = ["mlflow"]')
    tiny_suite.write_text(text)

    def train(fake):
        monkeypatch.setitem(trackers.TRACKERS, "mlflow", lambda run, folder: fake)
        api.train(str(tiny_suite), api.Settings(tmp_path / "runs", methods=("dncnn",)))
        (folder,) = find_runs(tmp_path / "runs")
        return folder

    return train


def test_every_tracker_gets_each_logged_row_once(tracked):
    fake = Fake()
    folder = tracked(fake)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    assert fake.told[0] == ("begin", 0) and fake.told[-1] == ("close", True)
    assert [("add", int(row.pop("images")), row) for row in rows] == fake.told[1:-1] and len(rows) == 4
    events = EventAccumulator(str(folder)).Reload()
    assert [each.step for each in events.Scalars("mse")] == [80, 160, 240, 320]
    assert read_run(folder).notes == []


@pytest.mark.parametrize("breaks", ["begin", "add", "close"])
def test_a_training_outlives_its_tracker(tracked, breaks):
    fake = Fake(breaks)
    run = read_run(tracked(fake))
    assert run.status == "trained" and run.images_seen == 320
    assert fake.told[-1][0] == breaks and sum(each[0] == breaks for each in fake.told) == 1
    (note,) = run.notes
    assert note.startswith("mlflow: ConnectionError: the server is down;") and "\n" not in note


def test_trackers_do_not_decide_a_run(tracked, tiny_suite, tmp_path):
    folder = tracked(Fake())
    tiny_suite.write_text(tiny_suite.read_text().replace('trackers = ["mlflow"]', ""))
    api.train(str(tiny_suite), api.Settings(tmp_path / "runs", methods=("dncnn",)))
    assert list(find_runs(tmp_path / "runs")) == [folder]


def test_an_absent_package_is_one_line_before_any_work(tiny_suite, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    text = tiny_suite.read_text()
    for names, says in (('["wandb"]', "pip install 'restorebench[wandb]'"), ('["mlfow"]', "did you mean 'mlflow'?")):
        tiny_suite.write_text(text.replace("[train]", f"[train]\ntrackers = {names}"))
        complains(call(capsys, monkeypatch, "train", tiny_suite, "--runs", tmp_path / "runs"), says)
    assert not (tmp_path / "runs").exists()
    check_trackers(())
    with pytest.raises(UserError, match="not installed"):
        check_trackers(("mlflow",))


def test_a_tracker_that_cannot_be_made_is_a_problem(tmp_path, monkeypatch):
    def broken(run, folder):
        raise ImportError("no such package on this worker")

    monkeypatch.setitem(trackers.TRACKERS, "mlflow", broken)
    both = Trackers(tmp_path, ("mlflow",), RUN)
    both.begin(0)
    both.close(True)
    assert len(both.problems) == 1 and "on this worker" in both.problems[0]


@pytest.mark.parametrize(("offline", "mode"), [("1", "offline"), ("0", None)])
def test_wandb_is_told_who_the_run_is(tmp_path, monkeypatch, offline, mode):
    calls = []
    handle = SimpleNamespace(
        log=lambda scalars, step: calls.append(("log", scalars, step)),
        finish=lambda exit_code: calls.append(("finish", exit_code)),
    )
    fake = SimpleNamespace(init=lambda **options: calls.append(("init", options)) or handle)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", offline)
    tracker = Wandb(RUN, tmp_path)
    tracker.begin(0)
    tracker.add(40, {"l1": 0.5})
    tracker.close(False)
    options = calls[0][1]
    assert options["id"] == RUN.run_id and options["resume"] == "allow" and options["mode"] == mode
    assert options["config"] == settings(RUN) and settings(RUN)["train.crop"] == 32
    assert calls[1:] == [("log", {"l1": 0.5}, 40), ("finish", 1)]


def kept(path):
    """The records of W&B's file of an offline run: a header of 7 bytes, then checksum, length, kind and protobuf."""
    from wandb.proto import wandb_internal_pb2

    data, place = path.read_bytes(), 7
    assert len(data) < 32768, "beyond it a record may be split"
    while place + 7 <= len(data):
        _, length, kind = struct.unpack_from("<IHB", data, place)
        assert kind == 1, "a whole record"
        if place + 7 + length > len(data):
            return  # being written
        yield wandb_internal_pb2.Record.FromString(data[place + 7 : place + 7 + length])
        place += 7 + length


def ended(records):
    """The exit code, once the file is whole."""
    return [each.exit.exit_code for each in records if each.WhichOneof("record_type") == "exit"]


def test_wandb_keeps_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    for name in [each for each in os.environ if each.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    both = Trackers(tmp_path, ("wandb",), RUN)
    both.begin(0)
    for images in (20, 40):
        both.add(images, {"l1": 1 / images})
    both.close(True)
    assert both.problems == []
    (file,) = tmp_path.glob(f"wandb/offline-run-*/run-{RUN.run_id}.wandb")
    for _ in range(600):  # its own process may still be writing
        records = list(kept(file))
        if ended(records):
            break
        time.sleep(0.1)
    (run,) = [each.run for each in records if each.WhichOneof("record_type") == "run"]
    assert (run.run_id, run.project, run.run_group, run.display_name) == (
        RUN.run_id, "restorebench", "jpeg", "dncnn seed 3",
    )  # fmt: skip
    told = {each.key or each.nested_key[0]: json.loads(each.value_json) for each in run.config.update}
    assert {name: told[name] for name in settings(RUN)} == settings(RUN)
    rows = [each.history for each in records if each.WhichOneof("record_type") == "history"]
    values = [{each.key or each.nested_key[0]: json.loads(each.value_json) for each in row.item} for row in rows]
    assert [(row["_step"], row["l1"]) for row in values] == [(20, 0.05), (40, 0.025)]
    assert ended(records) == [0]


def test_mlflow_keeps_one_run_through_an_interruption(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    for images, ended in ((0, False), (40, True)):
        both = Trackers(tmp_path / "run", ("mlflow",), RUN)
        both.begin(images)
        both.add(images + 20, {"l1": 1 / (images + 1)})
        both.close(ended)
        assert both.problems == []
    client = mlflow.MlflowClient()
    (stored,) = client.search_runs([client.get_experiment_by_name("restorebench/jpeg").experiment_id])
    assert stored.info.status == "FINISHED" and stored.info.run_name == "dncnn seed 3"
    assert stored.data.params["train.crop"] == "32" and stored.data.tags["restorebench_run"] == RUN.run_id
    assert [each.step for each in client.get_metric_history(stored.info.run_id, "l1")] == [20, 60]
