"""Wheel and sdist are built, and the wheel is installed and used in an environment that does not know the repository.

Its dependencies are those of the running Python, by a path file, so that nothing is fetched: what is tested is ours.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

pytest.importorskip("setuptools", minversion="77", reason="pyproject.toml needs setuptools 77 to build")
ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("bench", "methods", "degradations", "pretrained", "reports")
OTHER = ("LICENSE", "README.md", "pyproject.toml")
NOT_OURS = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
SUITE = """
description = "for a test"
[data.scenes]
source = "embedded:scenes"
short_side = 64
[train]
images = 16
batch = 4
crop = 32
[score]
size = 32
pictures = 2
keep = 1
metrics = ["psnr"]
[tasks.jpeg]
data = "scenes"
levels = ["jpeg_q10"]
methods = ["identity", "mine"]
"""


def call(words: list[str], folder: Path) -> str:
    """Run a program without this repository on its path; returns what it prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """A wheel or sdist of a source tree, made by the build backend in a process of its own."""
    code = f"from setuptools import build_meta; print('made', build_meta.build_{kind}({str(out)!r}))"
    return out / call([sys.executable, "-c", code], source).split()[-1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of what is packed: building leaves files behind."""
    folder = tmp_path_factory.mktemp("tree")
    for name in (*PACKAGES, "docs/methods"):
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_OURS)
    for name in OTHER:
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory) -> Path:
    """The wheel of the copy."""
    return build("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The Python of an environment of its own that holds the wheel, and sees the packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    call([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    found = folder / "bin" / "python"
    site = Path(call([str(found), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip())
    install = "-m pip --disable-pip-version-check --python {} install --quiet --no-deps --no-index {}"
    call([sys.executable, *install.format(found, wheel).split()], folder)
    theirs = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}  # after it: pip would find ours there
    (site / "theirs.pth").write_text("\n".join(sorted(theirs)) + "\n")
    return found


def names(wheel: Path) -> set[str]:
    """Its files: those of the packages by their path, pages beside them (data) by the path below share/."""
    files = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    return {re.sub(r"^[^/]+\.data/data/share/restorebench/", "", name) for name in files}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(tree, wheel):
    there = {
        path.relative_to(tree).as_posix()
        for name in (*PACKAGES, "docs")
        for path in (tree / name).rglob("*")
        if path.is_file()
    }
    assert names(wheel) == there
    assert "bench/py.typed" in names(wheel)


def test_the_sdist_builds_the_same_wheel(tree, wheel, tmp_path):
    with tarfile.open(build("sdist", tree, tmp_path)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert names(build("wheel", unpacked, tmp_path)) == names(wheel)


def test_its_metadata_say_what_the_project_says(tree, wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
        metadata = BytesParser().parsebytes(archive.read(name))
        entries = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    assert set(metadata.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    assert metadata["Requires-Python"] == ">=3.11" and metadata["License-Expression"] == "Apache-2.0"
    assert {each.rpartition(" ")[2] for each in metadata.get_all("Classifier")} >= {"3.11", "3.12", "3.13", "Typed"}
    assert "restorebench = bench.cli:main" in entries
    assert metadata.get_payload().startswith("# restorebench")


def test_what_is_installed_is_the_wheel(python, tmp_path):
    code = "import bench, methods, reports; print(bench.__file__, methods.__file__, reports.__file__)"
    for path in call([str(python), "-c", code], tmp_path).split():
        assert Path(path).is_relative_to(python.parent.parent), path


def test_a_newcomer_s_first_commands_in_an_empty_folder(python, tmp_path):
    program = str(python.with_name("restorebench"))
    said = call([program, "list", "tasks"], tmp_path)
    assert all(task in said for task in ("mosaic", "jpeg", "erase", "facemask", "hole"))
    assert "quickstart" in call([program, "list", "suites"], tmp_path)
    call([program, "new-method", "mine"], tmp_path)
    (tmp_path / "tiny.toml").write_text(SUITE)
    call([program, "run", "tiny.toml", "--plugin", "mine.py"], tmp_path)
    board = (tmp_path / "site" / "jpeg.html").read_text()
    assert "mine" in board and "identity" in board
    assert {path.name for path in (tmp_path / "runs" / "jpeg").iterdir()} >= {"identity", "mine"}


def test_its_types_are_seen_from_outside(python, tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text("from bench import api\n\nreveal_type(api.measure)\nwrong: int = api.run()\n")
    words = [sys.executable, "-m", "mypy", "--python-executable", str(python), "--follow-imports=silent", "user.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert "bench.scoring.measure.Measurement" in done.stdout, done.stdout
    assert 'Incompatible types in assignment (expression has type "list[Run]"' in done.stdout, done.stdout
