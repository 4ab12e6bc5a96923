"""One Chromium for the tests of the board, and pages that fail on any complaint or request that leaves the folder."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--disable-sync"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser):
    """Opens pages: opened(width=1400, height=900, **options of a browser context)."""
    contexts, complaints = [], []

    def open_page(width=1400, height=900, **options):
        context = browser.new_context(
            **{"viewport": {"width": width, "height": height}, "color_scheme": "light", **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or complaints.append(f"asked for {r.url}"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(opened):
    return opened()


@pytest.fixture(scope="session")
def serious():
    """serious(page, inside="html"): the serious finds of axe-core there, as rule, element and what to mend."""
    source = _axe()

    def look(page, inside="html"):
        page.evaluate(source)
        run = "inside => axe.run(inside, {resultTypes: ['violations']}).then(result => result.violations)"
        found = page.evaluate(run, inside)
        return [
            (each["id"], node["html"][:160], node["failureSummary"][:200])
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"][:3]
        ]

    return look


def _axe():
    """The source of axe-core, from a package that carries it."""
    for name in ("axe_core_python", "axe_playwright_python"):
        found = importlib.util.find_spec(name)
        for folder in found.submodule_search_locations if found else ():
            for path in sorted(Path(folder).rglob("axe.min.js")):
                return path.read_text(encoding="utf-8")
    return pytest.skip("axe-core is not installed: pip install axe-core-python")
