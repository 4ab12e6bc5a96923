"""The gate as people and CI meet it: commands, exit codes, files, page, pytest fixture, workflow files."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.cli import main
from bench.gate import baseline, outputs
from bench.gate.compare import check
from bench.gate.pytest_plugin import restorebench_gate as fixture
from bench.gate.snapshot import take
from bench.gate.thresholds import Thresholds
from bench.gate.verdict import Line, Place, State, Verdict
from tests.gate_runs import rewrite
from tests.make_runs import make_runs
from tests.test_gate_check import METHODS, add, digests, rescore

ROOT = Path(__file__).parent.parent
restorebench_gate = fixture


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> tuple[Path, Path]:
    """A runs folder and the baseline kept of it."""
    folder = tmp_path_factory.mktemp("kept")
    runs = make_runs(folder / "runs", methods=METHODS[:1], images=6, side=32)
    rewrite(runs, digests)
    baseline.save(take(runs), folder / "b.parquet")
    return runs, folder / "b.parquet"


@pytest.fixture
def worse(kept, tmp_path) -> Path:
    """The same runs, a little worse."""
    runs = Path(shutil.copytree(kept[0], tmp_path / "worse"))
    rescore(runs, "better", add(-0.5))
    return runs


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Run the command line; returns exit code, output and error output."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["restorebench", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return run


def test_save_and_check_from_the_command_line(call, kept, worse, tmp_path):
    code, out, _ = call("baseline", "save", kept[0], "mine.parquet")
    assert code == 0 and "keeps 3 runs" in out and (tmp_path / "mine.parquet.txt").exists()
    assert call("check", kept[0], "--baseline", "mine.parquet")[0] == 0
    code, out, _ = call("check", worse, "--baseline", "mine.parquet", "--out", "found")
    assert code == 1 and "regressed: 1 regressed" in " ".join(out.split())
    assert {each.name for each in (tmp_path / "found").iterdir()} >= {
        "check.json",
        "junit.xml",
        "summary.md",
        "index.html",
    }


def test_what_could_not_be_judged_is_2(call, kept, worse):
    rewrite(worse, lambda run: {"digests": {}})
    assert call("check", worse, "--baseline", kept[1], "--rule", "retrained")[0] == 1  # levels are missing
    rewrite(worse, lambda run: {"digests": digests(run)["digests"] | {"level mosaic_c8": "x", "level mosaic_c16": "x"}})
    assert call("check", worse, "--baseline", kept[1])[0] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "nowhere", "--baseline", "KEPT"), "no such folder of runs"),
        (("check", "RUNS"), "check needs --baseline FILE"),
        (("check", "--baseline", "KEPT"), "check needs RUNS"),
        (("check", "RUNS", "--baseline", "absent"), "no such baseline"),
        (("check", "RUNS", "--baseline", "KEPT", "--thresholds", "absent.toml"), "absent.toml"),
        (("check", "--dry-run", "--baseline", "absent"), "no such baseline"),
        (("baseline", "save", "nowhere", "x"), "no such folder of runs"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(call, kept, words, said):
    given = {"RUNS": kept[0], "KEPT": kept[1]}
    code, _, err = call(*(given.get(word, word) for word in words))
    assert code == 2 and said in err and len(err.splitlines()) == 1


def test_dry_run_measures_nothing_and_notices_a_stale_text(call, kept, tmp_path):
    code, out, _ = call("check", "--dry-run", "--baseline", kept[1])
    assert code == 0 and "psnr" in out and not (tmp_path / "check").exists()
    lone = Path(shutil.copy(kept[1], tmp_path / "lone.parquet"))
    assert call("check", "--dry-run", "--baseline", lone)[0] == 2


def test_calibrate_prints_thresholds_that_check_takes(call, kept, tmp_path):
    code, out, _ = call("check", kept[0], "--calibrate")
    assert code == 0 and "freedom = 2" in out
    (tmp_path / "gate.toml").write_text(out)
    assert call("check", kept[0], "--baseline", kept[1], "--thresholds", "gate.toml")[0] == 0


def test_a_step_of_github_gets_the_summary(call, kept, worse, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    call("check", worse, "--baseline", kept[1])
    assert "restorebench check: regressed" in (tmp_path / "step.md").read_text()


def test_files_say_what_was_found(kept, worse, tmp_path):
    verdict = check(baseline.read(kept[1]), take(worse), Thresholds())
    outputs.write(verdict, tmp_path)
    stored = json.loads((tmp_path / "check.json").read_text())
    assert stored["verdict"] == "regressed" and stored["exit_code"] == 1 and len(stored["worse"]) >= 4
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(len(verdict.lines)), "1", "0")
    (failed,) = [case for case in suite if case.find("failure") is not None]
    assert failed.get("classname") == "mosaic.better" and failed.get("name") == "psnr"
    assert "| ❌ | mosaic better psnr | same |" in (tmp_path / "summary.md").read_text()


def test_nothing_compared_is_an_error_for_junit():
    suite = ElementTree.fromstring(outputs.junit(Verdict(())))
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")


def test_text_of_others_cannot_leave_its_place():
    place = Place("jpeg", "<script>|x")
    verdict = Verdict((Line(place, State.regressed, "a | b\n`c` <img src=x> \x00 *d*"),))
    ElementTree.fromstring(outputs.junit(verdict))
    (row,) = [line for line in outputs.markdown(verdict).splitlines() if line.startswith("| ❌")]
    assert "<" not in row and row.replace("\\|", "").count("|") == 8


def test_page_shows_the_pictures_that_got_worse(call, kept, worse, tmp_path):
    call("check", worse, "--baseline", kept[1], "--before", kept[0])
    page = (tmp_path / "check" / "index.html").read_text()
    assert "Pictures that got worse" in page and "Content-Security-Policy" in page and "http://" not in page
    pictures = sorted(path.name for path in (tmp_path / "check" / "pictures").rglob("*.png"))
    assert set(pictures) == {"before.png", "degraded.png", "now.png", "truth.png"}
    assert call("check", worse, "--baseline", kept[1])[0] == 1  # a page of its own is written over
    shutil.rmtree(tmp_path / "check" / "pictures")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("somebody's")
    code, _, err = call("check", worse, "--baseline", kept[1], "--out", "mine")
    assert code == 2 and "not a check" in err and (tmp_path / "mine" / "index.html").read_text() == "somebody's"


def test_crop_is_where_it_got_worse():
    import numpy as np

    from reports.gate import SIDE, worst_box

    truth = np.zeros((400, 500, 3), np.uint8)
    now, before = truth.copy(), truth.copy()
    now[300:330, 350:380] = 90
    now[:100, :100] = before[:100, :100] = 200  # bad, but no worse than it was
    left, top, right, bottom = worst_box({"truth": truth, "now": now, "before": before})
    assert left <= 350 and right >= 380 and top <= 300 and bottom >= 330
    assert (right - left, bottom - top) == (SIDE, SIDE)
    assert worst_box({"truth": truth, "now": now})[:2] == (0, 0)


def test_fixture_passes_fails_and_skips(restorebench_gate, kept, worse):
    assert restorebench_gate(kept[0], kept[1]).state is State.passed
    with pytest.raises(pytest.fail.Exception, match="regressed"):
        restorebench_gate(worse, kept[1])
    rewrite(worse, lambda run: {"digests": digests(run)["digests"] | {"level mosaic_c8": "x", "level mosaic_c16": "x"}})
    with pytest.raises(pytest.fail.Exception, match="could not judge"):
        restorebench_gate(worse, kept[1])
    with pytest.raises(pytest.skip.Exception):
        restorebench_gate(worse, kept[1], undecided="skip")


def test_workflow_files_can_be_read():
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((ROOT / "docs/ci/restorebench-check.yml").read_text())
    assert {"suite", "baseline", "thresholds"} <= workflow[True]["workflow_call"][
        "inputs"
    ].keys()  # YAML 1.1: on is true
    uses = [step["uses"].split("@")[0] for step in workflow["jobs"]["check"]["steps"] if "uses" in step]
    assert {"actions/cache", "actions/upload-artifact"} <= set(uses)
    commands = " ".join(step.get("run", "") for step in workflow["jobs"]["check"]["steps"])
    assert "restorebench check runs --baseline" in commands and "${{" not in commands  # inputs come by environment
    gitlab = yaml.safe_load((ROOT / "docs/ci/gitlab-ci.yml").read_text())["restorebench check"]
    assert gitlab["artifacts"]["reports"]["junit"] == "check/junit.xml" and gitlab["allow_failure"]["exit_codes"] == [2]
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for script in (commands, " ".join(gitlab["script"])):  # else finished runs of the cache would pass unseen
        assert script.index("scores.parquet -delete") < script.index("restorebench run")
    assert hook["entry"] == "restorebench check --dry-run" and hook["pass_filenames"] is False
