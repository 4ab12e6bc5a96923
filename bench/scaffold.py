"""Starts a method of one's own: a file that trains, keeps the contract and stands on the board as it is."""

from __future__ import annotations

import re
import string
from pathlib import Path

from bench.discovery import check_name, discover
from bench.errors import UserError

TEMPLATES = Path(__file__).parent / "templates"


def new_method(name: str, folder: Path) -> tuple[Path, Path]:
    """Write FOLDER/NAME.py, a small GAN, and FOLDER/NAME.toml, a suite that trains and scores it; returns both.

    Raises UserError on a name that cannot be a row's, or is taken, and on files that exist: nothing is overwritten.
    """
    check_name(name)
    found = discover()
    if name in found.methods:
        raise UserError(f"there is a method '{name}' already, in {found.methods[name].module}; choose another name")
    texts = {
        folder / f"{name}.py": _filled("method.py.txt", name),
        folder / f"{name}.toml": _filled("suite.toml.txt", name),
    }
    for path in texts:
        if path.exists():
            raise UserError(f"{path} exists and is not overwritten; choose another name or --folder")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    code, suite = texts
    return code, suite


def class_name(name: str) -> str:
    """A Python class for a row: "my-net.2" gives "MyNet2Gan"."""
    words = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name))
    return f"{words}Gan" if words[:1].isalpha() else f"Method{words}Gan"


def _filled(template: str, name: str) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return string.Template(text).substitute(name=name, cls=class_name(name))
