"""The board in a browser, opened from a file: no network, no blocked code, keyboard, phone, both themes."""

from __future__ import annotations

import pytest

from reports.site import build
from tests.make_runs import make_runs


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    base = tmp_path_factory.mktemp("board")
    return build(make_runs(base / "runs", ("mosaic", "hole"), images=8, side=48), base / "site").parent


def names(page):
    cells = page.locator("#board tbody:not(.lost) th.method").all_inner_texts()
    return [text.split()[0] for text in cells]


def contents(page):
    return page.evaluate(
        "[...document.querySelectorAll('#board tr')].map(r => [...r.cells].map(c => [c.className, c.title, c.innerText,"
        "c.querySelector('path')?.getAttribute('d') ?? '', c.getAttribute('aria-sort') ?? '']))"
    )


@pytest.mark.parametrize("name", ["index.html", "mosaic.html", "hole.html"])
def test_pages_load_all_their_pictures_from_a_file(page, site, name):
    page.goto((site / name).as_uri())
    page.evaluate(  # decode() waits for a picture and fails without one; wait_for_function is against the page's policy
        "Promise.all([...document.querySelectorAll('.strip img')]"
        ".map(i => { i.loading = 'eager'; return i.decode(); }))"
    )
    assert page.evaluate("[...document.querySelectorAll('.strip img')].every(i => i.naturalWidth > 0)")
    assert page.locator(".strip img").count() > 0


def test_script_draws_the_same_table_as_the_template(page, site):
    page.goto((site / "mosaic.html").as_uri())
    first = contents(page)
    page.get_by_label("perceptual").check()
    assert contents(page) != first
    page.get_by_label("overview").check()
    assert contents(page) == first


def test_sorting_by_header_with_the_keyboard(page, site):
    page.goto((site / "mosaic.html").as_uri())
    button = page.locator("[data-sort=psnr]")
    button.focus()
    page.keyboard.press("Enter")
    head = page.locator("th", has=page.locator("[data-sort=psnr]"))
    assert head.get_attribute("aria-sort") == "descending"
    best_first = names(page)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    oracles = ["telea"]
    assert names(page)[:-1] == best_first[:-1][::-1]
    assert names(page)[-1:] == best_first[-1:] == oracles
    assert page.locator("th[aria-sort=ascending], th[aria-sort=descending]").count() == 1


def test_switches_search_and_the_address(page, site):
    page.goto((site / "mosaic.html").as_uri())
    before = page.locator("#board tbody td.num .value").first.inner_text()
    page.get_by_label("whole").check()
    page.get_by_label("mosaic_c16").check()
    assert page.locator("#board tbody td.num .value").first.inner_text() != before
    page.get_by_label("find a method").fill("unet")
    assert names(page) == ["unet_l1"]
    assert "level=mosaic_c16" in page.url
    assert "region=whole" in page.url
    page.reload()
    assert names(page) == ["unet_l1"]
    assert page.get_by_label("mosaic_c16").is_checked()


def test_nonsense_in_the_address_is_ignored(page, site):
    page.goto((site / "mosaic.html").as_uri() + "#level=none&show=toString&sort=__proto__&way=up")
    assert len(names(page)) == 7


def test_what_is_unavailable_says_why(page, site):
    page.goto((site / "mosaic.html").as_uri())
    page.get_by_label("perceptual").check()
    assert "weights not found" in page.locator("#told").inner_text()


def test_theme_follows_the_system_and_the_button(page, site):
    page.emulate_media(color_scheme="dark")
    page.goto((site / "index.html").as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.locator("#theme").click()
    light = page.evaluate(colour)
    assert light == "rgb(255, 255, 255)" != dark
    page.reload()
    assert page.evaluate(colour) == light
    page.locator("#theme").click()
    assert page.evaluate(colour) == dark
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('.board .method')).backgroundColor") == light


@pytest.mark.parametrize("width", [360, 800, 1920])
@pytest.mark.parametrize("name", ["index.html", "mosaic.html"])
def test_nothing_is_wider_than_the_screen(page, site, name, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto((site / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("innerWidth") == width


def test_works_without_script(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "mosaic.html").as_uri())
    assert "pix2pix" in page.locator("#board").inner_text()
    assert not page.locator("#controls").is_visible()
    context.close()
