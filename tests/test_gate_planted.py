"""Faults planted in the code around a real trained network: each caught, and named where pictures tell the cause."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from bench import api
from bench.gate.compare import check
from bench.gate.snapshot import Snapshot, take
from bench.gate.thresholds import Thresholds
from bench.gate.verdict import State, Verdict
from bench.results import store
from bench.scoring import restore as restoring
from bench.training import checkpoint
from methods.base import Method
from tests import gate_runs
from tests.gate_runs import CPU, left_behind, restored_again, trained, wrongly_padded

PLANTED = {  # fault -> the cause that is named, "" where pictures cannot tell it
    "moved": "shift",
    "swapped": "channel order",
    "jpeg": "re-compression",
    "gamma": "gamma",
    "studio": "range",
    "six_bits": "",
    "latest_weights": "",
}
OF_WEIGHTS = ("six_bits", "latest_weights")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """One training of a tiny network, scored on 16 pictures."""
    return trained(tmp_path_factory.mktemp("planted"), seeds=(0,), images=320)


@pytest.fixture(scope="module")
def kept(runs) -> Snapshot:
    return take(runs)


def planted(runs: Path, folder: Path, name: str) -> Snapshot:
    fault = getattr(gate_runs, name)
    again = {"spoil": fault} if name in OF_WEIGHTS else {"fault": fault}
    return take(restored_again(runs, folder, **again))


def names(verdict: Verdict) -> set[str]:
    return {cause.name for cause in verdict.causes}


def test_the_same_code_passes(runs, kept, tmp_path):
    verdict = check(kept, take(restored_again(runs, tmp_path)), Thresholds())
    assert verdict.state is State.passed and not verdict.causes and not verdict.worse
    assert {line.rule for line in verdict.lines} == {"same"}


def test_deleted_scores_are_made_anew_by_todays_code(runs, kept, tmp_path, monkeypatch):
    """What the workflows do with cached runs."""
    folder = Path(shutil.copytree(runs.parent, tmp_path / "cached"))
    for path in (folder / "runs").rglob("scores.parquet"):
        path.unlink()
    monkeypatch.setattr(restoring, "pad_to_multiple", gate_runs.padded_with_zeros)
    api.run(str(folder / "gate.toml"), api.Settings(runs=folder / "runs", device="cpu"))
    assert check(kept, take(folder / "runs"), Thresholds()).state is State.regressed


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught_and_named(runs, kept, tmp_path, name):
    verdict = check(kept, planted(runs, tmp_path, name), Thresholds())
    assert verdict.state is State.regressed
    assert names(verdict) == {PLANTED[name]} - {""}


def test_a_stale_average_is_caught(runs, kept, tmp_path, monkeypatch):
    """The same training to the last bit, but for its average: it was left behind halfway, after 20 of 40 updates."""
    left_behind(monkeypatch, updates=20)
    stale = trained(tmp_path / "stale", seeds=(0,), images=320)
    sound, broken = (checkpoint.read(next(store.find_runs(each)), CPU.device) for each in (runs, stale))
    assert all(torch.equal(each, broken["model"][name]) for name, each in sound["model"].items())

    def load_it(method: Method, _: Path) -> None:
        method.load_state_dict(broken["ema"])

    verdict = check(kept, take(restored_again(runs, tmp_path, spoil=load_it)), Thresholds())
    assert verdict.state is State.regressed and not verdict.causes
    assert {line.rule for line in verdict.lines} == {"same"}
    verdict = check(kept, take(stale), Thresholds())
    assert verdict.state is not State.passed, "other weights than the baseline's: retrained, and one seed is too few"


def test_wrong_padding_is_caught(runs, kept, tmp_path, monkeypatch):
    verdict = check(kept, take(wrongly_padded(runs, tmp_path, monkeypatch)), Thresholds())
    assert verdict.state is State.regressed
    assert names(verdict) <= {"border"}


def test_a_fault_is_told_from_a_gain(runs, kept, tmp_path):
    """The pictures listed as worse are those that lost."""
    verdict = check(kept, planted(runs, tmp_path, "moved"), Thresholds())
    assert verdict.worse and all(each.after < each.before for each in verdict.worse)
    assert verdict.worse[0].method == "nafnet" and verdict.worse[0].metric == "psnr"


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> tuple[Path, Path]:
    """Six trainings: three kept, and three of other seeds."""
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    return trained(first, (0, 1, 2)), trained(second, (3, 4, 5))


@pytest.mark.slow
def test_retrained_without_a_fault_passes(three):
    verdict = check(take(three[0]), take(three[1]), Thresholds())
    assert verdict.state is State.passed
    assert {line.rule for line in verdict.lines if line.state is State.passed} == {"retrained"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["moved", "swapped", "jpeg", "studio"])
def test_retrained_with_a_fault_that_shows_is_caught(three, tmp_path, name):
    """By its scores or by its mark. A gamma of 1.02, 6 bits or zeros in the padding cost less than what matters."""
    verdict = check(take(three[0]), planted(three[1], tmp_path, name), Thresholds())
    assert verdict.state is State.regressed and PLANTED[name] in names(verdict)


@pytest.mark.slow
def test_retrained_with_a_stale_average_is_caught(three, tmp_path, monkeypatch):
    """One that was never updated costs 0.15 dB here. Left behind halfway it costs 0.02 dB, less than what matters."""
    left_behind(monkeypatch, updates=0)
    verdict = check(take(three[0]), take(trained(tmp_path, (3, 4, 5))), Thresholds())
    assert verdict.state is State.regressed and not verdict.causes
    assert {line.rule for line in verdict.of(State.regressed)} == {"retrained"}


@pytest.mark.slow
def test_retrained_a_gamma_is_noted(three, tmp_path):
    verdict = check(take(three[0]), planted(three[1], tmp_path, "gamma"), Thresholds())
    assert names(verdict) == {"gamma"}
    assert any(line.rule == "marks" and line.state is State.noted for line in verdict.lines)
