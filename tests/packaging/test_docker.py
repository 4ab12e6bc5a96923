"""The Dockerfile as far as it can be held without a Docker daemon: what it is given, and what its shell lines say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "Dockerfile").read_text()
RUN = [re.sub(r"\\\n\s*", " ", line) for line in re.findall(r"^RUN ((?:.*\\\n)*.*)$", TEXT, re.MULTILINE)]
COPIED = [words.split()[:-1] for words in re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE)]
NEEDED = ("bench", "methods", "degradations", "pretrained", "reports", "docs/methods")
FILES = ("LICENSE", "README.md", "pyproject.toml", "constraints.txt")
STUBS = "".join(f'{name}() {{ echo "$0: {name} $*"; }}\n' for name in ("pip", "python", "useradd", "chown", "rm"))


def pattern(line: str) -> re.Pattern[str]:
    """A line of .dockerignore: from the root of the context, `**` over folders, and whatever lies below a match."""
    parts = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile(re.sub(r"\*\*/|\*|[^*]+", lambda part: parts.get(part[0], re.escape(part[0])), line) + "(?:/.*)?")


def is_sent(path: str) -> bool:
    """Whether a file of the repository is part of the build's context: the last line that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and pattern(line.removeprefix("!")).fullmatch(path):
            sent = line.startswith("!")
    return sent


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A RUN line by the shell that Docker takes, its programs replaced by ones that print how they were called."""
    return subprocess.run(
        ["sh", "-c", STUBS + line.replace("apt-get", "pip apt-get")],
        env={"PATH": "/usr/bin:/bin", **variables}, capture_output=True, text=True,
    )  # fmt: skip


def test_what_the_package_is_built_from_is_sent():
    paths = [path for name in NEEDED for path in (ROOT / name).rglob("*") if "__pycache__" not in path.parts]
    files = [*FILES, *(path.relative_to(ROOT).as_posix() for path in paths if path.is_file())]
    assert len(files) > 200
    assert [path for path in files if not is_sent(path)] == []


@pytest.mark.parametrize(
    "path", [".git/config", "runs/jpeg/run.json", "site/index.html", "data/a.png", "build/x", "tests/runs.py",
             "docs/faq.md", "bench/__pycache__/x.pyc", "restorebench.egg-info/PKG-INFO", ".tox/py311/x"]
)  # fmt: skip
def test_results_data_and_caches_are_not_sent(path):
    assert not is_sent(path)


def test_what_is_copied_is_there():
    sources = [source for words in COPIED for source in words]
    assert "constraints.txt" in sources and all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize(
    ("device", "index"), [("cpu", "--index-url https://download.pytorch.org/whl/cpu "), ("gpu", "")]
)
def test_torch_comes_first_for_the_device(device, index):
    (line,) = (line for line in RUN if "$DEVICE" in line)
    expected = f"pip install --no-cache-dir -c constraints.txt {index}torch torchvision"
    assert shell(line, DEVICE=device).stdout.strip().endswith(expected)


def test_a_device_that_is_neither_is_refused():
    (line,) = (line for line in RUN if "$DEVICE" in line)
    done = shell(line, DEVICE="tpu")
    assert done.returncode == 2 and "DEVICE is cpu or gpu, not tpu" in done.stderr and not done.stdout


@pytest.mark.parametrize(("extras", "what"), [("", "."), ("video,export", ".[video,export]")])
def test_extras_are_installed_when_asked_for(extras, what):
    (line,) = (line for line in RUN if "EXTRAS" in line)
    done = shell(line, EXTRAS=extras)
    assert done.stdout.strip().endswith(f"pip install --no-cache-dir -c constraints.txt {what}"), done


def test_every_line_is_one_the_shell_reads():
    assert len(RUN) == 6
    for line in RUN:
        assert shell(line, DEVICE="cpu").returncode == 0, line
