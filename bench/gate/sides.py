"""The two sides of one method's comparison: what each has, and whether the two may be compared at all."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.gate.snapshot import PICTURES, UNSEEN, Record, Snapshot
from bench.gate.verdict import Line, Place, State
from bench.results.store import DONE, RUNNING, TRAINED

CELL = ["level", "image_id", "region"]


@dataclass(frozen=True)
class Side:
    """The finished runs of a method on a task and their score rows."""

    records: tuple[Record, ...]
    scores: pd.DataFrame

    @classmethod
    def of(cls, snapshot: Snapshot, records: list[Record]) -> Side:
        """Of those runs that are done."""
        done = tuple(each for each in records if each.status == DONE)
        return cls(done, snapshot.scores[snapshot.scores["run"].isin([each.run_id for each in done])])

    def declared(self, metric: str) -> dict[str, Any]:
        """What the runs say of a metric; {} where they do not know it."""
        return next((each.metrics[metric] for each in self.records if metric in each.metrics), {})

    def metrics(self) -> list[str]:
        """Those with a value somewhere."""
        return sorted(self.scores.loc[np.isfinite(self.scores["value"]), "metric"].unique())

    def table(self, metric: str, levels: list[str]) -> pd.DataFrame:
        """Values, rows (level, image, region), one column per run."""
        if metric not in self._wide.index.get_level_values("metric"):
            return self._wide.iloc[:0].droplevel("metric")
        table = self._wide.loc[metric]
        return table[table.index.get_level_values("level").isin(levels)]

    @functools.cached_property
    def _wide(self) -> pd.DataFrame:
        """All values, rows (metric, level, image, region), one column per run; made once, for it is slow."""
        table = self.scores.set_index(["metric", *CELL, "run"])["value"].unstack("run")
        return table.reindex(columns=[each.run_id for each in self.records])


@dataclass(frozen=True)
class Pair:
    """A method on both sides, with the levels and metrics that may be compared; `found` says what may not."""

    task: str
    method: str
    before: Side
    after: Side
    levels: list[str]
    metrics: list[str]
    found: tuple[Line, ...]

    def place(self, metric: str = "", region: str = "", level: str = "") -> Place:
        """Something of this method."""
        return Place(self.task, self.method, metric, region, level)

    def same_weights(self) -> bool:
        """Whether every run now has the weights of the baseline's run of its seed."""
        known = {each.seed: each.weights for each in self.before.records}
        return all(each.weights != UNSEEN and known.get(each.seed) == each.weights for each in self.after.records)

    def trained(self) -> bool:
        """Whether seeds are a source of noise; so for pictures made elsewhere, of which nothing is known."""
        records = (*self.before.records, *self.after.records)
        return any(each.trained or each.weights.startswith((UNSEEN, PICTURES)) for each in records)


def pair(task: str, method: str, baseline: tuple[Snapshot, list[Record]], now: tuple[Snapshot, list[Record]]) -> Pair:
    """Bring a method's runs of both sides together, and say which of them cannot be compared, and why."""
    before, after = Side.of(*baseline), Side.of(*now)
    lines = _states(Place(task, method), baseline[1], now[1])
    if not (before.records and after.records):
        return Pair(task, method, before, after, [], [], tuple(lines))
    levels, level_lines = _levels(Place(task, method), before.records[0], after.records[0])
    metrics, metric_lines = _metrics(Place(task, method), before, after)
    return Pair(task, method, before, after, levels, metrics, (*lines, *level_lines, *metric_lines))


def _states(place: Place, before: list[Record], after: list[Record]) -> list[Line]:
    """Runs that are missing, failed or not finished."""
    known = {each.seed: each for each in before}
    if not any(each.status == DONE for each in before):
        return [Line(place, State.noted, f"has no scores in the baseline ({before[0].status})")]
    if not after:
        return [Line(place, State.regressed, "missing: the baseline has it, these runs do not")]
    lines = []
    for each in after:
        if each.status == DONE:
            continue
        words = f"seed {each.seed} is {each.status}" + (f": {each.reason}" if each.reason else "")
        failed_before = each.seed in known and known[each.seed].status != DONE
        unfinished = each.status in (RUNNING, TRAINED)
        state = State.undecided if unfinished else State.noted if failed_before else State.regressed
        lines.append(Line(place, state, words + ("; run `restorebench score`" if unfinished else "")))
    absent = sorted(known.keys() - {each.seed for each in after})
    if absent:
        lines.append(Line(place, State.noted, f"seeds {', '.join(map(str, absent))} of the baseline are not there"))
    return lines


def _levels(place: Place, before: Record, after: Record) -> tuple[list[str], list[Line]]:
    """Levels of which every scored pixel is the same, and a line for each other one."""
    usable, lines = [], []
    if not before.levels:
        lines.append(
            Line(place, State.undecided, "the baseline does not say which pictures were scored; save it again")
        )
    for level, known in sorted(before.levels.items()):
        here = Place(place.task, place.method, level=level)
        if level not in after.levels:
            lines.append(Line(here, State.regressed, "missing: the baseline has this level, these runs do not"))
        elif after.levels[level] != known:
            words = f"other pictures or damage (digest {known[:12]} became {after.levels[level][:12]})"
            lines.append(Line(here, State.undecided, f"{words}; score the same ones, or save a new baseline"))
        else:
            usable.append(level)
    new = sorted(after.levels.keys() - before.levels.keys())
    if new:
        lines.append(Line(place, State.noted, f"levels new since the baseline: {', '.join(new)}"))
    return usable, lines


def _metrics(place: Place, before: Side, after: Side) -> tuple[list[str], list[Line]]:
    """Metrics that still mean the same, and a line for each other one."""
    usable, lines = [], []
    for metric in before.metrics():
        here = Place(place.task, place.method, metric)
        known, found = before.declared(metric), after.declared(metric)
        if not found:
            lines.append(Line(here, State.regressed, "missing: the baseline has this metric, these runs do not"))
        elif found.get("unavailable"):
            lines.append(Line(here, State.undecided, f"not available here: {found['unavailable']}"))
        elif found.get("fingerprint") != known.get("fingerprint"):
            words = f"defined differently ({known.get('fingerprint')} became {found.get('fingerprint')})"
            lines.append(Line(here, State.undecided, f"{words}; save a new baseline"))
        else:
            usable.append(metric)
    new = sorted(set(after.metrics()) - set(before.metrics()))
    if new:
        lines.append(Line(place, State.noted, f"metrics new since the baseline: {', '.join(new)}"))
    return usable, lines
