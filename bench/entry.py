"""A row of the board before it runs: a method's class with its settings, and the digest of its code."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import methods
from bench.errors import UserError, unknown
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
        known = {each.name for each in dataclasses.fields(self.config) if each.init}
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
