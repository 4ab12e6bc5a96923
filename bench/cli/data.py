"""pack, check-data, landmarks: what is done once to a data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import new_app, print_rows
from bench.errors import UserError

app = new_app()

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="As in a suite: folder:PATH, celeba:PATH, ...")]


@app.command()
def pack(
    source: Source,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to make; OUT.json is its index.")],
) -> None:
    """Decode a source once, into a file that training maps into memory; suites then name it pack:OUT.

    Both sides of the source's split are kept, at the pictures' own size, with its digests: a run on the pack is the
    same run.

    Example: restorebench pack folder:photos/ photos.pack
    """
    from bench.data.pack import write_pack

    done = write_pack(source, out)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"{done.written} pictures ({done.size / 1e6:,.1f} MB of pixels) are in {out}; use it as pack:{out}")


@app.command(name="check-data")
def check_data(source: Source) -> None:
    """Compare a data set's files with the digests that are published, and print its pictures' own.

    Exit code 1 when a file is not the published one.

    Example: restorebench check-data celeba:$RESTOREBENCH_DATA/celeba
    """
    import dataclasses

    from bench.data.sets import SETS, check_files
    from bench.data.sources import open_source

    opened = open_source(source, "all")
    for problem in opened.problems:
        print(problem, file=sys.stderr)
    name = source.partition(":")[0]
    checked = list(check_files(source)) if name in SETS else []
    if checked:
        print_rows([dataclasses.asdict(each) for each in checked])
        print(f"digests from: {SETS[name].digests_from}")
    else:
        print(f"no digest of {name} is published")
    print(f"{len(opened.ids)} pictures, sha256 {opened.digest()}")
    if any(each.state == "DIFFERS" for each in checked):
        raise typer.Exit(1)


@app.command()
def landmarks(
    folder: Annotated[Path, typer.Argument(metavar="IN", help="Folder of pictures of faces.")],
    out: Annotated[Path, typer.Argument(help="The CSV to write; IN/landmarks.csv is found by folder:IN.")],
    model: Annotated[
        Path | None, typer.Option(help="face_landmarker.task; default: the one in RESTOREBENCH_WEIGHTS.")
    ] = None,
) -> None:
    """Find five points on the face of every picture, with MediaPipe (extra [landmarks]), and write them as CSV.

    Pictures without a face are named and left out; where there are several, the largest is taken.

    Example: restorebench landmarks faces/ faces/landmarks.csv --model face_landmarker.task
    """
    from bench.data.landmarker import find_landmarks

    if out.suffix.lower() != ".csv":
        raise UserError(f"{out}: write the landmarks to a file that ends in .csv")
    done = find_landmarks(folder, out, model)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"five points of {done.written} faces are in {out}")
