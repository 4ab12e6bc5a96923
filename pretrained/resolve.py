"""Finds trained weights: an explicit folder, RESTOREBENCH_WEIGHTS, torch hub's cache, then a download."""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import re
import urllib.request
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pretrained.catalogue import KNOWN, Weights

REACH_SECONDS = 5  # a download that has not begun to answer by then counts as unreachable


class Unavailable(ValueError):
    """Weights cannot be had here: missing, damaged, or not fitting. One line that names the file and what to do."""


@dataclass(frozen=True)
class Trunk:
    """A classifier's `features.*` tensors by their name after the first dot, on the CPU, and their file's SHA-256."""

    tensors: dict[str, Tensor]
    digest: str

    def fill(self, network: nn.Module, what: str) -> None:
        """Copy into every tensor of `network`, whose names must be among ours. Raises Unavailable when one is not.

        Tensors beyond those of `network` are left out: a shortened trunk is welcome.
        """
        wanted = network.state_dict().keys() & self.tensors.keys()
        fit(network, {name: self.tensors[name] for name in wanted}, what, assign=False)


def find(key: str, folder: Path | None = None) -> Path | None:
    """The first file of an entry of KNOWN that exists, or None. Downloads nothing and reads nothing."""
    paths = (place / name for place in _folders(folder) for name in KNOWN[key].files)
    return next((path for path in paths if path.is_file()), None)


def status(folder: Path | None = None) -> list[tuple[str, tuple[str, ...], Path | None]]:
    """For `doctor`: what the weights are for, their file names, and where they were found if they were."""
    return [(each.what, each.files, find(key, folder)) for key, each in KNOWN.items()]


def locate(key: str, folder: Path | None = None) -> tuple[Path, str]:
    """The file of an entry of KNOWN, found or downloaded, and its SHA-256, checked. Raises Unavailable."""
    known = KNOWN[key]
    path = find(key, folder) or _download(known)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    expected = dict(known.sha256).get(path.name) or _named_digest(path.name) or ""
    if not digest.startswith(expected):
        raise Unavailable(f"weights damaged: {path} has SHA-256 {digest[:8]}…, expected {expected[:8]}…; replace it")
    return path, digest


def load(key: str, folder: Path | None = None) -> dict[str, Tensor]:
    """The tensors of an entry of KNOWN, on the CPU, found or downloaded, and checked. Raises Unavailable."""
    return read(locate(key, folder)[0])


@functools.lru_cache(maxsize=4)
def trunk(key: str, folder: Path | None = None) -> Trunk:
    """The `features.*` of a torchvision classifier of KNOWN. Raises Unavailable."""
    path, digest = locate(key, folder)
    start = "features."
    return Trunk({name[len(start) :]: each for name, each in read(path).items() if name.startswith(start)}, digest)


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, on the CPU. Raises Unavailable when it is not one."""
    if path.suffix == ".npz":
        return _arrays(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen unrelated types on a damaged file
        reason = str(error).strip().split("\n")[0][:120] or type(error).__name__
        raise Unavailable(f"weights unreadable: {path} ({reason}); replace the file") from None
    if isinstance(state, Mapping) and isinstance(state.get("net_state_dict"), Mapping):
        state = state["net_state_dict"]  # a checkpoint of a training, as MobileFaceNet's
    if not isinstance(state, Mapping) or not all(isinstance(each, Tensor) for each in state.values()):
        raise Unavailable(f"weights unreadable: {path} does not hold named tensors; replace the file")
    return dict(state)


def _arrays(path: Path) -> dict[str, Tensor]:
    """The arrays of an .npz file. Nothing pickled is read."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name: torch.from_numpy(found[name]) for name in found}
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise Unavailable(f"weights unreadable: {path} ({str(error)[:120]}); replace the file") from None


def fit(network: nn.Module, state: Mapping[str, Tensor], what: str, assign: bool = True) -> None:
    """Load every tensor of a network; Unavailable unless names and shapes match exactly.

    assign: the network takes the tensors themselves, so that one built on the meta device becomes real.
    """
    try:
        network.load_state_dict(state, strict=True, assign=assign)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise Unavailable(f"weights of {what} do not fit its network: {line}; replace the file") from None


def _folders(folder: Path | None) -> list[Path]:
    """Where weights are looked for, in order."""
    named = [folder, os.environ.get("RESTOREBENCH_WEIGHTS"), _cache()]
    return [Path(each).expanduser() for each in named if each]


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _named_digest(name: str) -> str | None:
    """The start of the SHA-256 that torch hub's file names carry."""
    match = re.search(r"-([a-f0-9]{8,})\.", name)
    return match.group(1) if match else None


def _download(weights: Weights) -> Path:
    """Fetch into torch hub's cache by torch's own route. Raises Unavailable when offline or refused."""
    name, place = weights.files[0], _cache()
    missing = f"weights not found: {' or '.join(weights.files)}; put it in {place} or set RESTOREBENCH_WEIGHTS"
    if not weights.url:
        raise Unavailable(f"{missing} (it has no address to download from)")
    if os.environ.get("RESTOREBENCH_OFFLINE", "0") not in ("", "0"):
        raise Unavailable(f"{missing} (RESTOREBENCH_OFFLINE is set)")
    problem = _unreachable(weights.url)
    if problem:
        raise Unavailable(f"{missing} (download failed: {problem})")
    try:
        place.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(weights.url, str(place / name), _named_digest(name), progress=False)
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
