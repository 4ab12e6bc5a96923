"""What a method is, in words: its documentation page, or what its code says of itself.

The words are stored with each run, so that a board can show them wherever it is made.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import methods
from bench.discovery import MethodEntry

PAGES = "docs/methods"


def about(entry: MethodEntry) -> str:
    """Markdown: the page whose title names the method, else the docstrings of its class and module; "" without any."""
    if entry.module.startswith("methods."):
        for path in _pages():
            text = path.read_text(encoding="utf-8")
            title = text.partition("\n")[0].lstrip("# ")
            if entry.name in (name.strip() for name in title.split(",")):
                return text
    module = sys.modules.get(entry.cls.__module__)
    words = (inspect.cleandoc(each.__doc__ or "") for each in (entry.cls, module) if each is not None)
    return "\n\n".join(each for each in words if each)


def _pages() -> Iterator[Path]:
    """Our documentation pages: of this checkout, else those installed with the package."""
    checkout = Path(methods.__path__[0]).parent / PAGES
    if checkout.is_dir():
        yield from sorted(checkout.glob("*.md"))
        return
    try:
        installed = files("restorebench") or []
    except PackageNotFoundError:
        return
    yield from (
        Path(str(each.locate())) for each in installed if str(each).endswith(".md") and PAGES in each.as_posix()
    )
