"""The command line: parse, call, print. Heavy imports happen inside the commands, so that --help is quick."""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import __version__
from bench.errors import UserError

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

SuiteName = Annotated[str, typer.Argument(metavar="[SUITE]", help="Name of a suite, or path of a TOML file.")]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder of stored runs.")]
SiteFolder = Annotated[Path, typer.Option("--site", "-o", help="Folder the board is written to.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Plugins = Annotated[list[Path], typer.Option("--plugin", help="A Python file with a METHODS or TASK; repeatable.")]
Tasks = Annotated[str, typer.Option(help="Only these tasks of the suite, separated by commas.")]
Methods = Annotated[str, typer.Option(help="Only these methods of the suite, separated by commas.")]
Resume = Annotated[bool, typer.Option("--resume", help="Accepted for clarity: finished parts are never done again.")]


class Format(enum.StrEnum):
    """How `measure` prints."""

    table = "table"
    json = "json"
    csv = "csv"


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
    Listing.data: ("name", "description"),
}


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Train, score and compare GAN image restorers: one harness, one metric battery, one board."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def run(
    suite: SuiteName = "quickstart", runs: RunsFolder = Path("runs"), site: SiteFolder = Path("site"),
    device: Device = "auto", plugin: Plugins = [], tasks: Tasks = "", methods: Methods = "", resume: Resume = True,
) -> None:  # fmt: skip
    """Train, score and report a whole suite. Start it again after an interruption and it goes on.

    Example: restorebench run quickstart
    """
    from bench import api

    _jobs(api.run, suite, _settings(runs, device, plugin, tasks, methods))
    _board(runs, site)


@app.command()
def train(
    suite: SuiteName = "quickstart", runs: RunsFolder = Path("runs"), device: Device = "auto",
    plugin: Plugins = [], tasks: Tasks = "", methods: Methods = "", resume: Resume = True,
) -> None:  # fmt: skip
    """Train the methods of a suite without scoring them.

    Example: restorebench train small --tasks jpeg --methods dncnn
    """
    from bench import api

    _jobs(api.train, suite, _settings(runs, device, plugin, tasks, methods))


@app.command()
def score(
    suite: SuiteName = "quickstart", runs: RunsFolder = Path("runs"), device: Device = "auto",
    plugin: Plugins = [], tasks: Tasks = "", methods: Methods = "", resume: Resume = True,
    task: Annotated[str, typer.Option(help="With --predictions: the task they are for.")] = "",
    predictions: Annotated[Path | None, typer.Option(help="Folder of pictures restored elsewhere.")] = None,
    name: Annotated[str, typer.Option(help="With --predictions: their name on the board.")] = "",
) -> None:  # fmt: skip
    """Score what is trained; or, with --predictions, pictures restored by any other program.

    Example: restorebench score small --task jpeg --predictions out/ --name their_method
    """
    from bench import api

    settings = _settings(runs, device, plugin, tasks, methods)
    if predictions is None:
        if task or name:
            raise UserError("--task and --name go with --predictions FOLDER; to score some tasks use --tasks")
        return _jobs(api.score, suite, settings)
    if not (task and name):
        raise UserError("--predictions needs --task TASK and --name NAME as well")
    stored = api.score_folder(api.Predictions(predictions, name, task), suite, settings)
    for note in stored.notes:
        print(note, file=sys.stderr)
    print(f"{name} is on the board of {task}; see it with: restorebench report {runs} -o site")
    return None


@app.command()
def measure(
    restored: Annotated[Path, typer.Option(help="Folder of restored pictures.")],
    reference: Annotated[Path | None, typer.Option(help="Folder of true pictures of the same names.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Folder of masks, white where something was lost.")] = None,
    metrics: Annotated[str, typer.Option(help="Metrics separated by commas; default: all that apply.")] = "",
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.table,
    device: Device = "cpu",
) -> None:
    """The metric battery on two folders, no task needed.

    Example: restorebench measure --restored out/ --reference truth/ --metrics psnr,ssim --format csv
    """
    from bench import api
    from bench.console import print_measurement

    found = api.measure(api.Folders(restored, reference, mask), _names(metrics) or None, device)
    for line in (*(f"{problem}; left out" for problem in found.problems), *found.notes):
        print(line, file=sys.stderr)
    if format is Format.json:
        print(json.dumps(found.as_json(), indent=1))
    else:
        print_measurement(found, as_csv=format is Format.csv)


@app.command()
def report(
    runs: Annotated[Path, typer.Argument(help="Folder of stored runs.")] = Path("runs"),
    site: SiteFolder = Path("site"),
) -> None:
    """Make the HTML board from stored results alone.

    Example: restorebench report runs -o site
    """
    _board(runs, site)


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


@app.command()
def degrade(
    task: Annotated[str, typer.Argument(help="mosaic, jpeg, erase, facemask or hole.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="Folder of pictures, any sizes and formats.")],
    out: Annotated[Path, typer.Argument(help="Folder for OUT/LEVEL/{clean,degraded,mask}/ID.png.")],
    level: Annotated[str, typer.Option(help="Levels separated by commas; default: the task's scored ones.")] = "",
    plugin: Plugins = [],
) -> None:
    """Make the damaged pairs and masks of a folder.

    Example: restorebench degrade jpeg photos/ damaged/ --level jpeg_q10,jpeg_q40
    """
    from bench.data.degrade import degrade_source
    from bench.data.sources import open_source
    from bench.discovery import discover

    found = discover(tuple(plugin))
    names = _names(level) or found.task(task).levels
    levels = dict(found.level(task, name) for name in names)
    done = degrade_source(open_source(f"folder:{source}", "all"), task, levels, out)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"{done.written} pictures at {len(levels)} levels are in {out}")


@app.command()
def restore(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a stored run: runs/TASK/METHOD/ID.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="Folder of damaged pictures; clean for --triplets.")],
    out: Annotated[Path, typer.Argument(help="Folder for OUT/ID.png.")],
    mask: Annotated[Path | None, typer.Option(help="Folder of masks, white where something was lost.")] = None,
    triplets: Annotated[bool, typer.Option("--triplets", help="Damage IN first; show all three in a row.")] = False,
    level: Annotated[str, typer.Option(help="With --triplets: the damage; default: the first scored one.")] = "",
    short_side: Annotated[int, typer.Option(min=0, help="Bring pictures to this short side first; 0: as is.")] = 0,
    device: Device = "auto", plugin: Plugins = [],
) -> None:  # fmt: skip
    """Apply a trained method to your own pictures.

    Example: restorebench restore runs/hole/glcic/0a1b2c3d4e5f photos/ out/ --triplets
    """
    from bench import api

    done = api.restore(run, api.Pictures(source, out, mask, triplets, level, short_side), device, tuple(plugin))
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"{done.written} pictures are in {out}")


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
        _print_rows([{key: row[key] for key in SHOWN[what]} for row in rows])


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
        _print_rows(rows)
    wrong = [row["what"] for row in rows if row["state"] == WRONG]
    if wrong:
        raise UserError(f"to be mended: {', '.join(wrong)}")


def _jobs(call: Callable[[str, Any], list[Any]], suite: str, settings: Any) -> None:
    """Run a half or the whole of a suite with progress bars, and say how many runs did not end well."""
    import dataclasses

    from rich.console import Console

    from bench.console import ProgressBars

    with ProgressBars(Console(stderr=True)) as bars:
        runs = call(suite, dataclasses.replace(settings, watcher=bars))
    bad = [each for each in runs if each.status not in ("done", "trained")]
    if bad:
        print(f"{len(bad)} of {len(runs)} runs did not end well; the board shows why", file=sys.stderr)


def _verify_method(method: str, suite: str, plugin: list[Path]) -> None:
    from bench.config import load_suite
    from bench.discovery import discover
    from bench.verify import verify as verify_entry

    found = discover(tuple(plugin))
    for problem in found.problems:
        print(problem, file=sys.stderr)
    chosen = load_suite(suite)
    entry = found.method(method).override(chosen.methods.get(method, {}))
    findings = verify_entry(entry, chosen.train.crop)
    broken = sum(bool(finding.problem) for finding in findings)
    for finding in findings:
        print(f"broken  {finding.check}: {finding.problem}" if finding.problem else f"holds   {finding.check}")
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


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console

    from bench.console import print_table

    cells = [[", ".join(v) if isinstance(v, list) else "" if v is None else v for v in row.values()] for row in rows]
    print_table(Console(), list(rows[0]), cells)


def _board(runs: Path, site: Path) -> None:
    from reports.site import build

    print(f"The board is at {build(runs, site).resolve()}")


def _settings(runs: Path, device: str, plugin: list[Path], tasks: str, methods: str) -> Any:
    from bench.api import Settings

    return Settings(runs, device, tuple(plugin), _names(tasks), _names(methods))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def main() -> None:
    """Entry point: a mistake of the user's is one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except UserError as error:
        code = _complain(str(error))
    except typer.TyperException as error:
        code = _complain(f"{error.format_message()} See `restorebench --help`.")
    except OSError as error:  # a full disk, a folder without permission: the user's to mend
        code = _complain(f"{error.filename or 'input or output'}: {error.strerror or error}; nothing stored was lost")
    except (KeyboardInterrupt, typer.Abort):
        print("restorebench: interrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> int:
    print("restorebench: " + " ".join(message.split()), file=sys.stderr)
    return 2
