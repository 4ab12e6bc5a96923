"""docs/add-a-method.md followed literally, the example package installed and run, and plug-ins that are broken."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.discovery import discover
from bench.errors import UserError
from bench.results import store
from bench.scaffold import class_name, new_method
from bench.verify import verify

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "restorebench-example"
COMMAND = f'restorebench() {{ "{sys.executable}" -m bench "$@"; }}\n'


def commands(page: Path) -> str:
    """The shell commands of a page, in their order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))


def shell(script: str, folder: Path, path: str = "") -> str:
    """Run commands in a folder as a reader would; returns what they print."""
    found = os.pathsep.join(filter(None, (path, str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": found}
    done = subprocess.run(
        ["bash", "-e", "-c", COMMAND + script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_is_right_as_it_stands(tmp_path):
    script = commands(ROOT / "docs" / "add-a-method.md")
    assert [line.split()[1] for line in script.splitlines() if line] == ["new-method", "verify", "run"]
    said = shell(script, tmp_path)
    assert "mine keeps the contract" in said
    assert re.search(r"costs .* weights, .* GFLOP, .* MB; .* pictures/s in training", said)
    runs = {folder.parent.name: store.read_run(folder) for folder in store.find_runs(tmp_path / "runs")}
    assert {name: run.status for name, run in runs.items()} == {"identity": "done", "mine": "done"}
    psnr = {
        folder.parent.name: store.read_scores(folder).query("metric == 'psnr' and region == 'whole'")["value"].mean()
        for folder in store.find_runs(tmp_path / "runs")
    }
    assert psnr["mine"] > psnr["identity"] + 0.1, "it learns, even in so short a time"
    assert "mine" in (tmp_path / "site" / "jpeg.html").read_text()


def test_nothing_is_overwritten_and_bad_names_are_refused(tmp_path):
    new_method("mine", tmp_path)
    for name, says in (("mine", "is not overwritten"), ("dncnn", "methods.regressors"), ("../mine", "cannot name")):
        with pytest.raises(UserError, match=says) as told:
            new_method(name, tmp_path)
        assert "\n" not in str(told.value)
    (tmp_path / "other.toml").write_text("mine")
    with pytest.raises(UserError, match=r"other\.toml exists"):
        new_method("other", tmp_path)
    assert not (tmp_path / "other.py").exists() and (tmp_path / "other.toml").read_text() == "mine"


@pytest.mark.parametrize("name", ["method", "my-net.2", "3d", "adam"])
def test_any_name_that_a_row_may_have_gives_a_file_that_works(tmp_path, name):
    code, _ = new_method(name, tmp_path)
    found = discover((code,))
    assert not found.problems and found.methods[name].cls.__name__ == class_name(name)
    assert found.method(name).build().optimizers()


@pytest.mark.slow
def test_the_example_package_is_installed_and_run(tmp_path):
    pytest.importorskip("setuptools")
    copy = shutil.copytree(EXAMPLE, tmp_path / "example")
    target = tmp_path / "installed"
    install = "-m pip install --quiet --no-deps --no-build-isolation --no-index --disable-pip-version-check --target"
    subprocess.run([sys.executable, *install.split(), str(target), str(copy)], check=True, capture_output=True)
    said = shell(f"restorebench verify sharpen\nrestorebench run {copy}/blur.toml", tmp_path, str(target))
    assert "sharpen keeps the contract" in said
    for folder in store.find_runs(tmp_path / "runs"):
        run, rows = store.read_run(folder), store.read_scores(folder)
        assert run.status == "done" and run.task == "blur"
        assert rows.query("metric == 'mean_colour'")["status"].eq("ok").all() and "mean_colour" in run.metrics
    assert {path.name for path in (tmp_path / "runs" / "blur").iterdir()} >= {"identity", "dncnn", "sharpen"}
    assert "mean colour" in (tmp_path / "site" / "blur.html").read_text()


def test_a_file_may_hold_a_method_a_task_and_a_metric(tmp_path):
    parts = ("blur", "sharpen", "mean_colour")
    texts = [(EXAMPLE / "restorebench_example" / f"{part}.py").read_text() for part in parts]
    body = "\n".join(text.replace("from __future__ import annotations\n", "") for text in texts)
    (tmp_path / "all.py").write_text("from __future__ import annotations\n" + body)
    found = discover((tmp_path / "all.py",))
    assert not found.problems
    assert "blur" in found.tasks and "sharpen" in found.methods and "mean_colour" in found.metrics
    assert "mean_colour" not in discover().metrics, "a file's metrics are known where it is given, not ever after"
    findings = verify(found.method("sharpen"), 32, frozenset(found.tasks))
    assert not [each for each in findings if each.check == "declares itself" and each.problem]


BROKEN = {
    "raise RuntimeError('no luck')": "RuntimeError: no luck",
    "raise SystemExit('no luck')": "SystemExit: no luck",
    "METHODS = {'mine': 3}": "must be the Config of a Method class",
    "METHODS = {'../mine': Identity.Config()}": "cannot name a method",
    "METHODS = {'identity': Identity.Config()}": "'identity' is defined twice",
    "class A(Identity): ...\nclass B(Identity): ...\nMETHODS = {'m': A.Config()}": "fits A and B; declare a Config",
    "TASK = 'noise'": "TASK must be a degradations.base.Task",
    "from degradations.jpeg import TASK": "trains on or scores level 'jpeg_q10to60', which LEVELS does not have",
    "from degradations.jpeg import TASK, LEVELS": "task 'jpeg' is defined twice",
    "METRICS = ['psnr']": "METRICS must be a tuple",
    "from bench.metrics.fidelity import METRICS": "exists already",
}


@pytest.mark.parametrize("code", BROKEN)
def test_a_plug_in_that_is_wrong_is_one_line_and_the_rest_goes_on(tmp_path, code):
    (tmp_path / "bad.py").write_text("from methods.identity import Identity\n" + code)
    found = discover((tmp_path / "bad.py",))
    assert len(found.problems) == 1 and "\n" not in found.problems[0]
    assert BROKEN[code] in found.problems[0] and found.problems[0].endswith("; left out")
    assert {"identity", "dncnn"} <= found.methods.keys() and "jpeg" in found.tasks and "psnr" in found.metrics


def test_a_class_that_inherits_its_config_is_found(tmp_path):
    (tmp_path / "heir.py").write_text(
        "from methods.identity import Identity\nclass Heir(Identity):\n"
        "    tasks = frozenset({'jpeg'})\nMETHODS = {'heir': Heir.Config()}"
    )
    found = discover((tmp_path / "heir.py",))
    assert found.method("heir").cls.__name__ == "Heir" and found.method("identity").cls.__name__ == "Identity"
