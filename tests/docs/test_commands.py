"""Every command of README.md and docs/ is run, in the order of its page, in a folder such as the page speaks of."""

import re
import sys

import pytest

from tests.docs.conftest import shell, with_runs
from tests.pages import PAGES, ROOT, blocks

RUN = [page for page in PAGES if any(block.runnable() for block in blocks(page))]
TITLED = re.compile(r'^```\w+ title="([\w.]+)"\n(.*?)^```', re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_page_do_what_it_says(page, reader):
    for name, text in TITLED.findall(page.read_text()):
        (reader / name).write_text(text)
    lines = [line for block in blocks(page) for line in block.runnable()]
    said = shell("\n".join(with_runs(line, reader) for line in lines), reader)
    assert "Traceback" not in said, said


def test_python_of_its_page_runs_from_top_to_bottom(reader):
    code = "\n".join(PYTHON.findall((ROOT / "docs" / "python.md").read_text()))
    (reader / "page.py").write_text(code)
    said = shell(f'"{sys.executable}" page.py', reader)
    assert re.search(r"[+-]\d+\.\d\d dB \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\] over \d+ pictures", said), said


def test_pages_are_covered():
    """A page that loses its commands, or a reader that no longer sees them, fails here."""
    assert {page.name for page in RUN} >= {
        "README.md",
        "quick-start.md",
        "gate.md",
        "add-a-metric.md",
        "submissions.md",
    }
