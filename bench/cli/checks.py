"""verify, list, doctor: what there is, and whether it is right."""

from __future__ import annotations

import enum
import json
import sys
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import Plugins, new_app, print_rows
from bench.errors import UserError

app = new_app()


class Listing(enum.StrEnum):
    """What `list` shows."""

    methods = "methods"
    tasks = "tasks"
    metrics = "metrics"
    suites = "suites"
    data = "data"


# What `list` shows of each row; --json gives the rest.
SHOWN = {
    Listing.methods: ("name", "tasks", "parameters", "trained", "description"),
    Listing.tasks: ("name", "tells_mask", "scored", "lost"),
    Listing.metrics: ("name", "better", "matters", "definition"),
    Listing.suites: ("name", "size", "images", "seeds", "description"),
    Listing.data: ("name", "description", "licence", "citation", "obtain"),
}


@app.command()
def verify(
    method: Annotated[str, typer.Argument(metavar="[METHOD]", help="A method's name; none: the battery.")] = "",
    suite: Annotated[str, typer.Option(help="Suite whose settings of the method are taken; small is quick.")] = "smoke",
    classic5: Annotated[Path | None, typer.Option(help="Folder of Classic5's five gray pictures.")] = None,
    live1: Annotated[Path | None, typer.Option(help="Folder of LIVE1's 29 reference pictures.")] = None,
    plugin: Plugins = [],
) -> None:
    """Check the battery against published numbers; or, with METHOD, a method against the contract of methods/base.py.

    Exit code 1 when something does not hold.

    Example: restorebench verify --classic5 classic5/
    """
    if not method:
        return _verify_battery({"classic5": classic5, "live1": live1})
    if classic5 or live1:
        raise UserError("--classic5 and --live1 are for the battery; leave METHOD out")
    return _verify_method(method, suite, plugin)


@app.command(name="list")
def list_(
    what: Annotated[Listing, typer.Argument(help="What to show.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
    plugin: Plugins = [],
) -> None:
    """Show the methods, tasks, metrics, suites or data sources there are.

    Example: restorebench list methods --json
    """
    from bench.listing import listing

    rows = listing(what.value, tuple(plugin))
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        print_rows([{key: row[key] for key in SHOWN[what]} for row in rows])


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False) -> None:
    """Say what is installed, which weights are found and what is missing.

    Example: restorebench doctor
    """
    import dataclasses

    from bench.doctor import WRONG, examine

    rows = [dataclasses.asdict(each) for each in examine()]
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        print_rows(rows)
    wrong = [row["what"] for row in rows if row["state"] == WRONG]
    if wrong:
        raise UserError(f"to be mended: {', '.join(wrong)}")


def _verify_method(method: str, suite: str, plugin: list[Path]) -> None:
    from bench.config import load_suite
    from bench.discovery import discover
    from bench.verify import estimate
    from bench.verify import verify as verify_entry

    found = discover(tuple(plugin))
    for problem in found.problems:
        print(problem, file=sys.stderr)
    chosen = load_suite(suite)
    entry = found.method(method).override(chosen.methods.get(method, {}))
    findings = verify_entry(entry, chosen.train.crop, frozenset(found.tasks))
    broken = sum(bool(finding.problem) for finding in findings)
    told: set[str] = set()
    for finding in findings:
        problem = "as above" if finding.problem in told else finding.problem
        told |= {finding.problem} - {""}
        print(f"broken  {finding.check}: {problem}" if problem else f"holds   {finding.check}")
        if finding.fix:
            print(textwrap.indent(f"this would hold:\n{finding.fix}", " " * 8))
    expense = estimate(entry, chosen.train.crop)
    if expense is not None:
        print(f"costs   {expense}")
    print(f"{method} {'keeps the contract' if not broken else f'breaks {broken} clauses of the contract'}")
    raise typer.Exit(1 if broken else 0)


def _verify_battery(folders: dict[str, Path | None]) -> None:
    """Print ours beside what was published. Folders not given are looked for in RESTOREBENCH_DATA."""
    import os

    from bench.console import print_comparison
    from bench.verify.battery import verify_battery

    data = os.environ.get("RESTOREBENCH_DATA")
    given = {name: each or Path(data or "", name) for name, each in folders.items() if each or data}
    there = {name: each for name, each in given.items() if folders[name] or each.is_dir()}
    missed = print_comparison(verify_battery(there))
    raise typer.Exit(1 if missed else 0)
