"""degrade, restore, measure: folders of your own pictures."""

from __future__ import annotations

import enum
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import Device, Plugins, listed, new_app
from bench.errors import UserError

app = new_app()


class Format(enum.StrEnum):
    """How `measure` prints."""

    table = "table"
    json = "json"
    csv = "csv"


class PictureFormat(enum.StrEnum):
    """How `restore` writes pictures."""

    png = "png"
    jpg = "jpg"


@app.command()
def degrade(
    task: Annotated[str, typer.Argument(help="mosaic, jpeg, erase, facemask or hole.")],
    folders: Annotated[list[Path], typer.Argument(metavar="[IN] OUT", help="Folder of any pictures; folder to fill.")],
    level: Annotated[str, typer.Option(help="Levels separated by commas; default: the task's scored ones.")] = "",
    evaluation: Annotated[str, typer.Option(metavar="SUITE", help="The inputs of this suite instead of IN.")] = "",
    plugin: Plugins = [],
) -> None:
    """Make the damaged pairs and masks of a folder: OUT/LEVEL/{clean,degraded,mask}/ID.png.

    With --evaluation OUT gets exactly what a suite's methods are given, and a manifest: restore these with any program,
    then `score --predictions`.

    Example: restorebench degrade jpeg photos/ damaged/ --level jpeg_q10,jpeg_q40
    """
    if evaluation:
        return _evaluation_inputs(task, folders, level, evaluation, tuple(plugin))
    if len(folders) != 2:
        raise UserError("degrade takes a task and two folders: restorebench degrade TASK IN OUT")
    from bench.data.degrade import degrade_source
    from bench.data.sources import open_source
    from bench.discovery import discover

    source, out = folders
    found = discover(tuple(plugin))
    names = listed(level) or found.task(task).levels
    levels = dict(found.level(task, name) for name in names)
    done = degrade_source(open_source(f"folder:{source}", "all"), task, levels, out)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"{done.written} pictures at {len(levels)} levels are in {out}")
    return None


def _evaluation_inputs(task: str, folders: list[Path], level: str, suite: str, plugins: tuple[Path, ...]) -> None:
    if len(folders) != 1 or level:
        raise UserError(f"the suite says pictures and levels: restorebench degrade {task} OUT --evaluation {suite}")
    from bench.outside.inputs import MANIFEST, write_inputs
    from bench.outside.opened import OpenTask

    out = folders[0]
    done = write_inputs(OpenTask.of(suite, task, plugins), out)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"{done.pictures} pictures at {done.levels} levels are in {out}, described by {out / MANIFEST}")
    print(f"then: restorebench score {suite} --task {task} --name NAME --predictions FOLDER, with FOLDER/LEVEL/ID.png")


@app.command()
def restore(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a stored run: runs/TASK/METHOD/ID.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="Picture, folder of pictures, or video.")],
    out: Annotated[Path, typer.Argument(help="Folder for OUT/ID.png; or a file: .png, .jpg; .mp4, .mov, .mkv.")],
    mask: Annotated[Path | None, typer.Option(help="Masks, white where lost: a folder; for a video a file.")] = None,
    alpha: Annotated[bool, typer.Option("--alpha", help="What is transparent in a picture is lost.")] = False,
    triplets: Annotated[bool, typer.Option("--triplets", help="Damage IN first; show all three in a row.")] = False,
    level: Annotated[str, typer.Option(help="With --triplets: the damage; default: the first scored one.")] = "",
    short_side: Annotated[int, typer.Option(min=0, help="Bring pictures to this short side first; 0: as is.")] = 0,
    tile: Annotated[str, typer.Option(help="Side of overlapping tiles, 0 = whole, auto = as memory allows.")] = "auto",
    format: Annotated[PictureFormat, typer.Option(help="Of the pictures in OUT.")] = PictureFormat.png,
    truth: Annotated[Path | None, typer.Option(help="The undamaged video: scores, by frame in OUT.scores.csv.")] = None,
    metrics: Annotated[str, typer.Option(help="With --truth: separated by commas; default: psnr,ssim.")] = "",
    device: Device = "auto", plugin: Plugins = [],
) -> None:  # fmt: skip
    """Apply a trained method to your own pictures, or to a video, whose sound is kept.

    An interrupted video goes on where it was when the same command is given again.

    Example: restorebench restore runs/hole/glcic/0a1b2c3d4e5f photos/ out/ --triplets
    """
    from bench import api
    from bench.console import counting
    from bench.video.reading import is_video

    how = (_tile(tile), f".{format.value}", truth, listed(metrics))
    wanted = api.Pictures(source, out, mask, triplets, level, short_side, alpha, *how)
    with counting("frames") as progress:
        done = api.restore(run, wanted, device, tuple(plugin), progress)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"{done.written} {'frames' if is_video(source) else 'pictures'} are in {out}")
    if done.flicker is not None:
        print(done.flicker)
    for mean in done.scores:
        print(mean)


def _tile(text: str) -> int:
    if text == "auto":
        from bench.restoring import AUTO

        return AUTO
    if not text.isdecimal():
        raise UserError(f"--tile is auto, 0 or a number of pixels, not '{text}'")
    return int(text)


@app.command()
def measure(
    restored: Annotated[Path, typer.Option(help="Folder of restored pictures.")],
    reference: Annotated[Path | None, typer.Option(help="Folder of true pictures of the same names.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Folder of masks, white where something was lost.")] = None,
    metrics: Annotated[str, typer.Option(help="Metrics separated by commas; default: all that apply.")] = "",
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.table,
    device: Device = "cpu", plugin: Plugins = [],
) -> None:  # fmt: skip
    """The metric battery on two folders, no task needed.

    Example: restorebench measure --restored out/ --reference truth/ --metrics psnr,ssim --format csv
    """
    from bench.metrics import METRICS
    from bench.scoring.measure import Folders
    from bench.scoring.measure import measure as score

    known = METRICS
    if plugin:
        from bench.discovery import discover  # which imports every method

        extended = discover(tuple(plugin))
        known = extended.metrics
        for problem in extended.problems:
            print(problem, file=sys.stderr)
    found = score(Folders(restored, reference, mask), listed(metrics) or None, device, known)
    for line in (*(f"{problem}; left out" for problem in found.problems), *found.notes):
        print(line, file=sys.stderr)
    if format is Format.json:
        print(json.dumps(found.as_json(), indent=1))
    else:
        from bench.console import print_measurement  # which loads the rest of the program

        print_measurement(found, as_csv=format is Format.csv)
