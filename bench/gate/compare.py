"""Compares what runs say now with a baseline: two questions, two rules, one verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from bench.gate.diagnose import causes
from bench.gate.rules import Estimate, Size, estimate, needed
from bench.gate.sides import Pair, pair
from bench.gate.snapshot import Snapshot
from bench.gate.thresholds import Rule, Thresholds
from bench.gate.verdict import Cause, Line, Place, State, Verdict
from bench.gate.worse import worse
from bench.results.stats import holm

FAULTS = ("shift", "channel order", "re-compression")  # no training makes these
Choice = Literal["auto", "same", "retrained"]


@dataclass(frozen=True)
class Asked:
    """One comparison of retrained runs, waiting for its family: Holm's correction needs all of them."""

    place: Place
    rule: Rule
    unit: str
    before: float
    after: float
    found: Estimate


def check(baseline: Snapshot, now: Snapshot, thresholds: Thresholds, choice: Choice = "auto") -> Verdict:
    """Whether `now` is worse than the baseline.

    choice "auto": the same checkpoint where every weight is equal, else retrained; the others force a rule, as for
    pictures of another program, whose weights cannot be seen.
    """
    if baseline.protocol != now.protocol:
        words = f"the baseline is of protocol {baseline.protocol}, these runs of {now.protocol}; save a new baseline"
        return Verdict((Line(Place("all"), State.undecided, words),))
    known, found = baseline.tasks(), now.tasks()
    pairs = [pair(*key, (baseline, records), (now, found.get(key, []))) for key, records in known.items()]
    lines = [line for each in pairs for line in each.found]
    lines += [Line(Place(*key), State.noted, "new since the baseline") for key in found if key not in known]
    asked: list[Asked] = []
    for each in (one for one in pairs if one.metrics and one.levels):
        same = choice == "same" or (choice == "auto" and each.same_weights())
        lines += _failed(each)
        if same:
            lines += _same(each, thresholds)
        else:
            asked += _asked(each, thresholds)
    lines += _judge(asked, thresholds)
    found_causes = causes(pairs)
    lines += [_marked(each) for each in found_causes]
    return Verdict(tuple(lines), tuple(found_causes), tuple(worse(pairs, lines)))


def _marked(cause: Cause) -> Line:
    """A line for what pictures show, whatever they score: faults of code regress, what training may do is noted."""
    state = State.regressed if cause.name in FAULTS else State.noted
    return Line(Place(cause.task, cause.method), state, f"looks like {cause.name}: {cause.words}", "marks")


def _failed(pair: Pair) -> list[Line]:
    """Scores that the baseline has and these runs do not: pictures that failed."""
    lines = []
    for metric in pair.metrics:
        before, after = (side.table(metric, pair.levels) for side in (pair.before, pair.after))
        scored = before.index[np.isfinite(before).any(axis=1)]
        lost = ~np.isfinite(after.reindex(scored))
        count = int(lost.to_numpy().sum())
        if count:
            words = f"{count} of {lost.size} scores are missing{_statuses(pair, metric)}"
            lines.append(Line(pair.place(metric), State.regressed, words))
    return lines


def _statuses(pair: Pair, metric: str) -> str:
    rows = pair.after.scores
    words = rows.loc[(rows["metric"] == metric) & (rows["status"] != "ok"), "status"].value_counts()
    return f" ({', '.join(f'{word} {count}' for word, count in words.items())})" if len(words) else ""


def _same(pair: Pair, thresholds: Thresholds) -> list[Line]:
    """The first rule: every value equal within the metric's numeric tolerance."""
    runs = {each.seed: each.run_id for each in pair.before.records}
    common = [(runs[each.seed], each.run_id, each.seed) for each in pair.after.records if each.seed in runs]
    if not common:
        return [Line(pair.place(), State.undecided, "no seed in common with the baseline", "same")]
    lines = []
    for metric in pair.metrics:
        declared = pair.before.declared(metric)
        rule = thresholds.rule(pair.task, metric, declared)
        before, after = (side.table(metric, pair.levels) for side in (pair.before, pair.after))
        columns = [str(seed) for _, _, seed in common]
        old = before[[run for run, _, _ in common]].set_axis(columns, axis=1)
        new = after[[run for _, run, _ in common]].set_axis(columns, axis=1).reindex(old.index)
        lines.append(_equal(pair.place(metric), (old, new), rule, declared))
    return lines


def _equal(place: Place, tables: tuple[pd.DataFrame, pd.DataFrame], rule: Rule, declared: dict) -> Line:
    """One metric under the first rule; tables: (level, image, region) × seeds, NaN where there is no score."""
    old, new = (table.stack() for table in tables)
    apart = (new - old).dropna()
    sign = -1 if declared["higher_is_better"] else 1
    told = Line(
        place, State.passed, f"{len(apart)} values equal within {rule.tolerance:g}", "same",
        float(old.mean()), float(new.mean()), sign * float(apart.mean()), unit=declared["unit"] or "",
    )  # fmt: skip
    if apart.empty:
        return replace(told, state=State.undecided, words="no value in common with the baseline", loss=None)
    beyond = int((apart.abs() > rule.tolerance).sum())
    if not beyond:
        return told
    level, image, region, seed = apart.abs().idxmax()
    most = float(apart.loc[(level, image, region, seed)])
    words = (
        f"{beyond} of {len(apart)} values differ by more than {rule.tolerance:g}, most by {most:+.4g} "
        f"({level} {image} {region}, seed {seed}); the same weights must give the same values"
    )
    return replace(told, state=State.regressed, words=words)


def _asked(pair: Pair, thresholds: Thresholds) -> list[Asked]:
    """Comparisons under the second rule."""
    found = []
    groups = [[each] for each in pair.levels] if thresholds.levels == "each" else [pair.levels]
    for metric in pair.metrics:
        declared = pair.before.declared(metric)
        rule = thresholds.rule(pair.task, metric, declared)
        for group in groups:
            sides = [_by_image(side.table(metric, group), thresholds.regions) for side in (pair.before, pair.after)]
            for region in sides[0]:
                if region in sides[1]:
                    place = pair.place(metric, region, group[0] if len(group) == 1 else "")
                    found += _estimated(pair, place, (sides[0][region], sides[1][region]), rule, thresholds)
    return found


def _by_image(table: pd.DataFrame, regions: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Per region: images × runs, means over the levels; a region that repeats another one is left out."""
    found: dict[str, pd.DataFrame] = {}
    for region in regions:
        if region not in table.index.get_level_values("region"):
            continue
        rows = table.xs(region, level="region")
        means = rows.groupby("image_id").mean().where(rows.notna().groupby("image_id").all())
        if not any(means.equals(other) for other in found.values()):
            found[region] = means
    return found


def _estimated(
    pair: Pair, place: Place, tables: tuple[pd.DataFrame, pd.DataFrame], rule: Rule, thresholds: Thresholds
) -> list[Asked]:
    """One comparison over the images that all runs of both sides have."""
    before, after = (table.dropna(axis=0).T for table in tables)
    images = before.columns.intersection(after.columns)
    if not len(images):
        return []
    declared = pair.before.declared(place.metric)
    sign = 1 if declared["higher_is_better"] else -1
    noise = thresholds.noise(place.task, place.method, place.metric, place.region)
    old, new = before[images].to_numpy(float), after[images].to_numpy(float)
    found = estimate(sign * old, sign * new, pair.trained(), noise)
    return [Asked(place, rule, declared["unit"] or "", float(old.mean()), float(new.mean()), found)]


def _judge(asked: list[Asked], thresholds: Thresholds) -> list[Line]:
    """Lines of the second rule; false alarms of all gated comparisons together stay below alpha (Holm)."""
    gated = [each for each in asked if each.rule.gate]
    p_values = np.array([each.found.p_value() for each in gated])
    adjusted = holm(np.nan_to_num(p_values, nan=1.0)) if gated else p_values
    chance = {each.place: float(p) for each, p in zip(gated, adjusted, strict=True)}
    return [_judged(each, chance.get(each.place), thresholds) for each in asked]


def _judged(asked: Asked, chance: float | None, thresholds: Thresholds) -> Line:
    """One line; chance: the adjusted p value, None for what is only watched."""
    found, rule, unit = asked.found, asked.rule, f" {asked.unit}" if asked.unit else ""
    low, high = found.bounds(thresholds.alpha)
    told = Line(
        asked.place, State.passed, f"a loss of {rule.find:g}{unit} is excluded", "retrained", asked.before, asked.after,
        found.loss, low if math.isfinite(low) else None, high if math.isfinite(high) else None, asked.unit,
    )  # fmt: skip
    if chance is None:
        return replace(told, state=State.noted, words="watched, not gated")
    if chance <= thresholds.alpha and found.loss > rule.matters:
        words = f"lost {found.loss:.4g}{unit}, at least {low:.4g}{unit}; {rule.matters:g}{unit} matters"
        return replace(told, state=State.regressed, words=words)
    if high < rule.find:
        return told
    enough = needed(found, rule.find, rule.matters, thresholds.alpha, thresholds.power)
    words = f"a loss of {rule.find:g}{unit} cannot be told from none; {_would_do(found, enough)}"
    return replace(told, state=State.undecided, words=words, would_do=enough)


def _would_do(found: Estimate, enough: Size | None) -> str:
    size = found.size
    have = f"there are {size.before} and {size.after} seeds × {size.images} pictures"
    if found.freedom <= 0:
        return f"{have}: one training a side shows no noise; train 3 seeds, or measure it with `check --calibrate`"
    if enough is None:
        return f"{have}, and no number of them within reach would do: allow a larger loss in `find`"
    if enough.before <= min(size.before, size.after) and enough.images <= size.images:
        return f"{have}, which finds it as often as asked, but the loss measured lies too near it: add seeds"
    return f"{have}; {enough.before} seeds on both sides × {enough.images} pictures would do"
