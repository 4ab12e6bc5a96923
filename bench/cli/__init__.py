"""The command line: parse, call, print. Heavy imports happen inside the commands, so that --help is quick.

A module holds a group of commands; `main` is the door.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bench import __version__
from bench.cli import checks, data, demo, exporting, gate, methods, outside, pictures, suites
from bench.cli.common import new_app
from bench.errors import UserError

app = new_app()


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


for group in (suites, pictures, checks, methods, outside, gate, exporting, data, demo):
    app.add_typer(group.app)


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
