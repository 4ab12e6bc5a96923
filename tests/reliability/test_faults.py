"""A full disk, output that cannot be written, clocks that jump, pictures that change, two processes at once."""

import itertools
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench import api
from bench.results import store
from reports.tables.select import select
from tests.conftest import TINY
from tests.reliability.act import forks
from tests.reliability.tree import check_no_leftovers, check_whole
from tests.runs import scores

CLI = (sys.executable, "-m", "bench", "run", "--device", "cpu")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, photos) -> Path:
    """The runs folder of a suite that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    suite = folder / "tiny.toml"
    suite.write_text(TINY.format(photos=photos))
    api.run(str(suite), api.Settings(folder / "runs", "cpu"))
    return folder / "runs"


def assert_ends_well(suite: Path, runs: Path, undisturbed: Path) -> None:
    """From what is in a runs folder the suite ends with the undisturbed scores."""
    ended = api.run(str(suite), api.Settings(runs, "cpu"))
    assert {run.status for run in ended} == {store.DONE}
    pd.testing.assert_frame_equal(scores(runs), scores(undisturbed), check_exact=True)
    check_whole(runs)
    check_no_leftovers(runs)


def limited_run(suite: Path, folder: Path, size: int) -> None:
    """In a process of its own: files may not grow beyond size bytes, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    sys.argv = ["restorebench", "run", str(suite), "--device", "cpu", "--runs", str(folder / "runs")]
    sys.stderr = (folder.with_name(f"{folder.name}.txt")).open("w", buffering=1)
    from bench.cli import main

    main()


@pytest.mark.parametrize("size", [100, 3_000, 20_000, 60_000])
def test_a_disk_that_is_full_is_a_line_and_nothing_is_lost(tmp_path, tiny_suite, undisturbed, size):
    folder = tmp_path / "full"
    (folder / "runs").mkdir(parents=True)
    (tmp_path / "full.txt").touch()
    process = forks().Process(target=limited_run, args=(tiny_suite, folder, size))
    process.start()
    process.join()
    said = (tmp_path / "full.txt").read_text()
    assert process.exitcode == 2, said
    assert "File too large; nothing stored was lost" in said or size < 200
    assert "Traceback" not in said
    check_whole(folder)
    assert_ends_well(tiny_suite, folder / "runs", undisturbed)


DISK = """
mount -t tmpfs -o size=300k tmpfs disk || exit 77
{command}; first=$?
mount -o remount,size=64m,ro disk
{command}; second=$?
mount -o remount,rw disk
{command}; third=$?
cp -r disk/runs kept
exit $((100 + 10 * (first == 2) + 10 * (second == 2) + (third == 0)))
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_a_small_disk_then_a_read_only_one_then_a_good_one(tmp_path, tiny_suite, undisturbed):
    (tmp_path / "disk").mkdir()
    command = " ".join([*CLI, str(tiny_suite), "--runs", "disk/runs", "--site", "disk/site"])
    script = ["unshare", "--mount", "--map-root-user", "sh", "-c", DISK.format(command=command)]
    done = subprocess.run(script, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode in (1, 77):
        pytest.skip(f"no small disk can be mounted here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 121, done.stderr
    assert "No space left on device; nothing stored was lost" in done.stderr
    assert "Read-only file system" in done.stderr
    pd.testing.assert_frame_equal(scores(tmp_path / "kept"), scores(undisturbed), check_exact=True)
    check_no_leftovers(tmp_path / "kept")


@pytest.mark.parametrize("clock", ["time", "monotonic"])
def test_clocks_that_jump_change_no_score(tmp_path, tiny_suite, undisturbed, monkeypatch, clock):
    """The time of day is set years ahead or back now and then; the monotonic clock leaps ahead, as after a sleep."""
    real, calls = getattr(time, clock), itertools.count(1)

    def jumping() -> float:
        jumps = next(calls) // 5
        return real() + (1e8 * (-1) ** jumps if clock == "time" else 1e6 * jumps)

    monkeypatch.setattr(time, clock, jumping)
    api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu"))
    monkeypatch.undo()
    assert next(calls) > 10, "the clock was read, and jumped"
    assert_ends_well(tiny_suite, tmp_path / "runs", undisturbed)


def test_pictures_that_change_make_another_run_that_says_so(tmp_path, photos):
    shutil.copytree(photos, tmp_path / "photos")
    suite = tmp_path / "tiny.toml"
    suite.write_text(TINY.format(photos=tmp_path / "photos"))
    settings = api.Settings(tmp_path / "runs", "cpu", tasks=("jpeg",), methods=("identity", "dncnn"))
    before = {run.method: run for run in api.run(str(suite), settings)}
    first = scores(settings.runs)
    for path in (tmp_path / "photos").glob("*.png"):
        Image.fromarray(np.asarray(Image.open(path))[::-1]).save(path)
    after = {run.method: run for run in api.run(str(suite), settings)}
    for method, run in after.items():
        old = before[method]
        assert run.run_id != old.run_id
        assert any(f"other pictures than run {old.run_id} had" in note for note in run.notes)
        assert not old.notes
    [selection] = select(settings.runs)
    shown = {entry.run.digests["inputs"] for entry in selection.entries}
    assert len(shown) == 1 and "other damaged pictures" in " ".join(selection.left_out)
    stored = pd.concat(
        [store.read_scores(store.run_folder(settings.runs, r.task, r.method, r.run_id)) for r in before.values()]
    )
    assert len(stored[stored["level"] != ""]) == len(first), "the older runs are as they were"


def test_two_processes_on_one_suite_at_once(tmp_path, tiny_suite, undisturbed):
    commands = [[*CLI, str(tiny_suite), "--runs", "runs", "--site", f"site_{each}"] for each in range(2)]
    together = [subprocess.Popen(c, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) for c in commands]
    said = [each.communicate()[1] for each in together]
    codes = [each.returncode for each in together]
    assert 0 in codes and set(codes) <= {0, 2}, said
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or "another process is at work on this run" in text
    assert_ends_well(tiny_suite, tmp_path / "runs", undisturbed)
