"""Features of true pictures kept on disk: when they are computed, and that nothing wrong with the file matters."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import api
from bench.metrics import METRICS
from bench.results.store import features_path, read_scores, run_folder
from bench.scoring import features
from bench.scoring.battery import Battery, Pictures
from bench.scoring.features import FeatureStore

ROOT = Path(__file__).parent.parent


class Network:
    """Mean colours and their spread, six features; counts the pictures it was given."""

    def __init__(self):
        self.seen = 0

    def __call__(self, pictures):
        self.seen += len(pictures)
        return torch.cat([pictures.mean((2, 3)), pictures.std((2, 3))], 1)


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def metric(network):
    return replace(METRICS["fid_squeeze"], features=network, network="toy", min_side=1)


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "deep" / "features.sqlite")


def pictures(count=4, height=8, width=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator).float() / 255


def test_computed_once_and_the_same_to_the_last_bit(store, metric, network):
    truth = pictures()
    first = store.features(metric, truth)
    assert torch.equal(first, Network()(truth)) and first.dtype == torch.float32 and network.seen == 4
    assert torch.equal(store.features(metric, truth.flip(0)), first.flip(0)) and network.seen == 4
    more = torch.cat([truth[:1], pictures(2, seed=1), truth[1:2]])
    assert torch.equal(store.features(metric, more)[[0, 3]], first[:2]) and network.seen == 6, "only what is new"
    assert torch.equal(FeatureStore(store.path).features(metric, truth), first) and network.seen == 6, "another command"


def test_what_decides_features_is_in_the_key(store, metric, network):
    truth = pictures()
    store.features(metric, truth)
    changed = truth.clone()
    changed[0, 0, 0, 0] = (changed[0, 0, 0, 0] * 255 + 1) % 256 / 255
    store.features(metric, changed)
    assert network.seen == 5, "one pixel of one picture"
    flat = torch.full((1, 3, 8, 12), 0.2)
    store.features(metric, flat)
    store.features(metric, flat.reshape(1, 3, 12, 8))
    assert network.seen == 7, "equal bytes, another shape"
    store.features(replace(metric, network="toy 2"), truth)
    assert network.seen == 11, "another network"
    store.features(replace(metric, network=""), truth)
    store.features(replace(metric, network=""), truth)
    assert network.seen == 19, "a network that does not say what it is is not kept"
    store.features(replace(metric, id="other", matters=3.0), truth)
    assert network.seen == 19, "metrics of one network share"


def test_equal_pictures_of_a_batch_are_one(store, metric, network):
    same = pictures(1).expand(3, -1, -1, -1)
    assert store.features(metric, same).shape == (3, 6) and network.seen == 1


def rows(store):
    file = sqlite3.connect(store.path)
    found = file.execute("SELECT count(*) FROM features").fetchone()[0]
    file.close()
    return found


def test_a_damaged_entry_is_computed_again_and_mended(store, metric, network):
    truth = pictures()
    wanted = store.features(metric, truth)
    for damage in ("zeroblob(24)", "zeroblob(3)", "vector || x'00'"):
        file = sqlite3.connect(store.path)
        with file:
            file.execute(f"UPDATE features SET vector = {damage} WHERE rowid = (SELECT min(rowid) FROM features)")
        file.close()
        before = network.seen
        assert torch.equal(store.features(metric, truth), wanted) and network.seen == before + 1
        assert torch.equal(store.features(metric, truth), wanted) and network.seen == before + 1
    assert rows(store) == 4


@pytest.mark.parametrize("damage", ["garbage", "half", "empty", "other"])
def test_a_damaged_file_is_made_anew(store, metric, network, damage):
    truth = pictures(200)
    wanted = store.features(metric, truth)
    whole = store.path.read_bytes()
    store.path.write_bytes(
        {"garbage": b"x" * 5000, "half": whole[: len(whole) // 2], "empty": b"", "other": b""}[damage]
    )
    if damage == "other":  # a table of another shape
        file = sqlite3.connect(store.path)
        file.execute("CREATE TABLE features (key)")
        file.close()
    for _ in range(3):
        assert torch.equal(store.features(metric, truth), wanted)
    before = network.seen
    store.features(metric, truth)
    assert network.seen == before or damage == "other", "kept again"


def test_a_file_that_cannot_be_had_costs_time_only(store, metric, network, monkeypatch, tmp_path):
    monkeypatch.setattr(features, "WAIT", 0.01)
    truth = pictures()
    wanted = store.features(metric, truth)
    other = sqlite3.connect(store.path)
    other.execute("BEGIN EXCLUSIVE")
    assert torch.equal(store.features(metric, truth), wanted) and network.seen == 8, "another process writes"
    other.rollback()
    other.close()
    assert torch.equal(store.features(metric, truth), wanted) and network.seen == 8
    (tmp_path / "file").write_text("in the way")
    nowhere = FeatureStore(tmp_path / "file" / "features.sqlite")
    assert torch.equal(nowhere.features(metric, truth), wanted)
    folder = FeatureStore(tmp_path)
    assert torch.equal(folder.features(metric, truth), wanted) and tmp_path.is_dir()


def test_bounded(store, metric, network):
    small = replace(store, limit=40_000)
    for seed in range(12):
        small.features(metric, pictures(50, seed=seed))
    assert store.path.stat().st_size < 2 * small.limit and 0 < rows(store) < 600
    before = network.seen
    small.features(metric, pictures(50, seed=11))
    assert network.seen == before, "the newest stay"


WRITER = """
import sys, torch
from dataclasses import replace
from pathlib import Path
from bench.scoring.features import FeatureStore
from bench.metrics import METRICS
metric = replace(METRICS["fid_squeeze"], features=lambda x: x.mean((2, 3)), network="toy", min_side=1)
store, first = FeatureStore(Path(sys.argv[1])), int(sys.argv[2])
for step in range(first, first + 60):
    pictures = torch.full((4, 3, 4, 4), 0.0)
    pictures[:, 0] = torch.arange(step * 2, step * 2 + 4)[:, None, None] / 255
    assert torch.equal(store.features(metric, pictures), pictures.mean((2, 3)))
"""


def test_two_processes(store):
    """Both write, in part the same pictures; all are kept, and whole."""
    words = [sys.executable, "-c", WRITER, str(store.path)]
    both = [subprocess.Popen([*words, first], cwd=ROOT, stderr=subprocess.PIPE, text=True) for first in ("0", "30")]
    errors = [each.communicate()[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], errors
    assert rows(store) == 182  # steps 0 to 89, two new pictures each, and two more


# --- where scores are made -------------------------------------------------------------------------------------------


def battery_of(*metrics):
    return Battery(list(metrics), torch.device("cpu"))


def test_metrics_of_one_network_share_its_features_in_a_batch(metric, network):
    uint8 = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    given = Pictures([str(number) for number in range(5)], uint8, uint8[::-1], None)
    alone = battery_of(metric)
    alone.add(given)
    [wanted] = alone.finish()
    both = battery_of(metric, replace(metric, id="twin"))
    seen = network.seen
    both.add(given)
    assert network.seen - seen == seen == 10
    assert [each["value"] for each in both.finish()] == [wanted["value"]] * 2


def test_a_second_method_finds_the_truth_s_features(tmp_path, tiny_suite, metric, network, monkeypatch):
    monkeypatch.setitem(METRICS, "fid_squeeze", metric)
    text = tiny_suite.read_text().replace('["psnr", "ssim"]', '["psnr", "fid_squeeze"]')
    text = text.replace('["jpeg_q10"]', '["jpeg_q10", "jpeg_q40"]').replace(
        '"identity", "dncnn"', '"identity", "median"'
    )
    tiny_suite.write_text(text)
    settings = api.Settings(tmp_path / "runs", "cpu", tasks=("jpeg",))
    seen = []
    for method in ("identity", "median"):
        network.seen = 0
        api.run(str(tiny_suite), replace(settings, methods=(method,)))
        seen.append(network.seen)
    count = 4  # test pictures, on two levels
    assert seen == [1 + 3 * count, 2 * count], "a probe, the truth, and what was restored; then only that"
    assert features_path(settings.runs).is_file()
    [run] = api.run(str(tiny_suite), replace(settings, runs=tmp_path / "fresh", methods=("median",)))
    where = [run_folder(root, run.task, run.method, run.run_id) for root in (settings.runs, tmp_path / "fresh")]
    one, other = (scores[scores["level"] != ""].reset_index(drop=True) for scores in map(read_scores, where))
    assert len(one) and one.equals(other), "but for the cost"
