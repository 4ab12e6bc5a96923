"""Stored score rows as one array per task: runs × (metric, region) × level × image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import UserError
from bench.results.store import read_scores, read_sets
from reports.tables.select import Entry, natural

Key = tuple[str, str]  # metric id, region
WORDS = {
    "unavailable": "not available where it was scored",
    "too_small": "the pictures are smaller than the metric can take",
    "nan": "the method returned values that are no numbers",
    "error": "the metric failed",
    "unreadable": "the picture could not be read",
    "unusable": "the test picture could not be read, or lacks landmarks",
    "missing": "no picture of this name was given",
    "other_size": "the picture given has another size",
    "out_of_memory": "the picture does not fit into the device's memory",
    "too_few": "one picture is no set",
    "undefined": "the metric has no value for such a picture",
}
ALL = "all"


@dataclass(frozen=True)
class Scores:
    """All scores of one task's finished runs.

    values: float64 runs × keys × levels × images, NaN where there is no score. Level "" and image "" hold what belongs
    to no level (cost) and to no single image (set metrics). metrics: declarations by id. moves: per set metric with a
    jackknife, how much each group of pictures moves its value, runs × levels × groups.
    """

    entries: tuple[Entry, ...]
    keys: tuple[Key, ...]
    levels: tuple[str, ...]
    images: tuple[str, ...]
    values: np.ndarray
    metrics: dict[str, dict[str, Any]]
    states: dict[tuple[int, str], Counter[str]]  # (run, metric) -> statuses of its rows without a value
    moves: dict[str, np.ndarray] = field(default_factory=dict)

    def named_levels(self) -> list[str]:
        """Levels of the damage, without the one that stands for none."""
        return [level for level in self.levels if level]

    def by_picture(self, key: Key) -> bool:
        """Whether a metric scores single pictures."""
        return self.metrics[key[0]]["kind"] not in ("set", "cost")

    def matrix(self, key: Key, level: str) -> np.ndarray:
        """Scores of one column: runs × images (× 1 for a set or cost metric).

        level "all" is the mean over the levels, image by image; an image that lacks one of them has none.
        """
        return self._table(key, level, np.zeros(1))

    def samples(self, key: Key, level: str) -> np.ndarray:
        """The same, for statistics: a set metric with a jackknife is runs × groups of pictures, around its value."""
        return self._table(key, level, self.moves.get(key[0], np.zeros(1)))

    def _table(self, key: Key, level: str, moves: np.ndarray) -> np.ndarray:
        pictures = [i for i, image in enumerate(self.images) if bool(image) == self.by_picture(key)]
        values = self.values[:, self.keys.index(key)][:, :, pictures] + moves
        free = self.levels.index("") if "" in self.levels else None
        if free is not None and np.isfinite(values[:, free]).any():
            return values[:, free]
        if level != ALL:
            return values[:, self.levels.index(level)]
        used = [i for i in range(len(self.levels)) if np.isfinite(values[:, i]).any()]
        return values[:, used].mean(axis=1) if used else np.full((len(values), len(pictures)), np.nan)

    def status(self, metric: str, runs: Sequence[int]) -> str:
        """Why a metric has no value in these runs, as one word: the commonest status of its rows."""
        states = sum((self.states.get((run, metric), Counter()) for run in runs), Counter[str]())
        return states.most_common(1)[0][0] if states else "unavailable"

    def reason(self, metric: str, runs: Sequence[int]) -> str:
        """The same in words, with what the run recorded about it."""
        recorded = {self.entries[run].run.metrics.get(metric, {}).get("unavailable") for run in runs} - {None, ""}
        if recorded:
            return "; ".join(sorted(str(each) for each in recorded))
        if not any((run, metric) in self.states for run in runs):
            return "not scored"
        status = self.status(metric, runs)
        return WORDS.get(status, status)


def read_task(entries: Sequence[Entry]) -> Scores:
    """Read the score rows of finished runs. Raises UserError where unlike definitions would share a column."""
    tables = [_with_cost(entry, read_scores(entry.folder)) for entry in entries]
    metrics = _declarations(entries, tables)
    joined = pd.concat(tables, ignore_index=True)
    joined["run"] = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    named = joined[["metric", "region"]].drop_duplicates()
    keys = tuple(sorted(zip(named["metric"], named["region"], strict=True)))
    levels, images = _sorted(joined["level"]), _sorted(joined["image_id"])
    values = np.full((len(tables), len(keys), len(levels), len(images)), np.nan)
    where = (
        joined["run"].to_numpy(),
        pd.MultiIndex.from_tuples(keys).get_indexer(pd.MultiIndex.from_frame(joined[["metric", "region"]])),
        pd.Index(levels).get_indexer(joined["level"]),
        pd.Index(images).get_indexer(joined["image_id"]),
    )
    values[where] = joined["value"].to_numpy(dtype=float)
    values[~np.isfinite(values)] = np.nan
    lost = joined[~np.isfinite(joined["value"].to_numpy(dtype=float))]
    states = {key: Counter(group) for key, group in lost.groupby(["run", "metric"])["status"]}
    read = Scores(tuple(entries), keys, levels, images, values, metrics, states)
    return replace(read, moves=_moves(read))


def _moves(scores: Scores) -> dict[str, np.ndarray]:
    """Jackknives of the set metrics; only of those where every value has one, over equally many groups."""
    stored = [read_sets(entry.folder).assign(run=run) for run, entry in enumerate(scores.entries)]
    stored = [table for table in stored if len(table)]
    if not stored:
        return {}
    joined = pd.concat(stored, ignore_index=True)
    found = {}
    for metric, rows in joined[joined["level"].isin(scores.levels)].groupby("metric"):
        keys = [index for index, key in enumerate(scores.keys) if key[0] == metric]
        if len(keys) != 1 or scores.metrics[metric]["kind"] != "set":
            continue
        moves = np.full((len(scores.entries), len(scores.levels), int(rows["group"].max()) + 1), np.nan)
        moves[rows["run"], pd.Index(scores.levels).get_indexer(rows["level"]), rows["group"]] = rows["move"]
        valued = np.isfinite(scores.values[:, keys[0]][:, :, scores.images.index("")])
        if np.isfinite(moves[valued]).all():
            found[metric] = moves
    return found


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(pd.unique(pd.Series(names)), key=natural))


def _with_cost(entry: Entry, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a run, with what run.json alone says about its cost."""
    run = entry.run
    scored = set(table["metric"].unique())
    extra = [
        {"level": "", "image_id": "", "metric": name, "region": "", "value": float(value), "status": "ok"}
        for name, value in run.cost.items()
        if name not in scored
    ]
    return pd.concat([table, pd.DataFrame(extra)], ignore_index=True) if extra else table


def _declarations(entries: Sequence[Entry], tables: Sequence[pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """Declarations of every metric that has rows; unlike definitions under one id are refused."""
    found: dict[str, tuple[Entry, dict[str, Any]]] = {}
    for entry, table in zip(entries, tables, strict=True):
        for metric in pd.unique(table["metric"]):
            declared = entry.run.metrics.get(metric) or _cost_declaration(entry, metric)
            first, known = found.setdefault(metric, (entry, declared))
            if known.get("fingerprint") != declared.get("fingerprint"):
                raise UserError(
                    f"{entry.run.task}: metric '{metric}' is defined differently by {first.run.method} "
                    f"({first.folder.name}) and {entry.run.method} ({entry.folder.name}), so their scores cannot share "
                    "a column; score the older runs again, or report the two from separate folders"
                )
    return {metric: declared for metric, (_, declared) in sorted(found.items())}


def _cost_declaration(entry: Entry, metric: str) -> dict[str, Any]:
    """A declaration for a figure that a run only keeps in its cost record."""
    if metric not in entry.run.cost:
        raise UserError(f"{entry.folder}: has scores of '{metric}' but not its definition; score the run again")
    return {
        "definition": f"{metric.replace('_', ' ')}, as recorded by the run",
        "group": "cost",
        "kind": "cost",
        "higher_is_better": metric.endswith("per_second"),
        "unit": "",
        "matters": 0.0,
        "library": "",
        "source": "",
        "fingerprint": "",
        "unavailable": None,
    }
