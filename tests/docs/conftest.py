"""A folder such as the pages speak of: photos, damaged and restored pictures, runs, a submission; all of it tiny."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tests.conftest import draw
from tests.pages import ROOT

SUITE = """
description = "for the pages"
[data.photos]
source = "folder:photos"
[train]
images = 64
batch = 4
crop = 32
seeds = [0]
[score]
size = 48
keep = 2
metrics = ["psnr", "ssim"]
[tasks.jpeg]
data = "photos"
levels = ["jpeg_q10"]
methods = ["identity", "dncnn", "pix2pix"]
[tasks.hole]
data = "photos"
levels = ["hole_box"]
methods = ["telea", "glcic"]
[methods.dncnn]
depth = 3
width = 8
[methods.pix2pix]
levels = 4
base = 4
patch_layers = 1
critic_base = 4
dropout_blocks = 1
[methods.glcic]
size = 32
local = 16
base = 4
dilations = [2]
critic_base = 4
features = 8
"""
CARD = """
name = "theirs"
suite = "small"
summary = "Nothing was done."
paper = "none: made for a test"
code = "none: made for a test"
licence = "Apache-2.0"
data = ["none: not trained"]
contamination = "Nothing was trained."
"""
FOLDERS = {  # folder: how many pictures, the first one's number, side in pixels
    "photos": (10, 0, 64), "their_photos": (3, 100, 64), "train": (3, 200, 64), "test": (3, 300, 64),
    "shared/scenes/train": (4, 400, 128), "shared/kodak24": (3, 500, 128),
}  # fmt: skip


def pictures(folder: Path) -> None:
    """FOLDERS; photo.jpg; photos that are transparent in one place, the same as masks, and a mask for all; a clip."""
    for name, (count, first, side) in FOLDERS.items():
        (folder / name).mkdir(parents=True)
        for number in range(first, first + count):
            Image.fromarray(draw(number, side, side)).save(folder / name / f"photo_{number}.png")
    (folder / "masks").mkdir()
    lost = Image.new("L", (64, 64))
    lost.paste(255, (20, 24, 40, 44))
    lost.save(folder / "logo.png")
    for path in sorted((folder / "photos").iterdir()):
        lost.save(folder / "masks" / path.name)
        picture = Image.open(path).convert("RGBA")
        picture.putalpha(ImageChops.invert(lost))
        picture.save(path)
    Image.fromarray(draw(600, 64, 64)).save(folder / "photo.jpg")
    for name in ("in.mp4", "clean.mp4"):
        clip(folder / name)


def clip(path: Path) -> None:
    """Four frames of 64×64, where PyAV is installed."""
    try:
        import av
    except ImportError:
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(700 + number, 64, 64), format="rgb24")))
        container.mux(stream.encode())


def shell(script: str, folder: Path) -> str:
    """Run commands in a folder as a reader would; returns all that they print. Raises AssertionError when one fails."""
    programs = f'restorebench() {{ "{sys.executable}" -m bench "$@"; }}\n'
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "RESTOREBENCH_DATA": str(folder / "shared"), "RESTOREBENCH_OFFLINE": "1"
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-v", "-c", programs + script],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"exit code {done.returncode} of\n{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def with_runs(line: str, folder: Path) -> str:
    """A line whose RUN, or runs/TASK/METHOD/ID with an invented id, is a run that is there."""
    there = sorted(path.parent.relative_to(folder) for path in folder.glob("runs/*/*/*/run.json"))

    def real(path: re.Match[str]) -> str:
        task, method = path["task"], path["method"]
        return min(there, key=lambda run: (run.parts[1] != task, run.parts[2] != method)).as_posix()

    line = re.sub(r"runs/(?P<task>\w+)/(?P<method>\w+)/(?:[0-9a-f]{12}|ID)(?![\w])", real, line)
    return re.sub(
        r"(?<![\w-])RUN(?!\w)", next((run.as_posix() for run in there if run.parts[2] == "dncnn"), "RUN"), line
    )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """The folder, made once."""
    folder = tmp_path_factory.mktemp("reader")
    pictures(folder)
    (folder / "my_suite.toml").write_text(SUITE)
    shell("restorebench run my_suite.toml\nrestorebench degrade jpeg inputs/ --evaluation small", folder)
    for level in sorted(path.name for path in (folder / "inputs").iterdir() if path.is_dir()):
        for target in ("out", "theirs/jpeg"):
            shutil.copytree(folder / "inputs" / level / "degraded", folder / target / level)
        shutil.copytree(folder / "shared" / "kodak24", folder / "truth" / level)
    shutil.copytree(folder / "runs", folder / "last" / "runs")
    (folder / "theirs" / "card.toml").write_text(CARD)
    shutil.rmtree(folder / "inputs")
    return folder


@pytest.fixture
def reader(prepared, tmp_path) -> Path:
    """A copy of it for one page."""
    return shutil.copytree(prepared, tmp_path / "reader")
