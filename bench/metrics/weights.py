"""Finds the trained weights that metrics need: a folder, RESTOREBENCH_WEIGHTS, torch hub's cache, then a download.

A wrong or missing file makes a metric unavailable, with its name and where to put it; nothing is ever guessed.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import re
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.metrics.base import Unavailable

REACH_SECONDS = 5  # a download that has not begun to answer by then counts as unreachable
TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class Weights:
    """One network's weights: names of files that hold them, the one downloaded first, and where it comes from."""

    what: str
    files: tuple[str, ...]
    url: str


KNOWN = {
    "alexnet": Weights(
        "AlexNet features (lpips_alex)",
        ("alexnet-owt-7be5be79.pth", "alexnet_features.pth"),
        TORCHVISION + "alexnet-owt-7be5be79.pth",
    ),
    "vgg16": Weights(
        "VGG16 features (lpips_vgg, dists)",
        ("vgg16-397923af.pth", "vgg16_features.pth"),
        TORCHVISION + "vgg16-397923af.pth",
    ),
    "squeezenet1_1": Weights(
        "SqueezeNet 1.1 features (lpips_squeeze, fid_squeeze)",
        ("squeezenet1_1-b8a52dc0.pth", "squeezenet1_1_features.pth"),
        TORCHVISION + "squeezenet1_1-b8a52dc0.pth",
    ),
    "dists": Weights(
        "DISTS channel weights (dists)",
        ("dists_weights.pt",),
        "https://github.com/photosynthesis-team/piq/releases/download/v0.4.1/dists_weights.pt",
    ),
    "inception": Weights(
        "Inception-v3 of pytorch-fid (fid, kid)",
        ("pt_inception-2015-12-05-6726825d.pth",),
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    ),
}
# SHA-256 of files whose name does not carry it.
DIGESTS = {"squeezenet1_1_features.pth": "65848f4c678bba05bcc2fc7c35df775d303ffcbc3e24e770a727cb4296e10e84"}


def folders(folder: Path | None = None) -> list[Path]:
    """Where weights are looked for, in order: folder, RESTOREBENCH_WEIGHTS, torch hub's cache."""
    named = [folder, os.environ.get("RESTOREBENCH_WEIGHTS"), Path(torch.hub.get_dir()) / "checkpoints"]
    return [Path(each).expanduser() for each in named if each]


def find(names: Iterable[str], folder: Path | None = None) -> Path | None:
    """The first file of one of these names that exists, or None. Downloads nothing and reads nothing."""
    names = tuple(names)
    paths = (place / name for place in folders(folder) for name in names)
    return next((path for path in paths if path.is_file()), None)


def status(folder: Path | None = None) -> list[tuple[str, tuple[str, ...], Path | None]]:
    """For `doctor`: what the weights are for, their file names, and where they were found if they were."""
    return [(each.what, each.files, find(each.files, folder)) for each in KNOWN.values()]


def load(key: str, folder: Path | None = None) -> dict[str, Tensor]:
    """The tensors of a network of KNOWN, on the CPU, found or downloaded and checked.

    Raises Unavailable when the file is missing and cannot be had, has the wrong digest, or cannot be read.
    """
    path = find(KNOWN[key].files, folder) or _download(KNOWN[key])
    _check_digest(path)
    return read(path)


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, on the CPU. Raises Unavailable when it is not one."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen unrelated types on a damaged file
        reason = str(error).strip().split("\n")[0][:120] or type(error).__name__
        raise Unavailable(f"weights unreadable: {path} ({reason}); replace the file") from None
    if not isinstance(state, Mapping) or not all(isinstance(each, Tensor) for each in state.values()):
        raise Unavailable(f"weights unreadable: {path} does not hold named tensors; replace the file")
    return dict(state)


def features(key: str, folder: Path | None = None) -> dict[str, Tensor]:
    """The `features.*` tensors of a torchvision classifier, by their name after the first dot."""
    state = load(key, folder)
    return {name.removeprefix("features."): each for name, each in state.items() if name.startswith("features.")}


def fit(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Load every tensor of a network; Unavailable unless names and shapes match exactly."""
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise Unavailable(f"weights of {what} do not fit its network: {line}; replace the file") from None


def _check_digest(path: Path) -> None:
    """Compare with the known SHA-256, or with the start of it that torch hub's file names carry."""
    start = DIGESTS.get(path.name) or _named_digest(path.name)
    if start:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not digest.startswith(start):
            raise Unavailable(f"weights damaged: {path} has SHA-256 {digest[:8]}…, expected {start[:8]}…; replace it")


def _named_digest(name: str) -> str | None:
    match = re.search(r"-([a-f0-9]{8,})\.", name)
    return match.group(1) if match else None


def _download(weights: Weights) -> Path:
    """Fetch into torch hub's cache by torch's own route. Raises Unavailable when offline or refused."""
    name = weights.files[0]
    place = Path(torch.hub.get_dir()) / "checkpoints"
    missing = f"weights not found: {' or '.join(weights.files)}; put it in {place} or set RESTOREBENCH_WEIGHTS"
    if os.environ.get("RESTOREBENCH_OFFLINE", "0") not in ("", "0"):
        raise Unavailable(f"{missing} (RESTOREBENCH_OFFLINE is set)")
    problem = _unreachable(weights.url)
    if problem:
        raise Unavailable(f"{missing} (download failed: {problem})")
    try:
        place.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(weights.url, str(place / name), _named_digest(name))
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise Unavailable(f"{missing} (download failed: {error})") from None
    return place / name


@functools.cache  # one failed attempt a process is enough
def _unreachable(url: str) -> str:
    """Why a download would not even begin, or nothing. torch's own downloader waits without a limit."""
    try:
        urllib.request.urlopen(url, timeout=REACH_SECONDS).close()
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
    return ""
