"""What the processes do that are killed: the three phases of a suite, from a parent that has loaded all modules."""

import multiprocessing
from multiprocessing.context import ForkServerContext
from pathlib import Path

import reports.site
from bench import api

PHASES = ("train", "score", "report")


def forks() -> ForkServerContext:
    """Processes that begin with these modules loaded: a kill then falls on our work, not on imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.reliability.act"])
    return context


def act(phase: str, suite: Path, folder: Path) -> None:
    """One phase of a suite, as the command line does it."""
    settings = api.Settings(folder / "runs", "cpu")
    if phase == "train":
        api.train(str(suite), settings)
    elif phase == "score":
        api.score(str(suite), settings)
    else:
        reports.site.build(folder / "runs", folder / "site")
