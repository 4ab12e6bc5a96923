"""The comparison and the method pages in a browser, from a file: links, viewer, address, phone, untrusted names."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from PIL import Image

from bench.results import store
from reports.site import build
from tests.make_runs import Made, draw, make_runs

EVIL = "<img src=x onerror=alert(1)>"
NEW = (Made("rises", 0.7), Made(EVIL, 0.4), Made("identity", 0.0, seeds=(0,), trained=False))
OLD = tuple(replace(each, quality={"rises": 0.5, EVIL: 0.6}.get(each.name, 0.0)) for each in NEW)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    base = tmp_path_factory.mktemp("against")
    new, old = (make_runs(base / name, ("mosaic",), made, 8, 48) for name, made in (("new", NEW), ("old", OLD)))
    for folder in store.find_runs(new):
        run = store.read_run(folder)
        if run.method == "rises":
            run.about = f"# rises\n\n**Idea.** {EVIL}\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n```\n{'wide ' * 60}\n```\n"
            store.write_run(folder, run)
            for percent in (25, 50, 75):
                path = store.sample_path(folder, percent, "mosaic_c8", "photo_0000")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw(percent, 48)).save(path)
    return build(new, base / "site", old).parent


def method_file(site, name):
    return next(path for path in (site / "methods").iterdir() if path.stem.startswith(name))


def all_pictures_load(page):
    """Raises where one does not."""
    page.evaluate("document.querySelectorAll('img').forEach(i => { i.loading = 'eager'; })")
    page.evaluate("Promise.all([...document.querySelectorAll('.strip img')].map(i => i.decode()))")


def test_the_comparison_shows_what_rose_and_fell(page, site):
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="run against run").click()
    all_pictures_load(page)
    worse = page.locator("section", has=page.locator("#table-worse")).inner_text()
    better = page.locator("section", has=page.locator("#table-better")).inner_text()
    assert EVIL in worse and "rises" not in worse
    assert "rises" in better and "psnr" in better
    assert page.locator("section", has=page.locator("#pictures-rose")).locator(".strip").count() == 4


def test_the_viewer_flips_before_now_and_truth_and_the_address_keeps_it(page, site):
    page.goto((site / "against.html").as_uri())
    page.locator("section", has=page.locator("#pictures-rose")).locator("a.picture").nth(2).click()
    shown = page.locator("#viewer img:visible").first
    assert shown.get_attribute("src").endswith("/new.png")
    page.keyboard.press("2")
    assert shown.get_attribute("src").endswith("/old.png")
    page.keyboard.press("0")
    assert shown.get_attribute("src").endswith("/truth.png")
    page.wait_for_url(re.compile("v.show=truth"))  # written a moment after
    address = page.url
    other = page.context.new_page()
    other.goto("about:blank")
    other.goto(address)
    assert other.locator("#viewer img:visible").first.get_attribute("src") == shown.get_attribute("src")


def test_a_method_page_leads_there_and_back(page, site):
    page.goto((site / "against.html").as_uri())
    page.locator("section", has=page.locator("#table-better")).get_by_role("link", name="rises").first.click()
    assert page.locator("h1").inner_text() == "rises"
    all_pictures_load(page)
    assert page.locator(".strip img").count() == 6
    page.locator("a.picture").nth(2).click()
    shown = page.locator("#viewer img:visible").first
    assert shown.get_attribute("src").endswith("/at-50.png") and shown.evaluate("i => i.naturalWidth") > 0
    page.keyboard.press("Escape")
    page.get_by_role("link", name="mosaic").first.click()
    assert page.url.endswith("/mosaic.html")


def test_names_and_words_of_strangers_stay_text(page, site):
    for path in (method_file(site, "img"), method_file(site, "rises")):
        page.goto(path.as_uri())
        assert EVIL in page.locator("main").inner_text()
        assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("name", ["against.html", "methods/rises.html"])
def test_nothing_is_wider_than_the_screen(page, site, name, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto((site / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["against.html", "methods/rises.html"])
def test_axe_finds_nothing_serious(opened, serious, site, name, scheme):
    page = opened(color_scheme=scheme)
    page.goto((site / name).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert serious(page) == []


def test_axe_finds_nothing_serious_in_the_viewer(page, serious, site):
    page.goto((site / "against.html").as_uri())
    page.locator("a.picture").first.click()
    page.locator("#viewer").wait_for()
    assert serious(page, "#viewer") == []


def test_it_works_without_script(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "against.html").as_uri())
    assert "Better than before" in page.locator("main").inner_text()
    context.close()
