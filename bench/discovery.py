"""Finds methods and degradations: in our folders, in installed plug-ins, in files given by path.

A module with METHODS holds methods, one with TASK and LEVELS a degradation. A plug-in that cannot be loaded is a line
in `Found.problems`; the rest goes on. (Metrics are found by bench.metrics itself.)
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import degradations
import methods
from bench.errors import UserError, unknown
from degradations.base import Degradation, Task
from methods.base import Method


@dataclass(frozen=True)
class MethodEntry:
    """A row of the board: a class, its configuration, and the module they come from."""

    name: str
    cls: type[Method]
    config: Any
    module: str

    def build(self) -> Method:
        """A fresh instance. Raises UserError when its settings are refused, or its code does not build."""
        try:
            return self.cls(self.config)
        except Exception as error:  # a plug-in's code may raise anything
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            raise UserError(f"method '{self.name}' cannot be built: {reason}") from error

    def override(self, changes: dict[str, Any]) -> MethodEntry:
        """The same method with some of its configuration replaced. Raises UserError on a wrong key or type."""
        known = {each.name for each in dataclasses.fields(self.config)}
        changes = dict(changes)
        for key, value in list(changes.items()):
            if key not in known:
                raise unknown(f"setting of method {self.name}", key, known)
            old = getattr(self.config, key)
            if isinstance(old, tuple) and isinstance(value, list):
                value = changes[key] = tuple(value)
            fits = isinstance(value, type(old)) or (isinstance(old, float) and type(value) is int)
            if old is not None and (not fits or isinstance(value, bool) != isinstance(old, bool)):
                raise UserError(f"methods.{self.name}.{key} must be {type(old).__name__}, got {value!r}")
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **changes))

    def code_digest(self) -> str:
        """Digest of the method's code and of what it imports from methods/; comments and docstrings do not count."""
        text = "".join(_code(path) for path in _sources(Path(inspect.getfile(self.cls))))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass
class Found:
    """Everything there is to run, by name."""

    methods: dict[str, MethodEntry] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    levels: dict[str, dict[str, Degradation]] = field(default_factory=dict)  # task -> level -> degradation
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


def _code(path: Path) -> str:
    """A file's syntax tree as text, without docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _sources(path: Path, known: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """A method's file and, in a fixed order, every file of methods/ that it imports, directly or not."""
    known = (*known, path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("methods."):
            part = Path(methods.__path__[0]).parent / (node.module.replace(".", "/") + ".py")
            if part not in known and part.is_file():
                known = _sources(part, known)
    return known


def check_name(name: str) -> None:
    """Raise UserError unless a name can be a folder's name and a row's title: letters, digits, "_", "-", "."."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise UserError(f"'{name}' cannot name a method; use letters, digits, '_', '-' and '.', at most 64")


def discover(plugins: tuple[Path, ...] = ()) -> Found:
    """All methods and degradations: ours, then files, then installed entry points.

    Raises UserError when a plug-in file does not exist; one that exists and fails is a line in `problems`.
    """
    found = Found()
    for package in (degradations, methods):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not info.ispkg:
                _add_module(found, info.name, functools.partial(importlib.import_module, info.name))
    for path in plugins:
        if not path.is_file():
            raise UserError(f"plug-in file {path} does not exist")
        _add_module(found, f"plug-in {path}", functools.partial(_load_file, path))
    for group in ("restorebench.methods", "restorebench.degradations"):
        for point in entry_points(group=group):
            _add_module(found, f"entry point {point.name}", point.load)
    return found


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"restorebench_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"plug-in file {path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up while it loads
    spec.loader.exec_module(module)
    return module


def _add_module(found: Found, label: str, load: Callable[[], ModuleType]) -> None:
    """Take a module's parts; whatever it raises becomes one line, since the rest can do without it."""
    try:
        module = load()
        _add_degradation(found, module)
        _add_methods(found, module)
    except Exception as error:
        found.problems.append(f"{label}: {type(error).__name__}: {error}; left out".replace("\n", " "))


def _add_degradation(found: Found, module: ModuleType) -> None:
    task = getattr(module, "TASK", None)
    if task is None:
        return
    if task.name in found.tasks:
        raise UserError(f"task '{task.name}' is defined twice; the second is in {module.__name__}")
    found.tasks[task.name] = task
    found.levels[task.name] = dict(module.LEVELS)


def _add_methods(found: Found, module: ModuleType) -> None:
    classes = [each for each in vars(module).values() if inspect.isclass(each) and issubclass(each, Method)]
    for name, config in getattr(module, "METHODS", {}).items():
        owner = next((each for each in classes if each.__dict__.get("Config") is type(config)), None)
        if owner is None:
            raise UserError(f"{module.__name__}: METHODS['{name}'] must be the Config of a Method class of that file")
        if name in found.methods:
            raise UserError(f"method '{name}' is defined twice: {found.methods[name].module} and {module.__name__}")
        check_name(name)
        found.methods[name] = MethodEntry(name, owner, config, module.__name__)
