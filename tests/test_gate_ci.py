"""The workflow files of docs/ci: valid by the services' schemas, and their shell steps run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import api
from bench.gate import baseline
from bench.gate.snapshot import take
from tests.gate_runs import rewrite

yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")
ROOT = Path(__file__).parent.parent
GITHUB, GITLAB = ROOT / "docs/ci/restorebench-check.yml", ROOT / "docs/ci/gitlab-ci.yml"
SUITE = """
[data.scenes]
source = "embedded:scenes"
short_side = 64
[score]
size = 64
pictures = 3
keep = 2
metrics = ["psnr"]
[tasks.jpeg]
data = "scenes"
levels = ["jpeg_q10"]
methods = ["identity", "median"]
"""
PROGRAMS = {  # what a runner has: ours, as this checkout is, and a pip that installs nothing
    "restorebench": f'#!/bin/sh\nexec "{sys.executable}" -m bench "$@"\n',
    "pip": '#!/bin/sh\necho "$@" >> pip.log\n',
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A repository with a suite, runs of it and their baseline."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "gate.toml").write_text(SUITE)
    api.run(str(folder / "gate.toml"), api.Settings(runs=folder / "kept", device="cpu"))
    baseline.save(take(folder / "kept"), folder / "baseline.parquet")
    (folder / "bin").mkdir()
    for name, text in PROGRAMS.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


@pytest.fixture
def checkout(whole, tmp_path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / "checkout"))


@dataclass(frozen=True)
class Runner:
    """Runs the shell steps of a job, each or all of them with `bash -e`, as both services do."""

    folder: Path
    variables: dict[str, str]

    def __call__(self, script: str) -> subprocess.CompletedProcess[str]:
        found = {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        environment = os.environ | self.variables | found
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)


def github(folder: Path, **given: str) -> tuple[Runner, dict[str, str]]:
    """A runner with the job's environment, the inputs filled in, and the scripts of the steps."""
    workflow = yaml.safe_load(GITHUB.read_text())
    inputs = {name: each.get("default", "") for name, each in workflow[True]["workflow_call"]["inputs"].items()}
    filled = {name: str(each).lower() if isinstance(each, bool) else str(each) for name, each in inputs.items()} | given
    job = workflow["jobs"]["check"]
    variables = {
        key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: filled[found[1]], value)
        for key, value in job["env"].items()
    }
    assert not any("${{" in each for each in variables.values())
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    summary = {"GITHUB_STEP_SUMMARY": str(folder / "step.md")}
    return Runner(folder, variables | summary), dict(
        zip(("install", "dry", "fresh", "run", "judge"), scripts, strict=True)
    )


def gitlab(folder: Path) -> tuple[Runner, list[str]]:
    """A runner with the job's variables, and its script."""
    job = yaml.safe_load(GITLAB.read_text())["restorebench check"]
    variables = {key: value.replace("$CI_PROJECT_DIR", str(folder)) for key, value in job["variables"].items()}
    return Runner(folder, variables), job["script"]


@pytest.mark.parametrize(
    "words",
    [("vendor.github-workflows", GITHUB), ("vendor.gitlab-ci", GITLAB, "--data-transform", "gitlab-ci")],
    ids=["github", "gitlab"],
)
def test_files_are_valid_by_the_schemas_of_the_services(words):
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_steps_of_github_train_judge_and_report(checkout):
    run, steps = github(checkout, suite="gate.toml")
    for again in (False, True):  # the second time with runs from the cache, scored anew
        for name, script in steps.items():
            done = run(script)
            assert done.returncode == 0, (again, name, done.stdout + done.stderr)
            if name == "fresh":
                assert not list(checkout.glob("runs/**/scores.parquet"))
    assert (checkout / "pip.log").read_text().split("\n")[0] == "install restorebench"
    assert {each.name for each in (checkout / "check").iterdir()} >= {"check.json", "junit.xml", "index.html"}
    assert "restorebench check: pass" in (checkout / "step.md").read_text()


def spoil(checkout: Path, level: str) -> None:
    """Runs of other pictures; without a level that is named."""
    (checkout / "kept").rename(checkout / "runs")
    rewrite(checkout / "runs", lambda each: {"digests": {key: "other" for key in each.digests if key != level}})


@pytest.mark.parametrize(("allowed", "code"), [("false", 2), ("true", 0)])
def test_what_could_not_be_judged_fails_github_unless_allowed(checkout, allowed, code):
    spoil(checkout, "")
    run, steps = github(checkout, suite="gate.toml", **{"allow-undecided": allowed})
    done = run(steps["judge"])
    assert done.returncode == code and ("::warning::" in done.stdout) == (code == 0), done.stdout + done.stderr


def test_a_regression_fails_github_even_so(checkout):
    spoil(checkout, "level jpeg_q10")
    run, steps = github(checkout, suite="gate.toml", **{"allow-undecided": "true"})
    assert run(steps["judge"]).returncode == 1


def test_thresholds_reach_the_check(checkout):
    run, steps = github(checkout, suite="gate.toml", thresholds="absent.toml")
    for name in ("dry", "judge"):
        done = run(steps[name])
        assert done.returncode == 2 and "absent.toml" in done.stderr


@pytest.mark.slow
def test_script_of_gitlab_trains_judges_and_reports(checkout):
    run, script = gitlab(checkout)
    done = run("\n".join(script))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout / "check" / "junit.xml").exists()


@pytest.mark.parametrize(("level", "code"), [("", 2), ("level jpeg_q10", 1)])
def test_exit_codes_reach_gitlab(checkout, level, code):
    """2 is a warning there, by allow_failure."""
    spoil(checkout, level)
    run, script = gitlab(checkout)
    assert run(script[-1]).returncode == code
