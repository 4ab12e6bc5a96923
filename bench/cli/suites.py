"""run, train, score, report: a suite, or parts of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.common import (
    Device,
    Methods,
    Plugins,
    Resume,
    RunsFolder,
    SiteFolder,
    SuiteName,
    Tasks,
    listed,
    make_board,
    new_app,
)  # fmt: skip
from bench.errors import UserError

app = new_app()


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
    make_board(runs, site)


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
def report(
    runs: Annotated[Path, typer.Argument(help="Folder of stored runs.")] = Path("runs"),
    site: SiteFolder = Path("site"),
) -> None:
    """Make the HTML board from stored results alone.

    Example: restorebench report runs -o site
    """
    make_board(runs, site)


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


def _settings(runs: Path, device: str, plugin: list[Path], tasks: str, methods: str) -> Any:
    from bench.api import Settings

    return Settings(runs, device, tuple(plugin), listed(tasks), listed(methods))
