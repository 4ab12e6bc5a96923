"""The main job end to end: run, interrupt, resume, fail, score folders, measure."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from PIL import Image

from bench import api
from bench.config import load_suite
from bench.discovery import discover
from bench.errors import UserError
from bench.launch import Watcher
from bench.plan import plan_suite
from bench.results import store
from bench.training.engine import Engine
from tests.runs import scores

CPU = Engine(torch.device("cpu"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, photos) -> Path:
    """The runs folder of the tiny suite, run once without interruption."""
    from tests.conftest import TINY

    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "tiny.toml").write_text(TINY.format(photos=photos))
    api.run(str(folder / "tiny.toml"), api.Settings(runs=folder / "runs", device="cpu"))
    return folder / "runs"


def test_every_job_is_done_and_scored(undisturbed):
    runs = [store.read_run(folder) for folder in store.find_runs(undisturbed)]
    assert {(run.task, run.method) for run in runs} == {
        ("jpeg", "identity"), ("jpeg", "dncnn"), ("jpeg", "pix2pix"), ("hole", "telea"), ("hole", "unet_l1"),
    }  # fmt: skip
    assert all(run.status == store.DONE for run in runs)
    frame = scores(undisturbed)
    assert list(frame.columns) == list(store.SCORE_COLUMNS)
    hole = frame[(frame["task"] == "hole") & (frame["metric"] == "psnr")]
    assert set(hole["region"]) == {"whole", "lost", "boundary", "kept"}
    assert np.isfinite(frame["value"]).all()


def test_a_run_says_how_it_was_made(undisturbed):
    run = next(r for r in map(store.read_run, store.find_runs(undisturbed)) if r.method == "pix2pix")
    assert run.images_seen == 320 and run.trained
    assert run.versions["torch"] and run.device and run.started
    assert run.config["method"]["config"]["base"] == 4
    assert {"train data", "level jpeg_q10", "inputs"} <= run.digests.keys()
    assert run.metrics["psnr"]["fingerprint"] and run.metrics["psnr"]["unavailable"] is None
    assert {"parameters", "flops", "latency_ms", "training_seconds"} <= run.cost.keys()


def test_pictures_are_kept_for_the_board(undisturbed):
    folder = next(folder for folder in store.find_runs(undisturbed) if folder.parent.name == "telea")
    run = store.read_run(folder)
    kept = sorted((folder / "images" / "hole_box").glob("*.png"))
    assert len(kept) == 2
    for kind in ("truth", "degraded", "mask"):
        assert store.input_path(undisturbed, run, kind, "hole_box", kept[0].stem).exists()


def test_a_finished_suite_is_not_done_again(undisturbed):
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*") if path.is_file()}
    suite = undisturbed.parent / "tiny.toml"
    api.run(str(suite), api.Settings(runs=undisturbed, device="cpu"))
    assert before == {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*") if path.is_file()}


class StopAfter(Watcher):
    """Stops the whole suite, as Ctrl-C would, at the n-th thing it hears."""

    def __init__(self, events: int) -> None:
        self.left = events

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def started(self, job):
        self._count()

    def trained(self, job, images, scalars):
        self._count()

    def finished(self, job, run):
        self._count()


def test_interrupted_anywhere_it_ends_with_the_same_scores(tmp_path, tiny_suite, undisturbed):
    stops = 0
    for events in (1, 2, 3, 3, 4, 2, 3, 5, 3, 4, 3):
        try:
            api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu", watcher=StopAfter(events)))
        except KeyboardInterrupt:
            stops += 1
    api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu"))
    assert stops >= 8
    pd.testing.assert_frame_equal(scores(tmp_path / "runs"), scores(undisturbed), check_exact=True)


def test_killed_in_the_middle_it_ends_with_the_same_scores(tmp_path, tiny_suite, undisturbed):
    command = [
        sys.executable,
        "-m",
        "bench",
        "run",
        str(tiny_suite),
        "--runs",
        "runs",
        "--site",
        "site",
        "--device",
        "cpu",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        while not list(tmp_path.glob("runs/*/*/*/checkpoint.pt")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert len(list(store.find_runs(tmp_path / "runs"))) < 5
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "The board is at" in done.stdout
    pd.testing.assert_frame_equal(scores(tmp_path / "runs"), scores(undisturbed), check_exact=True)


def test_a_finished_run_whose_checkpoint_was_damaged_is_mended(tmp_path, tiny_suite, undisturbed):
    settings = api.Settings(runs=tmp_path / "runs", device="cpu", methods=("dncnn",))
    api.run(str(tiny_suite), settings)
    folder = next(store.find_runs(tmp_path / "runs"))
    (folder / "checkpoint.pt").write_bytes((folder / "checkpoint.pt").read_bytes()[:-1])
    with pytest.raises(UserError, match="not a readable checkpoint"):
        api.score(str(tiny_suite), settings)
    api.run(str(tiny_suite), settings)
    assert store.read_run(folder).status == store.DONE
    assert "checkpoint.pt was damaged; training began anew" in store.read_run(folder).notes
    expected = scores(undisturbed).query("method == 'dncnn'").reset_index(drop=True)
    pd.testing.assert_frame_equal(scores(tmp_path / "runs"), expected, check_exact=True)


def test_a_second_process_on_a_run_leaves_with_a_clear_line(tmp_path, tiny_suite):
    settings = api.Settings(runs=tmp_path / "runs", device="cpu", methods=("dncnn",))
    [run] = api.run(str(tiny_suite), settings)
    folder = store.run_folder(settings.runs, run.task, run.method, run.run_id)
    with FileLock(folder / ".lock"), pytest.raises(UserError, match="another process is at work on this run"):
        api.run(str(tiny_suite), settings)
    assert api.run(str(tiny_suite), settings)[0].status == store.DONE


BAD_METHOD = """
from dataclasses import dataclass
import torch
from methods.base import Method

class Bad(Method):
    '''Returns what a method must not return.'''
    tasks = frozenset({"jpeg"})
    @dataclass(frozen=True)
    class Config:
        fault: str = "nan"
    def optimizers(self): return {}
    def step(self, batch, progress): return {}
    def restore(self, degraded, mask):
        assert mask is None, "the mask leaked"
        if self.config.fault == "nan":
            out = degraded.clone()
            out[0, 0, 0, 0] = float("nan")
            return out
        if self.config.fault == "shape":
            return degraded[..., :-1]
        raise RuntimeError("boom")

METHODS = {"makes_nan": Bad.Config("nan"), "makes_shape": Bad.Config("shape"), "raises": Bad.Config("raise")}
"""


def test_a_bad_method_is_a_row_and_the_others_go_on(tmp_path, tiny_suite):
    plugin = tmp_path / "bad.py"
    plugin.write_text(BAD_METHOD)
    tiny_suite.write_text(
        tiny_suite.read_text().replace(
            '["identity", "dncnn", "pix2pix"]', '["makes_nan", "makes_shape", "raises", "identity"]'
        )
    )
    settings = api.Settings(tmp_path / "runs", "cpu", plugins=(plugin,), tasks=("jpeg",))
    by_name = {run.method: run for run in api.run(str(tiny_suite), settings)}
    assert by_name["identity"].status == store.DONE
    assert by_name["makes_shape"].status == store.ERROR and "restore returned" in by_name["makes_shape"].reason
    assert by_name["raises"].status == store.ERROR and "boom" in by_name["raises"].reason
    frame = scores(tmp_path / "runs")
    nan = frame[frame["method"] == "makes_nan"]
    assert (nan["status"] == "nan").sum() >= 1, "the picture with a NaN has a row that says so"
    assert (nan["status"] == "ok").sum() >= 1, "the other pictures are scored"


def test_a_corrupt_test_picture_is_a_row(tmp_path, photos):
    import shutil

    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    suite = tmp_path / "one.toml"
    suite.write_text(
        f'[data.p]\ntrain = "folder:{folder}"\ntest = "folder:{folder}"\n[score]\nsize = 48\n'
        '[tasks.jpeg]\ndata = "p"\nlevels = ["jpeg_q10"]\nmethods = ["identity"]\n'
    )
    bad = folder / "photo_03.png"
    bad.write_bytes(bad.read_bytes()[:300])
    [run] = api.run(str(suite), api.Settings(tmp_path / "runs", "cpu"))
    assert run.status == store.DONE
    assert any("photo_03" in note for note in run.notes)
    frame = scores(tmp_path / "runs")
    assert set(frame[frame["image_id"] == "photo_03"]["status"]) == {"unusable"}
    assert (frame["status"] == "ok").sum() > 10


def test_pictures_made_elsewhere_join_the_board(tmp_path, tiny_suite):
    jobs = plan_suite(load_suite(str(tiny_suite)), discover(), CPU)
    exam = jobs[0].plan.exam
    out = tmp_path / "theirs"
    out.mkdir()
    for _, case in exam.pictures.cases("jpeg_q10", exam.levels["jpeg_q10"]):
        Image.fromarray(case.clean).save(out / f"{case.image_id}.png")
    settings = api.Settings(tmp_path / "runs", "cpu")
    run = api.score_folder(api.Predictions(out, "perfect", "jpeg"), str(tiny_suite), settings)
    assert run.status == store.DONE and run.source == "folder"
    frame = scores(tmp_path / "runs")
    assert (frame.loc[frame["metric"] == "psnr", "value"] == 100).all(), "capped, not infinite"
    next(out.glob("*.png")).unlink()
    Image.new("RGB", (9, 9)).save(out / "nobody.png")
    run = api.score_folder(api.Predictions(out, "partial", "jpeg"), str(tiny_suite), settings)
    partial = scores(tmp_path / "runs").query("method == 'partial'")
    assert "missing" in set(partial["status"])
    assert any("nobody" in note for note in run.notes)
    with pytest.raises(UserError, match="is a method of this suite"):
        api.score_folder(api.Predictions(out, "identity", "jpeg"), str(tiny_suite), settings)
    with pytest.raises(UserError, match="cannot name a method"):
        api.score_folder(api.Predictions(out, "../evil", "jpeg"), str(tiny_suite), settings)


def test_a_method_with_changed_settings_or_code_is_another_run(tiny_suite):
    def ids(text: str) -> dict[str, str]:
        tiny_suite.write_text(text)
        return {job.label: job.run.run_id for job in plan_suite(load_suite(str(tiny_suite)), discover(), CPU)}

    text = tiny_suite.read_text()
    first, changed = ids(text), ids(text.replace("width = 8", "width = 9"))
    assert {label for label in first if first[label] != changed[label]} == {"jpeg / dncnn / seed 0"}
    more_metrics = ids(text.replace('metrics = ["psnr", "ssim"]', 'metrics = ["psnr"]'))
    assert more_metrics == first, "asking for other metrics trains nothing again"
    longer = ids(text.replace("images = 320", "images = 640"))
    assert {label for label in first if first[label] == longer[label]} == {"jpeg / identity", "hole / telea"}


def test_a_new_metric_is_added_without_training_again(tmp_path, tiny_suite):
    text = tiny_suite.read_text()
    tiny_suite.write_text(text.replace('metrics = ["psnr", "ssim"]', 'metrics = ["psnr"]'))
    settings = api.Settings(tmp_path / "runs", "cpu", methods=("dncnn",))
    api.run(str(tiny_suite), settings)
    stamp = next(tmp_path.glob("runs/jpeg/dncnn/*/checkpoint.pt")).stat().st_mtime_ns
    tiny_suite.write_text(text)
    api.run(str(tiny_suite), settings)
    assert set(scores(tmp_path / "runs")["metric"]) == {"psnr", "ssim"}
    assert next(tmp_path.glob("runs/jpeg/dncnn/*/checkpoint.pt")).stat().st_mtime_ns == stamp


def test_a_run_that_serves_two_suites_stands_on_the_board_that_asked_last(tmp_path, tiny_suite):
    settings = api.Settings(tmp_path / "runs", "cpu", tasks=("jpeg",), methods=("identity",))
    api.run(str(tiny_suite), settings)
    other = tiny_suite.with_name("other.toml")
    other.write_text(tiny_suite.read_text())
    [run] = api.run(str(other), settings)
    assert run.suite == "other"
    assert len(list(store.find_runs(tmp_path / "runs"))) == 1


def test_the_code_digest_covers_what_a_method_imports_and_no_more():
    from bench.entry import _sources

    files = {path.name for path in _sources(Path(sys.modules[discover().methods["pix2pix"].module].__file__))}
    assert {"pix2pix.py", "base.py", "unet.py", "patchgan.py", "norm.py"} <= files
    assert "cells.py" not in files, "a part that only another method uses"


def test_the_code_digest_ignores_comments_and_docstrings(tmp_path):
    from bench.entry import _code

    (tmp_path / "a.py").write_text('"""Says."""\ndef f(x):\n    """Doc."""\n    return x + 1  # why\n')
    (tmp_path / "b.py").write_text("def f(x):\n    return (x +\n        1)\n")
    (tmp_path / "c.py").write_text("def f(x):\n    return x + 2\n")
    first, second, third = (_code(tmp_path / f"{name}.py") for name in "abc")
    assert first == second != third


MASK_FINDER = """
from methods.base import Method
from methods.identity import Identity

class Finder(Identity):
    '''Says that what is mid grey was lost.'''
    class Config(Identity.Config):
        pass
    def predict_mask(self, degraded):
        return ((degraded * 255 - 128).abs().amax(1, keepdim=True) < 0.5).float()

METHODS = {"finder": Finder.Config()}
"""


def test_a_predicted_mask_is_scored(tmp_path, tiny_suite):
    plugin = tmp_path / "finder.py"
    plugin.write_text(MASK_FINDER)
    text = tiny_suite.read_text().replace('["psnr", "ssim"]', '["psnr", "mask_iou"]')
    tiny_suite.write_text(text.replace('["telea", "unet_l1"]', '["telea", "finder"]'))
    api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu", plugins=(plugin,), tasks=("hole",)))
    found = scores(tmp_path / "runs").query("metric == 'mask_iou'")
    assert set(found["method"]) == {"finder"}, "a method that predicts no mask has no such score"
    assert (found["value"] > 0.99).all() and len(found) > 1
