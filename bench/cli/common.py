"""Options that several commands have, and what they do with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

SuiteName = Annotated[str, typer.Argument(metavar="[SUITE]", help="Name of a suite, or path of a TOML file.")]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder of stored runs.")]
SiteFolder = Annotated[Path, typer.Option("--site", "-o", help="Folder the board is written to.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Plugins = Annotated[list[Path], typer.Option("--plugin", help="Python file with METHODS, TASK or METRICS; repeatable.")]
Tasks = Annotated[str, typer.Option(help="Only these tasks of the suite, separated by commas.")]
Methods = Annotated[str, typer.Option(help="Only these methods of the suite, separated by commas.")]
LauncherKind = Annotated[str, typer.Option("--launcher", help="local, or ray: the machines of a Ray cluster.")]
Jobs = Annotated[int, typer.Option(help="Local: so many jobs at once, in processes of their own.")]
Timeout = Annotated[float, typer.Option(help="Seconds one job may take; a longer one is stopped and is a row. 0: any.")]
Address = Annotated[
    str, typer.Option(help="Of the Ray cluster, default RAY_ADDRESS or this machine; or of the first of --nodes.")
]
Devices = Annotated[int, typer.Option(help="Local: processes that train one run together; on GPUs one for each.")]
Nodes = Annotated[int, typer.Option(help="Local: machines with so many; start the same on each, with NODE_RANK set.")]
GpusPerJob = Annotated[float | None, typer.Option(help="Ray: GPUs, or a share of one, that a job takes.")]
Resume = Annotated[bool, typer.Option("--resume", help="Accepted for clarity: finished parts are never done again.")]


def new_app() -> typer.Typer:
    """A group of commands. Errors are not dressed up: bench.cli.main says them in one line."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def listed(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def print_rows(rows: list[dict[str, Any]]) -> None:
    """A table whose columns are the keys of its rows."""
    from rich.console import Console

    from bench.console import print_table

    cells = [[", ".join(v) if isinstance(v, list) else "" if v is None else v for v in row.values()] for row in rows]
    print_table(Console(), list(rows[0]), cells)


def make_board(runs: Path, site: Path, against: Path | None = None) -> None:
    """Build the board and say where it is."""
    from reports.site import build

    index = build(runs, site, against).resolve()
    print(f"The board is at {index}")
    if against is not None:
        print(f"What changed since {against} is at {index.with_name('against.html')}")
