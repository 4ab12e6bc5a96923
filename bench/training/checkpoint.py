"""Everything a training needs to go on as if it had never stopped, in one file, and the one before it.

A file ends with the SHA-256 of what stands before, which torch.load does not mind: a file cut short or with a flipped
bit is told from a whole one, and the training goes on from the previous checkpoint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.errors import UserError
from bench.results.store import write_atomic
from bench.training.average import WeightAverage
from methods.base import Method

NAME, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"
SEAL = hashlib.sha256().digest_size
PIECE = 1 << 20  # bytes read at once


def save(folder: Path, method: Method, average: WeightAverage | None, state: dict[str, float]) -> None:
    """Write checkpoint.pt atomically; the one before it stays as checkpoint.previous.pt.

    `state` holds the plain numbers of the loop: step, seconds.
    """
    stored = {
        "model": method.state_dict(),
        "optimizers": {name: each.state_dict() for name, each in method.optimizers().items()},
        "ema": average.weights if average is not None else None,
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "config": dataclasses.asdict(method.config),
        "state": state,
    }
    buffer = io.BytesIO()
    torch.save(stored, buffer)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    if (folder / NAME).exists():
        os.replace(folder / NAME, folder / PREVIOUS)
    write_atomic(folder / NAME, buffer.getvalue())


def read(folder: Path, device: torch.device, mapped: bool = False) -> dict[str, Any] | None:
    """The stored checkpoint, or None when there is none. Raises UserError when it is damaged.

    mapped: what is not looked at takes no memory; only for as long as the file stays as it is.
    """
    path = folder / NAME
    if not path.exists():
        return None
    if not _whole(path):
        raise UserError(f"{path}: not a readable checkpoint (its digest is wrong); run its suite again to mend it")
    try:
        return torch.load(path, map_location=device, weights_only=True, mmap=mapped)
    except Exception as error:  # torch raises a dozen unrelated types on files it cannot read
        reason = f"not a readable checkpoint ({type(error).__name__})"
        raise UserError(f"{path}: {reason}; delete it to train anew") from None


def mend(folder: Path) -> str:
    """Put the previous checkpoint in the place of one that is damaged or missing; says what was wrong, or "".

    Without a whole one the training begins anew.
    """
    newest, previous = folder / NAME, folder / PREVIOUS
    if newest.exists() and _whole(newest):
        return ""
    was_there = newest.exists()
    newest.unlink(missing_ok=True)
    if previous.exists() and _whole(previous):
        os.replace(previous, newest)
        return "checkpoint.pt was damaged; training went on from the one before it" if was_there else ""
    return "checkpoint.pt was damaged; training began anew" if was_there else ""


def drop_previous(folder: Path) -> None:
    """Forget the last checkpoint but one, when the training has ended."""
    (folder / PREVIOUS).unlink(missing_ok=True)


def resume(stored: dict[str, Any], method: Method, average: WeightAverage | None) -> dict[str, float]:
    """Load a checkpoint into a fresh method; returns its `state`."""
    method.load_state_dict(stored["model"])
    for name, optimizer in method.optimizers().items():
        optimizer.load_state_dict(stored["optimizers"][name])
    if average is not None:
        average.load(stored["ema"])
    torch.set_rng_state(stored["rng"].cpu())
    if stored["rng_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([each.cpu() for each in stored["rng_cuda"]])
    return stored["state"]


def load_weights(folder: Path, method: Method, device: torch.device) -> None:
    """Load the weights that restore: the averaged ones where the run kept them. Raises UserError without any."""
    method.load_state_dict(_weights(folder, device))


def weights_digest(folder: Path) -> str:
    """SHA-256 over names, shapes and bits of the weights that restore. Raises UserError without any."""
    total = hashlib.sha256()
    for name, each in sorted(_weights(folder, torch.device("cpu")).items()):
        total.update(f"{name} {tuple(each.shape)} {each.dtype}\n".encode())
        total.update(each.detach().contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _weights(folder: Path, device: torch.device) -> dict[str, Tensor]:
    """The weights that restore, beside which a checkpoint holds critics and twice as much for the optimizers."""
    stored = read(folder, device, mapped=True)
    if stored is None:
        raise UserError(f"{folder}: no {NAME}; train it first")
    return stored["ema"] or stored["model"]


def _whole(path: Path) -> bool:
    """Whether its seal is that of what stands before it; read in pieces, for it may be as large as the memory."""
    left, total = path.stat().st_size - SEAL, hashlib.sha256()
    with path.open("rb") as file:
        while left > 0:
            piece = file.read(min(left, PIECE))
            if not piece:
                return False
            total.update(piece)
            left -= len(piece)
        return total.digest() == file.read()
