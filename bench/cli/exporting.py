"""export: a stored run as a file for other programs."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import Plugins, new_app

app = new_app()


class FileFormat(enum.StrEnum):
    """What `export` writes."""

    onnx = "onnx"
    torchscript = "torchscript"
    torch_export = "torch-export"
    safetensors = "safetensors"


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a stored run: runs/TASK/METHOD/ID.")],
    out: Annotated[Path, typer.Argument(help="Folder for the file and its model card.")],
    format: Annotated[FileFormat, typer.Option(help="What to write.")] = FileFormat.onnx,
    side: Annotated[int, typer.Option(min=0, help="Fix height and width; 0: any, where the method allows.")] = 0,
    plugin: Plugins = [],
) -> None:
    """Write a trained method as one file, checked against the run, with a model card.

    Example: restorebench export runs/jpeg/dncnn/0a1b2c3d4e5f out/ --format onnx
    """
    from bench.discovery import discover
    from bench.export import export_run

    done = export_run(run, out, format.value, discover(tuple(plugin)), side)
    for note in done.notes:
        print(note, file=sys.stderr)
    if done.side and not side and format is not FileFormat.safetensors:
        print(f"this method cannot be written for any size; the file takes {done.side}×{done.side}", file=sys.stderr)
    off = f"largest difference {done.agreement.worst:.1e} on {done.agreement.inputs} inputs"
    print(f"{done.file} restores as the run does ({off}); {done.card} says what it is")
