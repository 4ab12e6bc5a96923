"""Measures seed noise from repeated trainings, and proposes thresholds from it, as TOML."""

from __future__ import annotations

import json

import numpy as np

from bench.gate.rules import Noise, power
from bench.gate.sides import Side
from bench.gate.snapshot import Snapshot
from bench.gate.thresholds import Thresholds

Measured = dict[tuple[str, str, str, str], Noise]  # task, method, metric, region
STEP = 1.05


def seed_noise(snapshot: Snapshot, thresholds: Thresholds) -> Measured:
    """Of every method trained with at least two seeds: spread of the means over images and levels."""
    found: Measured = {}
    for (task, method), records in snapshot.tasks().items():
        side = Side.of(snapshot, [each for each in records if each.trained])
        if len(side.records) < 2:
            continue
        for metric in side.metrics():
            table = side.table(metric, sorted(side.records[0].levels)).dropna(axis=0)
            for region in thresholds.regions:
                if region in table.index.get_level_values("region"):
                    means = table.xs(region, level="region").mean(axis=0).to_numpy(float)
                    found[task, method, metric, region] = Noise(float(np.std(means, ddof=1)), len(means) - 1)
    return found


def smallest_loss(noise: Noise, seeds: int, thresholds: Thresholds, matters: float = 0.0) -> float:
    """The loss that so many new seeds on both sides find as often as asked, seeds being the only noise."""
    error = noise.sd * np.sqrt(2 / seeds)
    freedom = noise.freedom + 2 * (seeds - 1)
    loss = max(error, matters, 1e-12)
    while power(loss, error, freedom, thresholds.alpha, matters) < thresholds.power:
        loss *= STEP
    return float(loss)


def propose(snapshot: Snapshot, thresholds: Thresholds, seeds: int = 3) -> str:
    """A thresholds file: the noise measured, and a `find` per task and metric that `seeds` seeds can answer for.

    `find` is the default where noise allows it, else the smallest loss that can be found. "" where nothing repeats.
    """
    noise = seed_noise(snapshot, thresholds)
    lines: list[str] = []
    for task, metric in dict.fromkeys((task, metric) for task, _, metric, _ in noise):
        declared = next(each.metrics[metric] for each in snapshot.records if metric in each.metrics)
        rule = thresholds.rule(task, metric, declared)
        own = [each for key, each in noise.items() if (key[0], key[2]) == (task, metric)]
        least = max(smallest_loss(each, seeds, thresholds, rule.matters) for each in own)
        lines += [
            f"[tasks.{json.dumps(task)}.metrics.{json.dumps(metric)}]",
            f"matters = {rule.matters:.4g}",
            f"find = {max(rule.find, least):.4g}  # {seeds} seeds a side find a loss of {least:.2g}",
            "",
        ]
    for task, method in dict.fromkeys((task, method) for task, method, _, _ in noise):
        lines.append(f"[tasks.{json.dumps(task)}.noise.{json.dumps(method)}]")
        for (a, b, metric, region), each in noise.items():
            if (a, b) == (task, method):
                lines.append(f"{json.dumps(f'{metric} {region}')} = {{ sd = {each.sd:.4g}, freedom = {each.freedom} }}")
        lines.append("")
    return "\n".join(lines)
