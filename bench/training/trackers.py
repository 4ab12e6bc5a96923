"""Where the scalars of a training go besides train.jsonl: TensorBoard always, MLflow and Weights & Biases when asked.

A tracker never ends a training: what it cannot do is a note on the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from torch.utils.tensorboard import SummaryWriter

from bench.errors import UserError, unknown
from bench.results.store import Run

PROJECT = "restorebench"
Values = dict[str, float]


class Tracker(Protocol):
    """A place that keeps scalars of one run."""

    def begin(self, images: int) -> None:
        """A training starts, or goes on, after so many pictures."""

    def add(self, images: int, scalars: Values) -> None:
        """Scalars averaged up to so many pictures. Each comes once, in order."""

    def close(self, ended: bool) -> None:
        """Flush. ended: the training reached the end of its budget; else it was interrupted, or diverged."""


class TensorBoard:
    """An event file in the run's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._events: SummaryWriter | None = None

    def begin(self, images: int) -> None:
        """See Tracker; what was logged after `images` by a training that was cut short is dropped."""
        self._events = SummaryWriter(str(self._folder), purge_step=images)

    def add(self, images: int, scalars: Values) -> None:
        """See Tracker."""
        for name, value in scalars.items():
            if self._events is not None:
                self._events.add_scalar(name, value, images)

    def close(self, ended: bool) -> None:
        """See Tracker."""
        if self._events is not None:
            self._events.close()


class Mlflow:
    """A run of the experiment restorebench/TASK, where MLFLOW_TRACKING_URI says; goes on in the run it began."""

    def __init__(self, run: Run) -> None:
        from mlflow import MlflowClient

        self._run = run
        self._client = MlflowClient()
        self._id = ""

    def begin(self, images: int) -> None:
        """See Tracker."""
        name = f"{PROJECT}/{self._run.task}"
        known = self._client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else self._client.create_experiment(name)
        before = self._client.search_runs([experiment], f"tags.{PROJECT}_run = '{self._run.run_id}'")
        if before:
            self._id = before[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
            return
        tags = {f"{PROJECT}_run": self._run.run_id, "git": self._run.git, "device": self._run.device}
        made = self._client.create_run(experiment, tags=tags, run_name=label(self._run))
        self._id = made.info.run_id
        for key, value in settings(self._run).items():
            self._client.log_param(self._id, key, value)

    def add(self, images: int, scalars: Values) -> None:
        """See Tracker."""
        for name, value in scalars.items():
            self._client.log_metric(self._id, name, value, step=images)

    def close(self, ended: bool) -> None:
        """See Tracker."""
        if self._id:
            self._client.set_terminated(self._id, "FINISHED" if ended else "KILLED")


class Wandb:
    """A run of the project restorebench; with RESTOREBENCH_OFFLINE a local one, for `wandb sync`."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run, self._folder = run, folder
        self._handle: Any = None

    def begin(self, images: int) -> None:
        """See Tracker."""
        import wandb

        offline = os.environ.get("RESTOREBENCH_OFFLINE", "0") not in ("", "0")
        self._handle = wandb.init(
            project=PROJECT, group=self._run.task, name=label(self._run), id=self._run.run_id, resume="allow",
            config=settings(self._run), dir=str(self._folder), mode="offline" if offline else None,
        )  # fmt: skip

    def add(self, images: int, scalars: Values) -> None:
        """See Tracker."""
        self._handle.log(scalars, step=images)

    def close(self, ended: bool) -> None:
        """See Tracker."""
        if self._handle is not None:
            self._handle.finish(exit_code=0 if ended else 1)


TRACKERS: dict[str, Callable[[Run, Path], Tracker]] = {
    "mlflow": lambda run, folder: Mlflow(run),
    "wandb": Wandb,
}


class Trackers:
    """TensorBoard and those asked for, as one. One that fails is told nothing more, and leaves a line in `problems`."""

    def __init__(self, folder: Path, names: tuple[str, ...] = (), run: Run | None = None) -> None:
        self.problems: list[str] = []
        self._working: dict[str, Tracker] = {"tensorboard": TensorBoard(folder)}
        for name in names:
            assert run is not None, "trackers other than TensorBoard want to know the run"
            try:
                self._working[name] = TRACKERS[name](run, folder)
            except Exception as error:  # absent on this machine, or its settings are wrong
                self._lost(name, error)

    def begin(self, images: int) -> None:
        """See Tracker."""
        self._tell(lambda each: each.begin(images))

    def add(self, images: int, scalars: Values) -> None:
        """See Tracker."""
        self._tell(lambda each: each.add(images, scalars))

    def close(self, ended: bool) -> None:
        """See Tracker."""
        self._tell(lambda each: each.close(ended))

    def _tell(self, call: Callable[[Tracker], None]) -> None:
        for name, each in list(self._working.items()):
            try:
                call(each)
            except Exception as error:  # a server that is down raises whatever its client does
                if name == "tensorboard":  # the disk's: ours to say
                    raise
                self._lost(name, error)

    def _lost(self, name: str, error: Exception) -> None:
        self._working.pop(name, None)
        reason = next(iter(str(error).strip().splitlines()), "")
        self.problems.append(f"{name}: {type(error).__name__}: {reason}; this training is not tracked there to its end")


def check_trackers(names: tuple[str, ...]) -> None:
    """Raise UserError for a name that is no tracker, or one whose package is not installed."""
    for name in names:
        if name not in TRACKERS:
            raise unknown("tracker", name, TRACKERS)
        if find_spec(name) is None:
            raise UserError(f"trackers: {name} is not installed: pip install 'restorebench[{name}]', or leave it out")


def label(run: Run) -> str:
    """What a run is called there."""
    return f"{run.method} seed {run.seed}"


def settings(run: Run) -> dict[str, str | int | float | bool]:
    """What decides a run, as flat names: train.images, method.config.lr, ..."""
    flat: dict[str, str | int | float | bool] = {"task": run.task, "method": run.method, "seed": run.seed}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                walk(f"{prefix}.{key}", each)
        else:
            flat[prefix] = value if isinstance(value, int | float | bool) else str(value)

    for part in ("train", "method"):
        walk(part, run.config.get(part, {}))
    return flat
