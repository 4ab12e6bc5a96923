"""The model card: what a file was made from, how well it does, what it is for, and what it must never be used for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from bench.export.check import FEW, TOLERANCE, Agreement
from bench.export.facts import WARNING
from bench.results.stats import interval
from bench.results.store import Run, read_scores


def card(run: Run, folder: Path, file: str, said: dict[str, str], agreement: Agreement) -> str:
    """Markdown. file: the exported file's name; said: bench.export.facts.facts."""
    parts = (
        f"# {run.method} on {run.task}",
        f"> **{WARNING}**",
        _summary(run),
        _section("Use", _use(run, said)),
        _section("The file", _file(file, said, agreement)),
        _section("Training", _training(run)),
        "## Scores\n\n" + _scores(run, folder),
        "## Licence\n\n" + said["licence"] + ".",
    )
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: list[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines)


def _summary(run: Run) -> str:
    """The first paragraph of the method's own description that is not a title."""
    blocks = [each.strip() for each in run.about.split("\n\n")]
    words = next((each for each in blocks if each and not each.startswith(("#", "|", "```", "!["))), "")
    return words or f"A restorer of the task {run.task}."


def _use(run: Run, said: dict[str, str]) -> list[str]:
    told = "It is told where something was lost." if said["mask"] != "none" else "It is not told where."
    return [
        f"Meant for: pictures damaged as in the task `{run.task}` of restorebench, of the kind and size that it was"
        f" trained on; research, comparison of methods, retouching one's own pictures. {told}",
        "Not meant for: identifying people, faces least of all; evidence, journalism or medicine; any use in which"
        " someone could take the painted part for what was there.",
        "Other damage, larger pictures and subjects that the training did not show give worse results, without a sign.",
        "It has the leanings of its training pictures: what is rare there is painted as what is common there.",
    ]


def _file(file: str, said: dict[str, str], agreement: Agreement) -> list[str]:
    inputs = f"`degraded` ({said['degraded']})"
    if said["mask"] != "none":
        inputs += f", `mask` ({said['mask']})"
    return [
        f"`{file}`, weights SHA-256 `{said['weights_sha256']}`, run `{said['run']}`, {said['made_by']}",
        f"Inputs: {inputs}; output: `restored` ({said['restored']})",
        f"Size: {said['size']}. Padding that the benchmark does outside: {said['padding']}",
        f"Checked against the run on {agreement.inputs} inputs, noise and damaged pictures: largest difference"
        f" {agreement.worst:.1e} of values in [0, 1] (allowed: {TOLERANCE:g}, but for {FEW:.2%} of the values)",
    ]


def _training(run: Run) -> list[str]:
    config: dict[str, Any] = run.config.get("train", {})
    sources = run.config.get("sources", {})
    lines = [
        f"Pictures: {sources.get('train', 'not named')}, digest `{config.get('pictures', 'unknown')[:16]}`",
        f"Damage: level `{config.get('level', 'unknown')}`, crops of {config.get('crop', '?')} pixels",
        f"Budget: {run.images_seen:,} pictures seen in batches of {config.get('batch', '?')}, seed {run.seed},"
        f" {config.get('precision', 'float32')}, {run.cost.get('training_seconds', 0):.0f} s on {run.device or '?'}",
    ]
    return lines + [f"Note: {note}" for note in run.notes]


def _scores(run: Run, folder: Path) -> str:
    """A table of means with 95 % intervals over the test pictures."""
    frame = read_scores(folder)
    frame = frame[(frame["image_id"] != "") & frame["value"].notna()]
    if frame.empty:
        return "Not scored."
    head = "| level | metric | where | mean | 95 % interval | pictures |\n|---|---|---|---|---|---|\n"
    groups = frame.groupby(["level", "metric", "region"], sort=True)
    rows = [_row([str(each) for each in names], group, run) for names, group in groups]
    test = run.config.get("sources", {}).get("test", "not named")
    note = f"\n\nTest pictures: {test}. Intervals are over pictures; one training says nothing of training luck."
    return head + "\n".join(rows) + note


def _row(names: list[str], group: pd.DataFrame, run: Run) -> str:
    level, metric, region = names
    found = interval(group["value"].to_numpy(), (run.task, level))
    unit = run.metrics.get(metric, {}).get("unit", "")
    reach = f"{found.lo:.4g} to {found.hi:.4g}" if math.isfinite(found.lo) else "–"
    return f"| {level} | {metric} | {region or 'whole'} | {found.mean:.4g} {unit} | {reach} | {found.n} |"
