"""lint, submit, contamination: pictures that other programs restored, and what they were trained on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import Device, Plugins, RunsFolder, new_app
from bench.errors import UserError

app = new_app()

Suite = Annotated[str, typer.Option(help="The suite whose inputs were restored.")]
Training = Annotated[list[Path], typer.Option(help="With --check: a folder it was trained on; repeatable.")]


@app.command()
def lint(
    predictions: Annotated[list[str], typer.Argument(metavar="[LEVEL/SEED=]FOLDER...", help="Restored pictures.")],
    task: Annotated[str, typer.Option(help="The task they are for.")],
    suite: Suite = "quickstart", plugin: Plugins = [],
) -> None:  # fmt: skip
    """Say what is wrong with restored pictures: names, files, sizes, values, place. Exit code 1 if anything is.

    Example: restorebench lint out/ --task jpeg --suite small
    """
    from bench.outside.opened import OpenTask
    from bench.outside.predictions import Given, PredictionFolders
    from bench.outside.score import lint_outside

    opened = OpenTask.of(suite, task, tuple(plugin))
    given = [Given.parse(each) for each in predictions]
    _judge(lint_outside(opened, PredictionFolders.open(given, opened.levels)))


@app.command()
def submit(
    folder: Annotated[Path, typer.Argument(help="card.toml, and TASK/[seedN/]LEVEL/ID.png.")],
    check: Annotated[bool, typer.Option("--check", help="Say what is wrong with it and store nothing.")] = False,
    training: Training = [],
    runs: RunsFolder = Path("runs"), device: Device = "auto", plugin: Plugins = [],
) -> None:  # fmt: skip
    """Put pictures restored elsewhere on the board, with their model card.

    Example: restorebench submit theirs/ --check --training their_photos/
    """
    if training and not check:
        raise UserError("--training is looked at with --check; the board shows what the card says of it")
    from bench.outside.card import Submission

    submission = Submission.open(folder, tuple(plugin))
    if check:
        return _judge(list(submission.faults(tuple(training))))
    done = submission.score(runs, device)
    for note in dict.fromkeys(note for run in done for note in run.notes):
        print(note, file=sys.stderr)
    tasks = ", ".join(submission.tasks)
    print(f"{submission.card.name} is on the board of {tasks}; see it with: restorebench report {runs} -o site")
    return None


@app.command()
def contamination(
    training: Annotated[Path, typer.Argument(help="Folder of training pictures.")],
    test: Annotated[Path, typer.Argument(help="Folder of test pictures.")],
) -> None:
    """Find pictures that stand in both folders, also resized or compressed again. Exit code 1 if there are any.

    Example: restorebench contamination train/ test/
    """
    from bench.data.near import near_duplicates
    from bench.data.sources import open_source

    pairs = near_duplicates(open_source(f"folder:{training}", "all"), open_source(f"folder:{test}", "all"))
    _judge(
        [f"training picture {a} and test picture {b} look like one ({bits} of 64 bits differ)" for a, b, bits in pairs]
    )


def _judge(faults: list[str]) -> None:
    """Print what is wrong; exit code 1 unless nothing is."""
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults" if len(faults) != 1 else "1 fault")
    raise typer.Exit(1 if faults else 0)
