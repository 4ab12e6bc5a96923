"""A suite turned into jobs: every (task, method, seed), with its data opened and its run id decided."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from bench import PROTOCOL
from bench.config import Data, Suite, TaskSuite
from bench.data.batches import EvaluationSet, PictureCache, Recipe
from bench.data.near import near_duplicates
from bench.data.sources import HOMEMADE, open_source
from bench.discovery import Found, MethodEntry
from bench.errors import UserError, unknown
from bench.results.store import Run
from bench.scoring.score import Exam
from bench.training.engine import Engine
from bench.training.loop import Budget
from degradations.base import Task


@dataclass(frozen=True)
class Opened:
    """A data section of a suite, opened."""

    training: PictureCache
    test: PictureCache
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TaskPlan:
    """A task of a suite with its pictures opened; shared by all its jobs."""

    task: Task
    training: PictureCache
    train_level: str
    recipe: Recipe
    exam: Exam
    digests: dict[str, str]  # content of the training pictures, and every scored pixel of each level
    sources: dict[str, str]  # where the pictures came from, for people
    kept: frozenset[str]  # ids of the pictures kept for the board
    notes: tuple[str, ...]  # what a reader must know: files left out, pictures on both sides of the split


@dataclass(frozen=True)
class Job:
    """One run: a method on a task with a seed."""

    plan: TaskPlan
    entry: MethodEntry
    seed: int
    trained: bool
    budget: Budget
    run: Run
    trackers: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        """Whether the method is given the mask."""
        return self.plan.task.tells_mask or self.entry.cls.needs_mask

    @property
    def label(self) -> str:
        """The job in a few words."""
        return f"{self.run.task} / {self.run.method}" + (f" / seed {self.seed}" if self.trained else "")


def check_suite(suite: Suite, found: Found) -> None:
    """Raise UserError for any name in a suite that does not exist, before any work is done."""
    for name in suite.score.metrics:
        if name not in found.metrics:
            raise unknown("metric", name, found.metrics)
    for name, changes in suite.methods.items():
        found.method(name).override(changes)
    for name, section in suite.tasks.items():
        _check_levels(name, section, found)
        _check_methods(name, section, found)


def _check_levels(name: str, section: TaskSuite, found: Found) -> None:
    task = found.task(name)
    found.level(name, section.train or task.train)
    plain = [found.level(name, level)[0] for level in section.levels or task.levels]
    for level in plain:
        if plain.count(level) > 1:
            raise UserError(f"tasks.{name}.levels names '{level}' twice; give each level once")


def _check_methods(name: str, section: TaskSuite, found: Found) -> None:
    fitting = {name, found.task(name).like}
    for method in section.methods:
        if not fitting & found.method(method).cls.tasks:
            raise UserError(f"method '{method}' cannot be put to task '{name}'; take it out of tasks.{name}.methods")
    for method, changes in section.settings.items():
        if method not in section.methods:
            raise UserError(f"tasks.{name}.settings names '{method}', which tasks.{name}.methods does not")
        found.method(method).override(changes)


def plan_suite(suite: Suite, found: Found, engine: Engine) -> list[Job]:
    """All jobs of a suite, task by task. Pictures are opened once, however many tasks use them.

    A method that is not trained runs once, whatever the number of seeds. Raises UserError on any mistake in the suite.
    """
    check_suite(suite, found)
    used = {section.data for section in suite.tasks.values()}
    opened = {name: open_data(suite.data[name]) for name in sorted(used)}
    jobs = []
    for name, section in suite.tasks.items():
        plan = _plan_task(suite, found, name, opened[section.data])
        for method in section.methods:
            jobs += plan_method(suite, found, plan, method, engine)
    return jobs


def plan_method(suite: Suite, found: Found, plan: TaskPlan, method: str, engine: Engine) -> list[Job]:
    """The runs of one method on a planned task: one for each seed, or one alone if it is not trained."""
    changes = suite.methods.get(method, {}) | suite.tasks[plan.task.name].settings.get(method, {})
    entry = found.method(method).override(changes)
    seeds = suite.train.seeds if entry.build().optimizers() else (None,)
    return [_job(suite, plan, entry, seed, engine) for seed in seeds]


def plan_task(suite: Suite, found: Found, name: str, opened: Opened | None = None) -> TaskPlan:
    """One task of a suite, whatever its methods, on pictures that may be open already. Raises as plan_suite does."""
    check_suite(suite, found)
    return _plan_task(suite, found, name, opened or open_data(suite.data[suite.tasks[name].data]))


def _plan_task(suite: Suite, found: Found, name: str, data: Opened) -> TaskPlan:
    """Fix what a task is trained and scored on."""
    section, task, training, test = suite.tasks[name], found.task(name), data.training, data.test
    for content in sorted({training.content, test.content} - task.content):
        raise UserError(f"task '{name}' needs pictures of {' or '.join(sorted(task.content))}, but they are {content}")
    level, degradation = found.level(name, section.train or task.train)
    levels = dict(found.level(name, each) for each in section.levels or task.levels)
    count = suite.score.pictures if section.pictures is None else section.pictures
    size = suite.score.size if section.size is None else section.size
    evaluation = EvaluationSet(test, task, size, count)
    digests = {f"level {each}": evaluation.digest(each, levels[each]) for each in levels}
    digests["inputs"] = _digest([name, sorted(digests.items())])
    digests["train data"] = training.source.digest()
    recipe = Recipe(degradation, suite.train.crop, suite.train.batch, task.needs_landmarks)
    return TaskPlan(
        task, training, level, recipe, Exam(evaluation, levels, suite.score.batch), digests,
        {"train": training.source.name, "test": test.source.name}, _spread(evaluation.ids, suite.score.keep),
        data.notes,
    )  # fmt: skip


def _job(suite: Suite, plan: TaskPlan, entry: MethodEntry, seed: int | None, engine: Engine) -> Job:
    train, section = suite.train, suite.tasks[plan.task.name]
    budget = Budget(section.images or train.images, train.batch, train.ema, train.checkpoint_seconds)
    config: dict[str, Any] = {
        "method": {"config": dataclasses.asdict(entry.config), "code": entry.code_digest()},
        "score": {"size": plan.exam.pictures.size, "inputs": plan.digests["inputs"]},
    }
    if seed is not None:
        config["train"] = {
            "level": plan.train_level, "degradation": plan.recipe.degradation.digest(), "crop": train.crop,
            "images": budget.images, "batch": budget.batch, "ema": budget.ema, "precision": engine.precision,
            "pictures": plan.digests["train data"], "short_side": plan.training.short_side,
            "scale": plan.training.scale,
        }  # fmt: skip
    oracle = entry.cls.needs_mask and not plan.task.tells_mask
    run = Run(
        PROTOCOL, suite.name, plan.task.name, entry.name, seed or 0,
        run_id=_digest([PROTOCOL, plan.task.name, entry.name, seed, config])[:12],
        trained=seed is not None, oracle=oracle, config={**config, "sources": plan.sources}, digests=dict(plan.digests),
    )  # fmt: skip
    return Job(plan, entry, seed or 0, seed is not None, budget, run, train.trackers)


def open_data(data: Data, compare: bool = True) -> Opened:
    """Open both sides of a data section, and look for pictures that stand on both, which reads them all."""
    training, test = (_pictures(data, "train"), _pictures(data, "test"))
    notes = [*training.source.problems, *test.source.problems]
    kinds = {each.source.name.partition(":")[0] for each in (training, test)}
    if compare and kinds & HOMEMADE:  # the others were split with care
        shared = near_duplicates(training.source, test.source)
        notes += [f"training picture {a} and test picture {b} look like one picture" for a, b, _ in shared]
    return Opened(training, test, tuple(dict.fromkeys(notes)))


def _pictures(data: Data, half: Literal["train", "test"]) -> PictureCache:
    source = open_source(*data.spec(half))
    return PictureCache(source, data.content or source.content, data.short_side, data.scale)


def _spread(ids: list[str], count: int) -> frozenset[str]:
    """So many ids, evenly spaced."""
    step = max(1, len(ids) / max(count, 1))
    return frozenset(ids[int(place * step)] for place in range(min(count, len(ids))))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
