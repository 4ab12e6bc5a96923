"""Thresholds of the gate, per task and metric, from TOML; every one has a default that comes from the metric."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import UserError
from bench.gate.rules import Noise

Size = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
TOLERANCE = 1 / 50  # of what matters: other processors round a few pixels to the next of 255 levels
FIND = 3  # times what matters: a loss of just what matters passes half the time by its mean alone
WATCHED = ("single", "set", "cost")  # kinds that say little of one picture's truth: noted unless a file gates them


@dataclass(frozen=True)
class Rule:
    """What applies to one metric of one task; see MetricRule."""

    tolerance: float
    matters: float
    find: float
    gate: bool


class Section(BaseModel):
    """A table of the file: frozen, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MetricRule(Section):
    """One metric; None: the default."""

    tolerance: Size | None = None  # same checkpoint: largest difference of a single score that is still equal
    matters: Size | None = None  # retrained: smallest mean loss that counts
    find: Size | None = None  # retrained: the loss that must be seen, or excluded, for a verdict
    gate: bool | None = None  # False: noted, never a verdict


class Measured(Section):
    """Seed noise of a method's metric, as `check --calibrate` measures it."""

    sd: Size
    freedom: Annotated[int, Field(gt=0)]


class TaskRules(Section):
    """What one task has of its own."""

    metrics: dict[str, MetricRule] = {}
    noise: dict[str, dict[str, Measured]] = {}  # method -> "metric region" -> measured


class Thresholds(Section):
    """The whole file."""

    alpha: Share = 0.05  # false alarms of a whole check
    power: Share = 0.9  # how often a loss of `find` must be found
    regions: Annotated[tuple[str, ...], Field(min_length=1)] = ("whole", "lost")
    levels: Literal["all", "each"] = "all"  # one verdict over the mean of the levels, or one for each
    metrics: dict[str, MetricRule] = {}
    tasks: dict[str, TaskRules] = {}

    def rule(self, task: str, metric: str, declared: dict[str, Any]) -> Rule:
        """What applies to a metric of a task: the task's word, else the file's, else the metric's own."""
        own = self.tasks.get(task, TaskRules()).metrics.get(metric, MetricRule())
        general = self.metrics.get(metric, MetricRule())
        given = {**general.model_dump(exclude_none=True), **own.model_dump(exclude_none=True)}
        matters = given.get("matters", float(declared.get("matters") or 0))
        tolerance = given.get("tolerance", float(declared.get("matters") or 0) * TOLERANCE)
        gate = given.get("gate", declared.get("kind") not in WATCHED)
        return Rule(tolerance, matters, given.get("find", FIND * matters), gate)

    def noise(self, task: str, method: str, metric: str, region: str) -> Noise | None:
        """Noise measured beforehand, if any."""
        found = self.tasks.get(task, TaskRules()).noise.get(method, {}).get(f"{metric} {region}")
        return Noise(found.sd, found.freedom) if found else None


def load(path: Path | None) -> Thresholds:
    """Thresholds from a TOML file, or the defaults. Raises UserError with one line on any mistake."""
    if path is None:
        return Thresholds()
    try:
        return Thresholds.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; name a TOML file, or leave --thresholds out") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = "unknown key; docs/gate.md has the keys" if first["type"] == "extra_forbidden" else first["msg"]
        raise UserError(f"{path}: {where}: {said}") from None
