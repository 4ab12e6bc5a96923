"""Finds trained weights of torchvision's networks: RESTOREBENCH_WEIGHTS, torch hub's cache, then a download.

Nothing is guessed: a missing, damaged or unfitting file is a ValueError of one line that names it.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

REACH_SECONDS = 5  # a download that has not begun to answer by then counts as unreachable
SITE = "https://download.pytorch.org/models/"
# Names of the files that hold a network, in the order they are looked for; the first is the one downloaded.
FILES = {
    "mobilenet_v2": ("mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth", "mobilenet_v2_features.pth"),
    "squeezenet1_1": ("squeezenet1_1-b8a52dc0.pth", "squeezenet1_1_features.pth"),
    "vgg16": ("vgg16-397923af.pth", "vgg16_features.pth"),
    "vgg19": ("vgg19-dcbb9e9d.pth", "vgg19_features.pth"),
}
# SHA-256 of files whose name does not carry its start.
DIGESTS = {
    "mobilenet_v2_features.pth": "3730daada96ebad67e10221c259b5616355e0d9e7b12da16f6161f4e7755f22f",
    "squeezenet1_1_features.pth": "65848f4c678bba05bcc2fc7c35df775d303ffcbc3e24e770a727cb4296e10e84",
}


@dataclass(frozen=True)
class Trunk:
    """A network's `features.*` tensors by their name after the first dot, on the CPU, and their file's SHA-256."""

    tensors: dict[str, Tensor]
    digest: str

    def fill(self, network: nn.Module, what: str) -> None:
        """Copy into every tensor of `network`, whose names must be among ours. Raises ValueError when they do not fit.

        Tensors beyond those of `network` are left out: a shortened trunk is welcome.
        """
        wanted = network.state_dict().keys() & self.tensors.keys()
        try:
            network.load_state_dict({name: self.tensors[name] for name in wanted}, strict=True)
        except RuntimeError as error:
            raise ValueError(
                f"weights of {what} do not fit its network: {' '.join(str(error).split())[:200]}"
            ) from None


@functools.lru_cache(maxsize=4)
def trunk(key: str) -> Trunk:
    """The trunk of a network of FILES, found or downloaded, and checked. Raises ValueError when it cannot be had."""
    path = find(key) or _download(key)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    expected = DIGESTS.get(path.name) or _named_digest(path.name) or ""
    if not digest.startswith(expected):
        raise ValueError(f"weights damaged: {path} has SHA-256 {digest[:8]}, expected {expected[:8]}; replace it")
    state = read(path)
    return Trunk({name[9:]: each for name, each in state.items() if name.startswith("features.")}, digest)


def find(key: str) -> Path | None:
    """The first file of this network that exists, or None. Reads nothing and downloads nothing."""
    paths = (place / name for place in _folders() for name in FILES[key])
    return next((path for path in paths if path.is_file()), None)


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, on the CPU. Raises ValueError when it is not one."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen unrelated types on a damaged file
        reason = str(error).strip().split("\n")[0][:120] or type(error).__name__
        raise ValueError(f"weights unreadable: {path} ({reason}); replace the file") from None
    if not isinstance(state, Mapping) or not all(isinstance(each, Tensor) for each in state.values()):
        raise ValueError(f"weights unreadable: {path} does not hold named tensors; replace the file")
    return dict(state)


def _folders() -> list[Path]:
    named = os.environ.get("RESTOREBENCH_WEIGHTS")
    return ([Path(named).expanduser()] if named else []) + [_cache()]


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _named_digest(name: str) -> str | None:
    match = re.search(r"-([a-f0-9]{8,})\.", name)
    return match.group(1) if match else None


def _download(key: str) -> Path:
    """Fetch into torch hub's cache by torch's own route. Raises ValueError when offline or refused."""
    name, place = FILES[key][0], _cache()
    missing = f"weights not found: {' or '.join(FILES[key])}; put it in {place} or set RESTOREBENCH_WEIGHTS"
    if os.environ.get("RESTOREBENCH_OFFLINE", "0") not in ("", "0"):
        raise ValueError(f"{missing} (RESTOREBENCH_OFFLINE is set)")
    problem = _unreachable(SITE + name)
    if problem:
        raise ValueError(f"{missing} (download failed: {problem})")
    try:
        place.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(SITE + name, str(place / name), _named_digest(name), progress=False)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise ValueError(f"{missing} (download failed: {error})") from None
    return place / name


@functools.cache  # one failed attempt a process is enough
def _unreachable(url: str) -> str:
    """Why a download would not even begin, or nothing. torch's own downloader waits without a limit."""
    try:
        urllib.request.urlopen(url, timeout=REACH_SECONDS).close()
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
    return ""
