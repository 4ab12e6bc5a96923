"""The site builds without a warning, and a page of it asks nothing of another host."""

import re
import subprocess
import sys

import pytest

from tests.pages import ROOT

pytest.importorskip("mkdocs", reason="the site needs the extra [docs]")
LOADED = re.compile(  # what a browser fetches by itself, from another host
    r"""<(?:script|img|iframe|source)[^>]+src=["']?(?:https?:)?//"""
    r"""|<link[^>]+href=["']?(?:https?:)?//[^>]*rel=["']?(?:stylesheet|preconnect|icon)"""
    r"""|<link[^>]+rel=["']?(?:stylesheet|preconnect|icon)[^>]+href=["']?(?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_fetched_from_elsewhere(site):
    assert LOADED.search('<script src="https://unpkg.com/x"></script>') and LOADED.search(
        '<link rel="icon" href="//x">'
    )
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        found = LOADED.search(page.read_text())
        assert not found, f"{page.name}: {found and found[0]}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?https?:", sheet.read_text()), sheet.name


def test_search_answers_without_a_server(site):
    """From a folder a browser starts no worker and fetches no JSON: index and stand-in come as scripts of our own."""
    assert (site / "search" / "search_index.js").read_text().startswith("var __index = ")
    assert '<script src="../assets/iframe-worker.js"' in (site / "reference" / "api.html").read_text()
    assert (site / "assets" / "iframe-worker.js").is_file()


def test_lists_are_lists(site):
    """A list without an empty line before it is one on GitHub, but running text on the site."""
    run_on = re.compile(r"<p>(?:(?!</p>).)*\n(?:[-*]|\d+\.) (?:(?!</p>).){,60}", re.DOTALL)
    for page in site.rglob("*.html"):
        found = run_on.search(page.read_text())
        assert not found, f"{page.name}: {found and found[0][-120:]}"


def test_pages_of_the_root_the_notebook_and_the_docstrings_are_on_it(site):
    assert "From a clone to a merged method" in (site / "contributing.html").read_text()
    assert "pd.concat" in re.sub(r"<[^>]+>", "", (site / "notebooks" / "compare.html").read_text())
    reference = (site / "reference" / "api.html").read_text()
    for name in ("run", "train", "score", "restore", "measure", "Settings", "Pictures", "Measurement"):
        assert re.search(rf'id="bench\.[\w.]*\b{name}"', reference), name
    assert "Train and score a whole suite" in reference
