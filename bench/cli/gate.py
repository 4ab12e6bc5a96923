"""check, baseline: did a restorer get worse?"""

from __future__ import annotations

import enum
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.common import new_app
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.gate.snapshot import Snapshot
    from bench.gate.thresholds import Thresholds
    from bench.gate.verdict import Verdict

app = new_app()
baselines = new_app()
app.add_typer(baselines, name="baseline", help="Keep what runs score, for `check` to compare with.")


class RuleChoice(enum.StrEnum):
    """Which rule `check` judges by."""

    auto = "auto"
    same = "same"
    retrained = "retrained"


@app.command()
def check(
    runs: Annotated[Path | None, typer.Argument(metavar="RUNS", help="Folder of stored runs.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="File made by `restorebench baseline save`.")] = None,
    thresholds: Annotated[Path | None, typer.Option(help="TOML file of thresholds; docs/gate.md has the keys.")] = None,
    rule: Annotated[RuleChoice, typer.Option(help="auto: same checkpoint where weights are equal.")] = RuleChoice.auto,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for check.json, junit.xml, ...")] = Path("check"),
    before: Annotated[Path | None, typer.Option(help="The baseline's runs folder, to show its pictures.")] = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Measure seed noise and print thresholds.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the files, and say what they ask.")] = False,
) -> None:
    """Compare runs with a baseline: exit code 0 pass, 1 regressed, 2 could not judge.

    Example: restorebench check runs --baseline baseline.parquet
    """
    from bench.gate.thresholds import load

    limits = load(thresholds)
    if calibrate:
        return _calibrate(_needed(runs, "RUNS, a folder with repeated trainings"), limits)
    kept = _needed(baseline, "--baseline FILE; make one with `restorebench baseline save RUNS FILE`")
    if dry_run:
        return _dry_run(kept, limits)
    return _check(_needed(runs, "RUNS, the folder of the runs to judge"), (kept, before), limits, rule, out)


@baselines.command()
def save(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="Folder of stored runs.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to keep it, e.g. baseline.parquet.")],
) -> None:
    """Keep the newest runs and their per-image scores in a small file for git, with a text beside it.

    Example: restorebench baseline save runs baseline.parquet
    """
    from bench.gate import baseline
    from bench.gate.snapshot import take

    snapshot = take(runs)
    beside = baseline.save(snapshot, file)
    size = file.stat().st_size / 1024
    print(f"{file} keeps {len(snapshot.records)} runs, {len(snapshot.scores)} scores, {size:.0f} KiB; see {beside}")


def _needed(given: Path | None, what: str) -> Path:
    if given is None:
        raise UserError(f"check needs {what}")
    return given


def _check(runs: Path, kept: tuple[Path, Path | None], limits: Thresholds, rule: RuleChoice, out: Path) -> None:
    from bench.gate import baseline, outputs
    from bench.gate.compare import check as compare
    from bench.gate.snapshot import take
    from reports.gate import build

    verdict = compare(baseline.read(kept[0]), take(runs), limits, rule.value)
    outputs.write(verdict, out)
    build(verdict.plain(), runs, kept[1], out)
    _step_summary(outputs.markdown(verdict))
    _print(verdict)
    print(f"{verdict.headline()}; the pictures are at {(out / 'index.html').resolve()}")
    raise typer.Exit(verdict.exit_code)


def _step_summary(text: str) -> None:
    """On GitHub Actions, the summary of the step."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def _print(verdict: Verdict) -> None:
    """The lines that decide, the worst first, then what is known of causes."""
    from rich.console import Console

    from bench.console import print_table
    from bench.gate.outputs import ORDER, interval

    lines = [line for state in ORDER for line in verdict.of(state)]
    rows = [(line.state.value, line.place, line.rule, interval(line), line.words) for line in lines]
    if rows:
        print_table(Console(), ("verdict", "what", "rule", "loss", "why"), rows)
    for cause in verdict.causes:
        print(f"{cause.task} {cause.method} looks like {cause.name}: {cause.words} ({cause.pictures} pictures)")
    for note in verdict.notes:
        print(note, file=sys.stderr)


def _calibrate(runs: Path, limits: Thresholds) -> None:
    from bench.gate.calibrate import propose
    from bench.gate.snapshot import take

    found = propose(take(runs), limits)
    if not found:
        raise UserError(f"{runs}: no method was trained with two seeds or more; give the suite more [train] seeds")
    print(found, end="")


def _dry_run(path: Path, limits: Thresholds) -> None:
    """Nothing is measured: the files are read, and what a check would ask is printed."""
    from bench.gate import baseline

    snapshot = baseline.read(path)
    problem = baseline.stale(path, snapshot)
    if problem:
        raise UserError(problem)
    _print_asked(snapshot, limits)


def _print_asked(snapshot: Snapshot, limits: Thresholds) -> None:
    from rich.console import Console

    from bench.console import print_table
    from bench.gate.sides import Side

    rows = []
    for (task, method), records in snapshot.tasks().items():
        side = Side.of(snapshot, records)
        for metric in side.metrics():
            declared = side.declared(metric)
            rule = limits.rule(task, metric, declared)
            gate = "yes" if rule.gate else "same only"
            numbers = (f"{each:g}" for each in (rule.tolerance, rule.matters, rule.find))
            rows.append((f"{task} {method}", metric, len(side.records), gate, *numbers))
    print_table(Console(), ("what", "metric", "seeds", "gated", "tolerance", "matters", "find"), rows)
    print(f"{len(snapshot.records)} runs; a check of them could be made")
