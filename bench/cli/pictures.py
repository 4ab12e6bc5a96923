"""degrade, restore, measure: folders of your own pictures."""

from __future__ import annotations

import enum
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import Device, Plugins, listed, new_app

app = new_app()


class Format(enum.StrEnum):
    """How `measure` prints."""

    table = "table"
    json = "json"
    csv = "csv"


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
    names = listed(level) or found.task(task).levels
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

    found = api.measure(api.Folders(restored, reference, mask), listed(metrics) or None, device)
    for line in (*(f"{problem}; left out" for problem in found.problems), *found.notes):
        print(line, file=sys.stderr)
    if format is Format.json:
        print(json.dumps(found.as_json(), indent=1))
    else:
        print_measurement(found, as_csv=format is Format.csv)
