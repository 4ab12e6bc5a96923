"""The page of a check in a browser, from a file: its verdict, its pictures, a phone, untrusted names, axe-core."""

from __future__ import annotations

import pytest

from bench.gate.compare import check
from bench.gate.outputs import write
from bench.gate.snapshot import take
from bench.gate.thresholds import Thresholds
from bench.results import store
from reports.gate import build
from tests.make_runs import LEVELS, Made, make_runs

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def check_page(tmp_path_factory):
    """The page on a method that fell, with its pictures of before and now; returns its path."""
    base = tmp_path_factory.mktemp("gate")
    old, new = (
        make_runs(base / name, ("mosaic",), (Made("falls", quality), Made(EVIL, 0.5)), 8, 48)
        for name, quality in (("old", 0.8), ("new", 0.4))
    )
    for folder in [*store.find_runs(old), *store.find_runs(new)]:
        run = store.read_run(folder)
        run.digests["checkpoint"] = run.run_id  # as training leaves it: no checkpoint is looked at, which needs torch
        run.digests |= {f"level {level}": level for level in LEVELS["mosaic"]}  # what scoring stores of its inputs
        store.write_run(folder, run)
    verdict = check(take(old), take(new), Thresholds(), "retrained")
    write(verdict, base / "site")
    return build(verdict.plain(), new, old, base / "site")


def test_the_verdict_stands_first_and_the_pictures_load(page, check_page):
    page.goto(check_page.as_uri())
    assert page.locator("h1").inner_text() == "Regressed"
    assert "falls" in page.locator("section", has=page.locator("#group-1")).inner_text()
    page.evaluate("document.querySelectorAll('img').forEach(each => { each.loading = 'eager'; })")
    page.evaluate("Promise.all([...document.querySelectorAll('.strip img')].map(each => each.decode()))")
    labels = page.locator(".strip").first.locator("figcaption").all_inner_texts()
    assert [each.split("\n")[0] for each in labels] == ["degraded", "before", "now", "truth"]


def test_names_of_strangers_stay_text(page, check_page):
    page.goto(check_page.as_uri())
    assert EVIL in page.locator("main").inner_text()
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_is_wider_than_the_screen(page, check_page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(check_page.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, serious, check_page, scheme):
    page = opened(color_scheme=scheme)
    page.goto(check_page.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert serious(page) == []
