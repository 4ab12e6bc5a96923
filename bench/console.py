"""What the command line draws: progress bars while jobs run, tables of results and lists."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench.launch import Watcher
from bench.plan import Job
from bench.results import store
from bench.scoring.measure import Measurement
from bench.verify.battery import Line
from bench.verify.references import Reference

STYLES = {store.DONE: "green", store.DIVERGED: "red", store.ERROR: "red", store.TIMEOUT: "red"}


class ProgressBars(Watcher):
    """A bar of all jobs, one for each training under way, and a line for each job that ends. Use as a context."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bars = Progress(*columns, TextColumn("{task.fields[note]}"), console=console, transient=True)
        self.console = console
        self._all: TaskID | None = None
        self._trainings: dict[str, TaskID] = {}  # by the job's label

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(self, *error: object) -> None:
        if self._all is not None:
            self.bars.stop()

    def planned(self, jobs: list[Job], problems: list[str]) -> None:
        """Draw the bar of all jobs; nothing is drawn before, so that a mistake stays one line."""
        for problem in problems:
            self.console.print(f"[yellow]{escape(problem)}[/]")
        self.bars.start()
        self._all = self.bars.add_task("all runs", total=len(jobs), note="")

    def started(self, job: Job) -> None:
        """Draw the bar of this job's training."""
        if job.trained and job.label not in self._trainings:
            total = job.budget.steps * job.budget.batch
            self._trainings[job.label] = self.bars.add_task(escape(job.label), total=total, note="")
        elif self._all is not None:
            self.bars.update(self._all, note=escape(job.label))

    def trained(self, job: Job, images: int, scalars: dict[str, float]) -> None:
        """Move the bar of this job's training."""
        if job.label in self._trainings:
            note = "  ".join(f"{escape(name)} {value:.3g}" for name, value in list(scalars.items())[:3])
            self.bars.update(self._trainings[job.label], completed=images, note=note)

    def finished(self, job: Job, run: store.Run) -> None:
        """Print how the job ended."""
        if job.label in self._trainings:
            self.bars.remove_task(self._trainings.pop(job.label))
        if self._all is not None:
            self.bars.update(self._all, advance=1, note="")
        reason = f"  {escape(run.reason)}" if run.reason else ""
        self.console.print(f"[{STYLES.get(run.status, 'yellow')}]{run.status:9}[/] {escape(job.label)}{reason}")


def print_table(console: Console, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; the first column is never broken."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, title in enumerate(titles):
        table.add_column(title.replace("_", " "), no_wrap=place == 0)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    console.print(table)


def print_measurement(found: Measurement, as_csv: bool) -> None:
    """The per-picture rows as CSV, or the summary as a table."""
    if as_csv:
        names = [name for name in found.summary if any(name in row for row in found.images)]
        writer = csv.DictWriter(sys.stdout, ["image", *names, "problem"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(found.images)
        return
    rows = [(name, *_numbers(each), each["n"], each["unavailable"] or "") for name, each in found.summary.items()]
    print_table(Console(), ("metric", "mean", "95 % interval", "n", "unavailable"), rows)


def _numbers(entry: dict[str, Any]) -> tuple[str, str]:
    low, high = entry["ci95"]
    mean = "-" if entry["mean"] is None else f"{entry['mean']:.4f}"
    return mean, "-" if low is None else f"{low:.4f} to {high:.4f}"


def print_comparison(lines: Iterable[Line]) -> int:
    """Ours beside what was published, with the difference and how much was allowed; returns how many miss."""
    lines = list(lines)
    checked = [line for line in lines if line.published]
    missed = sum(not line.holds for line in lines)
    console = Console()
    columns = ("verdict", "what", "ours", "published", "difference", "allowed")
    print_table(console, columns, [_compared(line, line.published) for line in lines if line.published])
    for line in lines:
        if line.published is None:
            console.print(f"not checked: {line.what}: {line.problem}", markup=False, highlight=False, soft_wrap=True)
    left = len(lines) - len(checked)
    console.print(f"{len(checked) - missed} of {len(checked)} comparisons agree; {left} could not be made")
    return missed


def _compared(line: Line, wanted: Reference) -> tuple[str, ...]:
    numbers = (f"{line.ours:.6g}", f"{wanted.value:.6g}", f"{line.ours - wanted.value:+.2g}", f"{wanted.tolerance:.1g}")
    return ("agrees" if line.holds else "MISSES", line.what, *numbers)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the error stream for work that says how much of how many is done; none is drawn before it does."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)

    def tell(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total or None)

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()
