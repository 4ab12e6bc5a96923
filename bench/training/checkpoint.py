"""Everything a training needs to go on as if it had never stopped, in one file."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import torch

from bench.errors import UserError
from bench.results.store import write_atomic
from bench.training.average import WeightAverage
from methods.base import Method

NAME = "checkpoint.pt"


def save(folder: Path, method: Method, average: WeightAverage | None, state: dict[str, float]) -> None:
    """Write checkpoint.pt atomically. `state` holds the plain numbers of the loop: step, seconds."""
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
    write_atomic(folder / NAME, buffer.getvalue())


def read(folder: Path, device: torch.device) -> dict[str, Any] | None:
    """The stored checkpoint, or None when there is none. Raises UserError when it is damaged."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises a dozen unrelated types on damaged files
        reason = f"not a readable checkpoint ({type(error).__name__})"
        raise UserError(f"{path}: {reason}; delete it to train anew") from None


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
    stored = read(folder, device)
    if stored is None:
        raise UserError(f"{folder}: no {NAME}; train it first")
    method.load_state_dict(stored["ema"] or stored["model"])
