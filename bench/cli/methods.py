"""new-method: the start of a method of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import new_app

app = new_app()


@app.command()
def new_method(
    name: Annotated[str, typer.Argument(help="Its name on the board.")],
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path(),
) -> None:
    """Write NAME.py, a small GAN that works as it is, and NAME.toml, a suite that trains and scores it.

    Example: restorebench new-method mine
    """
    from bench.scaffold import new_method as write

    code, suite = write(name, folder)
    print(f"{code} and {suite} are written; see what they do with:")
    print(f"  restorebench verify {name} --plugin {code}")
    print(f"  restorebench run {suite} --plugin {code}")
