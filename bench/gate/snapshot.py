"""What a runs folder says: its newest runs, their per-image scores, and what tells their weights and data apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import PROTOCOL, __version__
from bench.errors import UserError
from bench.gate.traits import Traits, traits_of
from bench.results import store

COLUMNS = ("run", "level", "image_id", "metric", "region", "value", "status")
DECLARED = ("kind", "higher_is_better", "unit", "matters", "fingerprint", "unavailable")  # kept of each metric
UNSEEN = "unseen"  # instead of a digest of weights: no checkpoint, or pictures of which none is known
PICTURES = "pictures "  # before the digest of what another program made, whose weights cannot be seen


@dataclass(frozen=True)
class Record:
    """One run, as far as a comparison needs it."""

    run_id: str
    task: str
    method: str
    seed: int
    status: str
    reason: str
    trained: bool
    weights: str  # digest of the weights that restore; "" for what is not trained
    git: str
    levels: dict[str, str]  # level -> digest of every scored pixel
    metrics: dict[str, dict[str, Any]]  # id -> DECLARED
    traits: dict[str, Traits] = field(
        default_factory=dict
    )  # "level/image" -> of its kept picture; a method's first seed


@dataclass(frozen=True)
class Snapshot:
    """Runs and their scores: `scores` has COLUMNS, run being a run id; value float32, NaN where there is none.

    root is the runs folder, None for what comes from a baseline file.
    """

    protocol: str
    version: str
    records: tuple[Record, ...]
    scores: pd.DataFrame
    root: Path | None = None

    def tasks(self) -> dict[tuple[str, str], list[Record]]:
        """Runs by (task, method), seeds in order."""
        found: dict[tuple[str, str], list[Record]] = {}
        for record in sorted(self.records, key=lambda each: (each.task, each.method, each.seed)):
            found.setdefault((record.task, record.method), []).append(record)
        return found


def take(root: Path) -> Snapshot:
    """Read a runs folder: of each task and method the newest configuration, one run a seed.

    Raises UserError when there are no runs, or one cannot be read.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder of runs; make some with `restorebench run`")
    newest = _newest([(folder, store.read_run(folder)) for folder in store.find_runs(root)])
    if not newest:
        raise UserError(f"{root}: holds no runs; make some with `restorebench run`, or name the folder that has them")
    shown = {(run.task, run.method): run.run_id for _, run in reversed(newest) if run.status == store.DONE}
    records = tuple(
        _record(folder, run, _traits(root, folder, run) if run.run_id in shown.values() else {})
        for folder, run in newest
    )
    tables = [_scores(folder, run) for folder, run in newest if run.status == store.DONE]
    scores = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
    return Snapshot(PROTOCOL, __version__, records, scores.astype({"value": np.float32}), root)


def _newest(runs: list[tuple[Path, store.Run]]) -> list[tuple[Path, store.Run]]:
    """One run per task, method and seed, of each method's newest configuration."""
    configuration: dict[tuple[str, str], str] = {}
    kept: dict[tuple[str, str, int], tuple[Path, store.Run]] = {}
    for folder, run in sorted(runs, key=lambda each: (each[1].started, each[1].run_id), reverse=True):
        text = json.dumps({key: value for key, value in run.config.items() if key != "seed"}, sort_keys=True)
        if configuration.setdefault((run.task, run.method), text) == text:
            kept.setdefault((run.task, run.method, run.seed), (folder, run))
    return [kept[key] for key in sorted(kept)]


def _record(folder: Path, run: store.Run, traits: dict[str, Traits]) -> Record:
    prefix = "level "
    levels = {key.removeprefix(prefix): each for key, each in run.digests.items() if key.startswith(prefix)}
    metrics = {name: {key: each.get(key) for key in DECLARED} for name, each in run.metrics.items()}
    weights = _weights(folder, run)
    return Record(
        run.run_id, run.task, run.method, run.seed, run.status, run.reason, run.trained, weights, run.git, levels,
        metrics, traits,
    )  # fmt: skip


def _weights(folder: Path, run: store.Run) -> str:
    """Digest of the weights that restore, as the run recorded it or from its checkpoint; of pictures made elsewhere."""
    if run.source != "ours":
        digest = run.config.get("predictions", "")
        return f"{PICTURES}{digest[:12]}" if digest else UNSEEN
    if not run.trained or "checkpoint" in run.digests:
        return run.digests.get("checkpoint", "")
    from bench.training.checkpoint import weights_digest

    try:
        return weights_digest(folder)
    except UserError:  # none was kept, or it is damaged: the runs count as retrained
        return UNSEEN


def _traits(root: Path, folder: Path, run: store.Run) -> dict[str, Traits]:
    """Of the pictures that the run kept, where their truth is kept too."""
    found = {}
    for path in sorted((folder / "images").glob("*/*.png")):
        truth = store.input_path(root, run, "truth", path.parent.name, path.stem)
        made = traits_of(path, truth)
        if made is not None:
            found[f"{path.parent.name}/{path.stem}"] = made
    return found


def _scores(folder: Path, run: store.Run) -> pd.DataFrame:
    """The run's rows, costs of the machine left out: they are no quality."""
    table = store.read_scores(folder)
    table = table[table["level"] != ""].assign(run=run.run_id)
    return table[list(COLUMNS)].drop_duplicates(list(COLUMNS[:5])).sort_values(list(COLUMNS[:5]), ignore_index=True)


def digest(records: tuple[Record, ...], scores: pd.DataFrame) -> str:
    """Twelve hex digits of which runs scored what."""
    total = hashlib.sha256(",".join(each.run_id for each in records).encode())
    total.update(scores.to_csv(index=False, float_format="%.6g").encode())
    return total.hexdigest()[:12]
