"""A run on disk: run.json, train.jsonl, scores.parquet, images/. The only module that knows the file layout.

    runs/<task>/<method>/<run id>/run.json, train.jsonl, scores.parquet, checkpoint.pt
    runs/<task>/<method>/<run id>/sets.parquet                        how much groups of pictures move its set metrics
    runs/<task>/<method>/<run id>/images/<level>/<image id>.png       restored pictures kept for the report
    runs/<task>/<method>/<run id>/images/progress/<percent>/<level>/<image id>.png     the same, part of the way through
    runs/.cache/features.sqlite                                       network features of true pictures, by pixels
    runs/<task>/inputs/<inputs digest>/truth/<image id>.png           what all runs of the task were scored against
    runs/<task>/inputs/<inputs digest>/{degraded,mask}/<level>/<image id>.png
    runs/<task>/inputs/<inputs digest>/reference.parquet              the truth's own scores, by metrics that need none
    runs/<task>/inputs/<inputs digest>/shuffled.parquet               another picture's truth in its place, by the rest
    runs/<task>/inputs/<inputs digest>/areas.parquet                  the share of each test picture that was lost

Image ids are safe as file names. A run finds its inputs by run.digests["inputs"].
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import UserError
from bench.results.atomic import write_atomic

SCORE_COLUMNS = (
    "protocol", "task", "method", "seed", "level", "image_id", "metric", "region", "value", "status",
)  # fmt: skip
SET_COLUMNS = ("level", "metric", "group", "move")
AREA_COLUMNS = ("level", "image_id", "lost")
REFERENCE_COLUMNS = ("image_id", "metric", "fingerprint", "value")
SHUFFLED_COLUMNS = ("level", "region", *REFERENCE_COLUMNS)
RUNNING, TRAINED, DONE = "running", "trained", "done"  # trained: its scores are still to come
DIVERGED, ERROR, TIMEOUT = "diverged", "error", "timeout"


@dataclass
class Run:
    """What run.json holds. Everything a report says about a run comes from here or from the rows beside it."""

    protocol: str
    suite: str
    task: str
    method: str
    seed: int
    run_id: str
    trained: bool = False
    oracle: bool = False  # was given the mask on a task that does not tell
    source: str = "ours"  # "ours", or "folder" for pictures made elsewhere
    status: str = RUNNING
    reason: str = ""  # why it is not done, one line for people
    config: dict[str, Any] = field(default_factory=dict)  # what decides the result: method, data, budget, levels
    digests: dict[str, str] = field(default_factory=dict)  # "train data", "test data", "checkpoint", one per level
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)  # id -> declaration, fingerprint, unavailable
    cost: dict[str, float] = field(default_factory=dict)  # parameters, training_seconds, images_per_second, ...
    images_seen: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    device: str = ""
    git: str = ""
    started: str = ""  # ISO 8601, UTC
    about: str = ""  # what the method is, Markdown
    notes: list[str] = field(default_factory=list)  # things a reader must know: corrupt pictures skipped, ...


def features_path(root: Path) -> Path:
    """Where a runs folder keeps the network features of true pictures."""
    return root / ".cache" / "features.sqlite"


def run_folder(root: Path, task: str, method: str, run_id: str) -> Path:
    """Where a run lives under the runs folder."""
    return root / task / method / run_id


def restored_path(folder: Path, level: str, image_id: str) -> Path:
    """Where a run keeps a restored picture."""
    return folder / "images" / level / f"{image_id}.png"


def sample_path(folder: Path, percent: int, level: str, image_id: str) -> Path:
    """Where a run keeps a picture that it restored after so many percent of its training."""
    return folder / "images" / "progress" / str(percent) / level / f"{image_id}.png"


def find_samples(folder: Path) -> dict[int, list[tuple[str, str]]]:
    """Percent of the training -> (level, image id) of the pictures kept then."""
    found: dict[int, list[tuple[str, str]]] = {}
    for path in sorted((folder / "images" / "progress").glob("*/*/*.png")):
        percent = path.parts[-3]
        if percent.isdecimal():
            found.setdefault(int(percent), []).append((path.parent.name, path.stem))
    return dict(sorted(found.items()))


def input_path(root: Path, run: Run, kind: str, level: str, image_id: str) -> Path:
    """Where the truth, degraded picture or mask (kind) shared by all runs of a task lies."""
    base = _inputs(root, run) / kind
    return (base if kind == "truth" else base / level) / f"{image_id}.png"


def _inputs(root: Path, run: Run) -> Path:
    return root / run.task / "inputs" / run.digests.get("inputs", "none")


def inputs_lock(root: Path, run: Run) -> Path:
    """A file to lock while what all runs of a task share is read, added to and written: runs may end together."""
    return _inputs(root, run) / ".lock"


def write_run(folder: Path, run: Run) -> None:
    """Store run.json."""
    write_atomic(folder / "run.json", json.dumps(asdict(run), indent=1, sort_keys=True).encode())


def read_run(folder: Path) -> Run:
    """Load run.json. Raises UserError when it cannot be read."""
    path = folder / "run.json"
    if not path.exists():
        raise UserError(f"{folder}: holds no run; name a folder such as runs/TASK/METHOD/ID")
    try:
        stored = json.loads(path.read_text())
        known = {each.name for each in fields(Run)}
        return Run(**{key: value for key, value in stored.items() if key in known})
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a readable run ({error}); delete its folder and run again") from None


def find_runs(root: Path) -> Iterator[Path]:
    """Folders of all runs under root, in a stable order."""
    yield from (path.parent for path in sorted(root.glob("*/*/*/run.json")))


def write_scores(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Store one row per image × level × metric × region."""
    frame = pd.DataFrame(list(rows), columns=list(SCORE_COLUMNS))
    data = frame.astype({"seed": "int64", "value": "float64"}).to_parquet(index=False)
    write_atomic(folder / "scores.parquet", data)


def read_scores(folder: Path) -> pd.DataFrame:
    """The rows of one run; an empty table with the same columns when it has none yet."""
    path = folder / "scores.parquet"
    if not path.exists():
        return pd.DataFrame(columns=list(SCORE_COLUMNS))
    try:
        return pd.read_parquet(path)
    except Exception as error:  # pyarrow raises several unrelated types on a damaged file
        raise UserError(f"{path}: not readable ({error}); delete it and score again") from None


def write_sets(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Store the jackknife of set metrics, which makes their intervals: one row per level × metric × group of pictures.

    rows: score rows with "jackknife", an array of moves around the value.
    """
    moves = [
        (row["level"], row["metric"], group, move)
        for row in rows
        for group, move in enumerate(row["jackknife"].tolist())
    ]
    _write_table(folder / "sets.parquet", SET_COLUMNS, moves, {"group": "int64", "move": "float64"})


def read_sets(folder: Path) -> pd.DataFrame:
    """What write_sets stored; an empty table where there is none, or none that can be read: a board does without."""
    return _read_table(folder / "sets.parquet", SET_COLUMNS)


def write_reference(root: Path, run: Run, rows: Iterable[dict[str, Any]]) -> None:
    """Store the scores of the true pictures that a run's task shares: one row per picture and metric."""
    _write_table(_inputs(root, run) / "reference.parquet", REFERENCE_COLUMNS, rows, {"value": "float64"})


def read_reference(root: Path, run: Run) -> pd.DataFrame:
    """The scores of the true pictures; an empty table where there are none, or none that can be read."""
    return _read_table(_inputs(root, run) / "reference.parquet", REFERENCE_COLUMNS)


def write_shuffled(root: Path, run: Run, rows: Iterable[dict[str, Any]]) -> None:
    """Store what other pictures' truth scores as a restoration: one row per level, picture, metric and region."""
    _write_table(_inputs(root, run) / "shuffled.parquet", SHUFFLED_COLUMNS, rows, {"value": "float64"})


def read_shuffled(root: Path, run: Run) -> pd.DataFrame:
    """What write_shuffled stored; an empty table where there is none, or none that can be read."""
    return _read_table(_inputs(root, run) / "shuffled.parquet", SHUFFLED_COLUMNS)


def write_areas(root: Path, run: Run, rows: Iterable[dict[str, Any]]) -> None:
    """Store which share, 0 to 1, of each test picture was lost on each level of a run's task."""
    _write_table(_inputs(root, run) / "areas.parquet", AREA_COLUMNS, rows, {"lost": "float64"})


def read_areas(root: Path, run: Run) -> pd.DataFrame:
    """The shares lost; an empty table where there are none, or none that can be read."""
    return _read_table(_inputs(root, run) / "areas.parquet", AREA_COLUMNS)


def _write_table(path: Path, columns: tuple[str, ...], rows: Iterable[Any], types: dict[str, str]) -> None:
    frame = pd.DataFrame(list(rows), columns=list(columns))
    write_atomic(path, frame.astype(types).to_parquet(index=False))


def _read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, columns=list(columns))
    except Exception:  # absent, or damaged in one of many ways: they can be made again, and a board does without
        return pd.DataFrame(columns=list(columns))


def append_scalars(folder: Path, rows: list[dict[str, float]]) -> None:
    """Append training scalars, one JSON object a line; non-finite numbers become null."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "train.jsonl").open("a") as file:
        file.writelines(json.dumps(_finite(row)) + "\n" for row in rows)


def _finite(row: dict[str, float]) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in row.items()}


def trim_scalars(folder: Path, images: int) -> None:
    """Drop scalars logged after a checkpoint taken at so many pictures, before training goes on from it."""
    path = folder / "train.jsonl"
    if path.exists():
        kept = (row for row in read_scalars(folder).to_dict("records") if row["images"] <= images)
        write_atomic(path, "".join(json.dumps(_finite(row)) + "\n" for row in kept).encode())


def read_scalars(folder: Path) -> pd.DataFrame:
    """Training scalars; column "images" counts pictures seen. A last line cut short by a crash is left out."""
    path = folder / "train.jsonl"
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return pd.DataFrame(rows)
