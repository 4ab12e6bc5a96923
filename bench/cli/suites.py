"""run, train, score, report: a suite, or parts of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.common import (
    Address,
    Device,
    Devices,
    GpusPerJob,
    Jobs,
    LauncherKind,
    Methods,
    Nodes,
    Plugins,
    Resume,
    RunsFolder,
    SiteFolder,
    SuiteName,
    Tasks,
    Timeout,
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
    launcher: LauncherKind = "local", jobs: Jobs = 1, timeout: Timeout = 0.0, address: Address = "",
    gpus_per_job: GpusPerJob = None, devices: Devices = 1, nodes: Nodes = 1,
) -> None:  # fmt: skip
    """Train, score and report a whole suite. Start it again after an interruption and it goes on.

    Example: restorebench run quickstart --jobs 4 --timeout 3600
    """
    from bench import api

    spread = api.Launcher(launcher, jobs, timeout, address, gpus_per_job, devices=devices, nodes=nodes)
    _jobs(api.run, suite, _settings(runs, device, plugin, tasks, methods, spread))
    if not spread.follows:
        make_board(runs, site)


@app.command()
def train(
    suite: SuiteName = "quickstart", runs: RunsFolder = Path("runs"), device: Device = "auto",
    plugin: Plugins = [], tasks: Tasks = "", methods: Methods = "", resume: Resume = True,
    launcher: LauncherKind = "local", jobs: Jobs = 1, timeout: Timeout = 0.0, address: Address = "",
    gpus_per_job: GpusPerJob = None, devices: Devices = 1, nodes: Nodes = 1,
) -> None:  # fmt: skip
    """Train the methods of a suite without scoring them.

    Example: restorebench train small --tasks jpeg --methods dncnn
    """
    from bench import api

    spread = api.Launcher(launcher, jobs, timeout, address, gpus_per_job, devices=devices, nodes=nodes)
    _jobs(api.train, suite, _settings(runs, device, plugin, tasks, methods, spread))


@app.command()
def score(
    suite: SuiteName = "quickstart", runs: RunsFolder = Path("runs"), device: Device = "auto",
    plugin: Plugins = [], tasks: Tasks = "", methods: Methods = "", resume: Resume = True,
    launcher: LauncherKind = "local", jobs: Jobs = 1, timeout: Timeout = 0.0, address: Address = "",
    gpus_per_job: GpusPerJob = None,
    task: Annotated[str, typer.Option(help="With --predictions: the task they are for.")] = "",
    predictions: Annotated[
        list[str], typer.Option(metavar="[LEVEL/SEED=]FOLDER", help="Pictures restored elsewhere; repeatable.")
    ] = [],
    name: Annotated[str, typer.Option(help="With --predictions: their name on the board.")] = "",
) -> None:  # fmt: skip
    """Score what is trained; or, with --predictions, pictures restored by any other program.

    Its folder holds [seedN/]LEVEL/ID.png, or is given in parts: --predictions jpeg_q10/0=a --predictions jpeg_q10/1=b.

    Example: restorebench score small --task jpeg --predictions out/ --name their_method
    """
    from bench import api

    spread = api.Launcher(launcher, jobs, timeout, address, gpus_per_job)
    settings = _settings(runs, device, plugin, tasks, methods, spread)
    if not predictions:
        if task or name:
            raise UserError("--task and --name go with --predictions FOLDER; to score some tasks use --tasks")
        return _jobs(api.score, suite, settings)
    if not (task and name):
        raise UserError("--predictions needs --task TASK and --name NAME as well")
    stored = api.score_folders(name, task, [api.Given.parse(each) for each in predictions], suite, settings)
    for note in dict.fromkeys(note for each in stored for note in each.notes):
        print(note, file=sys.stderr)
    print(f"{name} is on the board of {task}; see it with: restorebench report {runs} -o site")
    return None


@app.command()
def report(
    runs: Annotated[Path, typer.Argument(help="Folder of stored runs.")] = Path("runs"),
    site: SiteFolder = Path("site"),
    against: Annotated[
        Path | None, typer.Option(metavar="RUNS", help="An older folder of runs: also show what rose and fell since.")
    ] = None,
) -> None:
    """Make the HTML board from stored results alone.

    Example: restorebench report runs -o site --against last-week/runs
    """
    make_board(runs, site, against)


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


def _settings(runs: Path, device: str, plugin: list[Path], tasks: str, methods: str, launcher: Any) -> Any:
    from bench.api import Settings

    return Settings(runs, device, tuple(plugin), listed(tasks), listed(methods), launcher=launcher)
