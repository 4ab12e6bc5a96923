"""Finds methods, degradations and metrics: in our folders, in installed plug-ins, in files given by path.

A module with METHODS holds methods, one with TASK and LEVELS a degradation, one with METRICS metrics; a file given by
path may hold all three. A plug-in that cannot be loaded is a line in `Found.problems`; the rest goes on.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import degradations
import methods
from bench.entry import MethodEntry
from bench.errors import UserError, unknown
from bench.metrics import METRICS, Metric, collect
from degradations.base import Degradation, Task
from methods.base import Method


@dataclass
class Found:
    """Everything there is to run, by name."""

    methods: dict[str, MethodEntry] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    levels: dict[str, dict[str, Degradation]] = field(default_factory=dict)  # task -> level -> degradation
    metrics: dict[str, Metric] = field(default_factory=lambda: dict(METRICS))
    problems: list[str] = field(default_factory=list)

    def method(self, name: str) -> MethodEntry:
        """A method by name, or a UserError that suggests one."""
        if name not in self.methods:
            raise unknown("method", name, self.methods)
        return self.methods[name]

    def task(self, name: str) -> Task:
        """A task by name, or a UserError that suggests one."""
        if name not in self.tasks:
            raise unknown("task", name, self.tasks)
        return self.tasks[name]

    def level(self, task: str, name: str) -> tuple[str, Degradation]:
        """A level and its plain name; "NAME@FOLDER" gives a level that reads files its folder."""
        plain, _, folder = name.partition("@")
        if plain not in self.levels[self.task(task).name]:
            raise unknown(f"level of task {task}", plain, self.levels[task])
        level = self.levels[task][plain]
        needs_folder = dataclasses.is_dataclass(level) and "folder" in {f.name for f in dataclasses.fields(level)}
        if folder and not needs_folder:
            raise UserError(f"level '{plain}' takes no folder; write '{plain}'")
        if needs_folder and not folder:
            raise UserError(f"level '{plain}' reads its files from a folder; write '{plain}@FOLDER'")
        if folder:
            level = dataclasses.replace(level, folder=Path(folder).expanduser())  # type: ignore[type-var]
            try:
                level.digest()
            except ValueError as error:  # no such folder, nothing in it
                raise UserError(f"level '{name}': {error}") from None
        return plain, level


def check_name(name: str) -> None:
    """Raise UserError unless a name can be a folder's name and a row's title: letters, digits, "_", "-", "."."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise UserError(f"'{name}' cannot name a method; use letters, digits, '_', '-' and '.', at most 64")


def discover(plugins: tuple[Path, ...] = ()) -> Found:
    """All methods, degradations and metrics: ours, then files, then installed entry points.

    Raises UserError when a plug-in file does not exist; one that exists and fails is a line in `problems`.
    """
    found = Found()
    for package in (degradations, methods):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not info.ispkg:
                _add(found, info.name, functools.partial(importlib.import_module, info.name), PARTS.values())
    for path in plugins:
        if not path.is_file():
            raise UserError(f"plug-in file {path} does not exist")
        _add(found, f"plug-in {path}", functools.partial(_load_file, path), (*PARTS.values(), _add_metrics))
    for group, part in PARTS.items():  # those of restorebench.metrics are in METRICS already
        for point in entry_points(group=group):
            _add(found, f"entry point {point.name}", point.load, (part,))
    return found


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"restorebench_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"plug-in file {path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up while it loads
    spec.loader.exec_module(module)
    return module


def _add(found: Found, label: str, load: Callable[[], ModuleType], parts: Iterable[Part]) -> None:
    """Take parts of a module; whatever goes wrong becomes a line, since the rest can do without it."""
    try:
        module = load()
    except (Exception, SystemExit) as error:
        found.problems.append(_problem(label, error))
        return
    for part in parts:
        try:
            part(found, module)
        except Exception as error:
            found.problems.append(_problem(label, error))


def _problem(label: str, error: BaseException) -> str:
    reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return " ".join(f"{label}: {reason}; left out".split())


def _add_degradation(found: Found, module: ModuleType) -> None:
    task = getattr(module, "TASK", None)
    if task is None:
        return
    levels = dict(getattr(module, "LEVELS", {}))
    if not isinstance(task, Task) or not all(isinstance(each, Degradation) for each in levels.values()):
        raise UserError("TASK must be a degradations.base.Task, and LEVELS name instances of Degradation")
    for name in (task.train, *task.levels):
        if name not in levels:
            raise UserError(f"task '{task.name}' trains on or scores level '{name}', which LEVELS does not have")
    if task.name in found.tasks:
        raise UserError(f"task '{task.name}' is defined twice; the second is in {module.__name__}")
    found.tasks[task.name] = task
    found.levels[task.name] = levels


def _add_methods(found: Found, module: ModuleType) -> None:
    entries = {
        name: MethodEntry(name, _owner(name, config, module), config, module.__name__)
        for name, config in getattr(module, "METHODS", {}).items()
    }
    for name in entries:
        if name in found.methods:
            raise UserError(f"method '{name}' is defined twice: {found.methods[name].module} and {module.__name__}")
        check_name(name)
    found.methods |= entries


def _owner(name: str, config: object, module: ModuleType) -> type[Method]:
    """The class that a configuration is for: it declares this Config, or is the one of its file that inherits it."""
    classes = [each for each in vars(module).values() if inspect.isclass(each) and issubclass(each, Method)]
    own = [each for each in classes if each.__module__ == module.__name__]
    declaring = [each for each in own if each.__dict__.get("Config") is type(config)]
    inheriting = [each for each in own if getattr(each, "Config", None) is type(config)]
    imported = [each for each in classes if each.__dict__.get("Config") is type(config)]
    owners = declaring or inheriting or imported
    if not owners:
        raise UserError(f"{module.__name__}: METHODS['{name}'] must be the Config of a Method class of that file")
    if len(owners) > 1:
        both = " and ".join(each.__name__ for each in owners)
        raise UserError(f"{module.__name__}: METHODS['{name}'] fits {both}; declare a Config of its own in each")
    return owners[0]


def _add_metrics(found: Found, module: ModuleType) -> None:
    declared = getattr(module, "METRICS", ())
    if not isinstance(declared, tuple) or not all(isinstance(each, Metric) for each in declared):
        raise UserError("METRICS must be a tuple of bench.metrics.base.Metric")
    new = collect([module])
    for name in new:
        if name in found.metrics:
            raise UserError(f"metric '{name}' exists already; give the one in {module.__name__} another id")
    found.metrics |= new


Part = Callable[[Found, ModuleType], None]
PARTS: dict[str, Part] = {"restorebench.degradations": _add_degradation, "restorebench.methods": _add_methods}
