"""What a result was made with: versions, machine, state of the code."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

PACKAGES = (
    "torch", "torchvision", "numpy", "pandas", "pillow", "opencv-python", "scikit-image", "piq", "lpips",
    "pytorch-fid", "pybrisque", "scikit-video", "libsvm",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Installed versions of everything that can change a number."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("restorebench", *PACKAGES):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_state() -> str:
    """Commit of the checkout this package runs from, with "+dirty" when it has changes; "" outside a checkout."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return ""
    try:
        commit = _git(here, "rev-parse", "HEAD")
        return commit + ("+dirty" if _git(here, "status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
