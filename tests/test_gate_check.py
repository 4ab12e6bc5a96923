"""The gate over fabricated runs: baselines, what is missing or other, thresholds, verdicts."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from bench.errors import UserError
from bench.gate import baseline, thresholds
from bench.gate.calibrate import propose, smallest_loss
from bench.gate.compare import check
from bench.gate.rules import Noise
from bench.gate.snapshot import Snapshot, take
from bench.gate.thresholds import Thresholds
from bench.gate.traits import measure_traits
from bench.gate.verdict import State, Verdict
from bench.results import store
from tests.gate_runs import rewrite
from tests.make_runs import Made, draw, make_runs
from tests.test_scale import load

METHODS = (Made("better", 0.8), Made("worse", 0.5), Made("identity", 0.0, seeds=(0,), trained=False))


def digests(run: store.Run) -> dict:
    weights = {"checkpoint": f"weights of {run.method} {run.seed}"} if run.trained else {}
    return {
        "digests": run.digests | {f"level {each}": f"{each} pixels" for each in ("mosaic_c8", "mosaic_c16")} | weights
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Runs of three methods on one task, with digests of weights and levels."""
    root = make_runs(tmp_path_factory.mktemp("gate") / "runs", methods=METHODS, images=12, side=32)
    rewrite(root, digests)
    return root


@pytest.fixture
def runs(made, tmp_path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "runs"))


@pytest.fixture(scope="module")
def kept(made) -> Snapshot:
    return take(made)


def folders(runs: Path, method: str) -> list[Path]:
    return [each for each in store.find_runs(runs) if each.parent.name == method]


def rescore(runs: Path, method: str, change) -> None:
    """Pass the score table of a method's runs through `change`."""
    for folder in folders(runs, method):
        store.write_scores(folder, change(store.read_scores(folder)).to_dict("records"))


def retrain(runs: Path, method: str) -> None:
    """Give a method's runs other weights."""
    for folder in folders(runs, method):
        run = store.read_run(folder)
        store.write_run(folder, replace(run, digests=run.digests | {"checkpoint": f"new {run.seed}"}))


def add(amount: float, metric: str = "psnr"):
    """Add to a metric's values."""
    return lambda table: table.assign(value=table["value"] + amount * (table["metric"] == metric))


def found(verdict: Verdict, state: State) -> list[str]:
    return [f"{line.place}: {line.words}" for line in verdict.of(state)]


def test_the_same_runs_pass(kept, runs):
    verdict = check(kept, take(runs), Thresholds())
    assert verdict.state is State.passed and verdict.exit_code == 0
    assert {line.rule for line in verdict.lines} == {"same"}
    assert {line.place.method for line in verdict.lines} == {"better", "worse", "identity"}


def test_what_differs_by_less_than_the_tolerance_is_equal(kept, runs):
    rescore(runs, "better", add(0.001))
    assert check(kept, take(runs), Thresholds()).state is State.passed
    rescore(runs, "better", add(0.005))
    verdict = check(kept, take(runs), Thresholds())
    assert verdict.state is State.regressed and verdict.exit_code == 1
    assert [str(line.place) for line in verdict.of(State.regressed)] == ["mosaic better psnr"]


def test_one_score_of_one_picture_is_enough_and_is_named(kept, runs):
    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        here = (table["metric"] == "ssim") & (table["image_id"] == "photo_0007") & (table["level"] == "mosaic_c16")
        return table.assign(value=table["value"] - 0.01 * (here & (table["region"] == "kept") & (table["seed"] == 2)))

    rescore(runs, "worse", spoil)
    (words,) = found(check(kept, take(runs), Thresholds()), State.regressed)
    assert "1 of 288 values" in words and "(mosaic_c16 photo_0007 kept, seed 2)" in words


def test_set_metrics_are_repeated_by_the_same_checkpoint(kept, runs):
    rescore(runs, "better", add(1.0, "fid_squeeze"))
    assert check(kept, take(runs), Thresholds()).state is State.regressed


def test_a_retrained_method_is_judged_by_the_other_rule(kept, runs):
    retrain(runs, "better")
    verdict = check(kept, take(runs), Thresholds())
    rules = {line.place.method: line.rule for line in verdict.lines}
    assert rules == {"better": "retrained", "worse": "same", "identity": "same"}
    assert verdict.state is State.passed
    assert {line.place.metric for line in verdict.of(State.noted)} == {"fid_squeeze"}  # watched


def test_a_retrained_method_that_lost_regresses(kept, runs):
    retrain(runs, "better")
    rescore(runs, "better", add(-3.0))
    verdict = check(kept, take(runs), Thresholds())
    lines = verdict.of(State.regressed)
    assert {line.place.metric for line in lines} == {"psnr"} and lines[0].loss == pytest.approx(3.0, abs=1e-4)
    assert verdict.worse[0].before - verdict.worse[0].after == pytest.approx(3.0, abs=1e-4)


def test_lower_is_better_is_heeded(kept, runs):
    retrain(runs, "better")
    rescore(runs, "better", add(-0.2, "lpips_squeeze"))
    assert check(kept, take(runs), Thresholds()).state is State.passed
    rescore(runs, "better", add(0.4, "lpips_squeeze"))
    assert check(kept, take(runs), Thresholds()).state is State.regressed


def test_levels_can_be_judged_one_by_one(kept, runs):
    """A loss at one level is halved in the mean of two, and named where each has a line."""
    retrain(runs, "better")
    rescore(runs, "better", lambda table: table.assign(value=table["value"] - 2 * (table["level"] == "mosaic_c16")))
    each = check(kept, take(runs), Thresholds(levels="each"))
    assert {line.place.level for line in each.of(State.regressed)} == {"mosaic_c16"}
    mean = check(kept, take(runs), Thresholds())
    halved = [line.loss for line in mean.lines if line.place.metric == "psnr" and line.rule == "retrained"]
    assert halved == pytest.approx([1.0] * len(halved), abs=1e-3)


def test_one_seed_cannot_be_judged_and_it_says_what_would_do(kept, runs):
    retrain(runs, "better")
    one = take(runs)
    one = replace(one, records=tuple(each for each in one.records if each.seed == 0))
    alone = replace(kept, records=tuple(each for each in kept.records if each.seed == 0))
    verdict = check(alone, one, Thresholds())
    assert verdict.exit_code == 2
    assert any("train 3 seeds" in words for words in found(verdict, State.undecided))


def test_too_few_pictures_cannot_be_judged_and_it_says_how_many_would_do(kept, runs):
    retrain(runs, "better")
    limits = Thresholds.model_validate({"metrics": {"psnr": {"matters": 0.01, "find": 0.05}}})
    lines = check(kept, take(runs), limits).of(State.undecided)
    assert lines and all(line.would_do is not None and "would do" in line.words for line in lines)
    assert all(line.would_do.images * line.would_do.before > 12 * 3 for line in lines)


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (lambda run: {"status": "diverged", "reason": "not finite"}, State.regressed, "is diverged: not finite"),
        (lambda run: {"status": "trained"}, State.undecided, "restorebench score"),
        (lambda run: {"digests": run.digests | {"level mosaic_c8": "other"}}, State.undecided, "other pictures"),
        (
            lambda run: {"metrics": run.metrics | {"psnr": run.metrics["psnr"] | {"fingerprint": "other"}}},
            State.undecided, "defined differently",
        ),
        (
            lambda run: {"metrics": run.metrics | {"ssim": run.metrics["ssim"] | {"unavailable": "no weights"}}},
            State.undecided, "not available here: no weights",
        ),
        (
            lambda run: {"metrics": {name: each for name, each in run.metrics.items() if name != "ssim"}},
            State.regressed, "missing: the baseline has this metric",
        ),
        (
            lambda run: {"digests": {k: each for k, each in run.digests.items() if k != "level mosaic_c8"}},
            State.regressed, "missing: the baseline has this level",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(kept, runs, change, state, words):
    rewrite(runs, change)
    verdict = check(kept, take(runs), Thresholds())
    assert verdict.state is state
    assert any(words in each for each in found(verdict, state))


def test_another_protocol_is_never_compared(kept, runs):
    verdict = check(replace(kept, protocol="0"), take(runs), Thresholds())
    assert verdict.exit_code == 2 and "protocol 0" in verdict.lines[0].words


def test_missing_methods_regress_and_new_ones_are_noted(kept, made, tmp_path):
    other = make_runs(tmp_path / "other", methods=(METHODS[0], replace(METHODS[1], name="new")), images=12, side=32)
    rewrite(other, digests)
    verdict = check(kept, take(other), Thresholds())
    assert any("mosaic worse: missing" in each for each in found(verdict, State.regressed))
    assert "mosaic new: new since the baseline" in found(verdict, State.noted)


def test_pictures_that_failed_regress(kept, runs):
    def lose(table: pd.DataFrame) -> pd.DataFrame:
        gone = (table["image_id"] == "photo_0003") & (table["metric"] == "psnr")
        return table.assign(value=table["value"].mask(gone), status=table["status"].mask(gone, "nan"))

    rescore(runs, "better", lose)
    verdict = check(kept, take(runs), Thresholds())
    assert any("24 of 288 scores are missing (nan 24)" in each for each in found(verdict, State.regressed))


def test_nothing_compared_is_not_a_pass():
    assert Verdict(()).exit_code == 2 and "nothing was compared" in Verdict(()).headline()


def test_a_forced_rule_compares_what_has_no_weights(kept, runs):
    rewrite(runs, lambda run: {"source": "folder"})
    assert check(kept, take(runs), Thresholds(), "same").state is State.passed
    assert any(line.rule == "retrained" for line in check(kept, take(runs), Thresholds()).lines)


def test_false_alarms_of_many_comparisons_are_corrected(kept, runs):
    """A p value of 2 % is a regression alone, and none as one of two (Holm)."""
    from bench.gate.compare import Asked, _judge
    from bench.gate.rules import estimate
    from bench.gate.thresholds import Rule
    from bench.gate.verdict import Place

    rng = np.random.default_rng(0)
    lost = rng.normal(size=(1, 60))
    lost = (lost - lost.mean()) / lost.std(ddof=1) + 2.2 / np.sqrt(60)
    one = estimate(np.zeros((1, 60)), -lost, trained=False)
    none = estimate(np.zeros((1, 60)), -(lost - lost.mean()), trained=False)
    assert 0.01 < one.p_value() < 0.025
    asked = [
        Asked(Place("t", "m", name), Rule(0, 0.1, 1, True), "", 0, 0, each) for name, each in (("a", one), ("b", none))
    ]
    assert [line.state for line in _judge(asked[:1], Thresholds())] == [State.regressed]
    family = asked + [replace(asked[1], place=Place("t", "m", name)) for name in "cd"]
    assert State.regressed not in [line.state for line in _judge(family, Thresholds())]


def test_a_baseline_comes_back_as_it_was_and_the_same_bytes(kept, tmp_path):
    path = tmp_path / "b.parquet"
    baseline.save(kept, path)
    again = baseline.read(path)
    assert again.records == kept.records and again.root is None
    pd.testing.assert_frame_equal(again.scores, kept.scores)
    first = path.read_bytes(), baseline.text_path(path).read_bytes()
    baseline.save(again, path)
    assert first == (path.read_bytes(), baseline.text_path(path).read_bytes())
    assert len(first[0]) < 12 * len(kept.scores)
    assert "mosaic better mosaic_c8 psnr lost: " in first[1].decode()
    assert baseline.stale(path, again) == ""


def test_a_text_that_does_not_belong_is_noticed(kept, tmp_path):
    path = tmp_path / "b.parquet"
    beside = baseline.save(kept, path)
    beside.write_text(beside.read_text().replace("psnr", "pnsr", 1))
    assert "not of this baseline" in baseline.stale(path, baseline.read(path))
    beside.unlink()
    assert "not there" in baseline.stale(path, baseline.read(path))


@pytest.mark.parametrize("part", [0, 10, 2000, -1])
def test_a_truncated_baseline_is_one_line(kept, tmp_path, part):
    path = tmp_path / "b.parquet"
    baseline.save(kept, path)
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(UserError, match="not a whole baseline") as error:
        baseline.read(path)
    assert "\n" not in str(error.value)


def test_a_baseline_of_another_format_is_one_line(kept, tmp_path, monkeypatch):
    path = tmp_path / "b.parquet"
    monkeypatch.setattr(baseline, "FORMAT", 99)
    baseline.save(kept, path)
    monkeypatch.undo()
    with pytest.raises(UserError, match="format 99.*reads format 1"):
        baseline.read(path)


def test_other_files_are_no_baselines(tmp_path):
    with pytest.raises(UserError, match="no such baseline"):
        baseline.read(tmp_path / "absent")
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(UserError, match="not a baseline"):
        baseline.read(tmp_path / "other.parquet")


def test_runs_without_scores_make_no_baseline(runs, tmp_path):
    rewrite(runs, lambda run: {"status": "error"})
    with pytest.raises(UserError, match="nothing to keep"):
        baseline.save(take(runs), tmp_path / "b.parquet")
    with pytest.raises(UserError, match="holds no runs"):
        (tmp_path / "empty").mkdir()
        take(tmp_path / "empty")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[metrics.psnr]\ntolerence = 1", "metrics.psnr.tolerence: unknown key"),
        ("alpha = 2", "alpha: Input should be less than 1"),
        ("alpha = ", "not valid TOML"),
        ("[metrics.psnr]\nfind = -1", "metrics.psnr.find"),
    ],
)
def test_mistakes_in_thresholds_are_one_line(tmp_path, text, words):
    path = tmp_path / "gate.toml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        thresholds.load(path)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_task_has_the_last_word(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text(
        "[metrics.psnr]\nmatters = 0.2\ntolerance = 0\n[tasks.jpeg.metrics.psnr]\nmatters = 0.4\ngate = false\n"
    )
    limits, declared = thresholds.load(path), {"matters": 0.1, "kind": "pair"}
    jpeg, hole = limits.rule("jpeg", "psnr", declared), limits.rule("hole", "psnr", declared)
    assert (jpeg.matters, jpeg.find, jpeg.tolerance, jpeg.gate) == pytest.approx((0.4, 1.2, 0, False))
    assert (hole.matters, hole.find, hole.gate) == pytest.approx((0.2, 0.6, True))
    assert not limits.rule("hole", "fid", {"matters": 1, "kind": "set"}).gate


def test_calibration_measures_and_its_proposal_can_be_read(kept, tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text(propose(kept, Thresholds()))
    limits = thresholds.load(path)
    measured = limits.noise("mosaic", "better", "psnr", "lost")
    scores = kept.scores[(kept.scores["metric"] == "psnr") & (kept.scores["region"] == "lost")]
    means = [
        scores.loc[scores["run"] == each.run_id, "value"].mean() for each in kept.records if each.method == "better"
    ]
    assert measured is not None and measured.freedom == 2
    assert measured.sd == pytest.approx(np.std(means, ddof=1), rel=1e-3)
    assert limits.noise("mosaic", "identity", "psnr", "lost") is None
    assert limits.rule("mosaic", "psnr", {"matters": 0.1, "kind": "pair"}).find >= 0.3


def test_smallest_loss_grows_with_noise_and_shrinks_with_seeds():
    limits = Thresholds()
    assert smallest_loss(Noise(0.2, 9), 3, limits) == pytest.approx(
        2 * smallest_loss(Noise(0.1, 9), 3, limits), rel=0.06
    )
    assert smallest_loss(Noise(0.2, 9), 10, limits) < smallest_loss(Noise(0.2, 9), 3, limits)


def test_traits_of_a_picture():
    truth = draw(3, 64)
    traits = measure_traits(truth, truth)
    assert traits.shift == (0, 0) and traits.inner == 0 and set(traits.borders) == {0}
    assert np.array(traits.tones).mean() == pytest.approx(truth.mean(), abs=0.1)
    assert measure_traits(np.roll(truth, (2, -1), (0, 1)), truth).shift == (2, -1)


def test_an_error_at_the_border_is_named(kept, runs):
    """Zeros at the right border of the kept pictures."""
    for path in runs.glob("mosaic/better/*/images/*/*.png"):
        pixels = np.array(Image.open(path))
        pixels[:, -2:] = 0
        Image.fromarray(pixels).save(path)
    verdict = check(kept, take(runs), Thresholds())
    (cause,) = verdict.causes
    assert cause.name == "border" and "at the right border" in cause.words


def test_the_command_that_counts_names(made):
    """scripts/gate_names.py over fabricated trainings, which have no noise of their own to mistake for a cause."""
    script = load("gate_names")
    counts = script.named(made)
    assert all(sum(found[each] for each in ("right", "none", "wrong")) == 2 * 3 * 2 for found in counts.values())
    assert counts["nothing: another seed"]["wrong"] == 0
    for done in ("one pixel to the right", "BGR for RGB", "16 to 235"):
        assert counts[done]["right"] > counts[done]["wrong"], done
    assert [row.split("|")[1].strip() for row in script.table(counts).splitlines()[2:]] == list(script.FAULTS)
