"""The picture viewer in a browser, opened from a file: what the keys do, and what the pixels on the screen then are."""

from __future__ import annotations

import io
from dataclasses import replace
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image

from reports.site import build
from tests.make_runs import METHODS, Made, base_run, make_runs, write_inputs, write_one

SIDE = 48
HOSTILE = "<img src=x onerror=alert(1)>&'\"$&"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    base = tmp_path_factory.mktemp("viewer")
    return build(make_runs(base / "runs", ("mosaic",), images=8, side=SIDE), base / "site").parent


def go(page, site, **view):
    """Open the task page at a view; a list stands for a name given several times."""
    given = [(name, each) for name, value in view.items() for each in (value if isinstance(value, list) else [value])]
    page.goto("about:blank")
    page.goto((site / "mosaic.html").as_uri() + "#" + "&".join(f"v.{name}={value}" for name, value in given))
    page.locator("#viewer").wait_for()
    loaded(page)
    return page


def until(page, expression):
    """Wait for something of the page; playwright's own way needs eval, which the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never came true: {expression}")


def loaded(page):
    until(page, "[...document.querySelectorAll('.v-stage img:not([hidden])')].every(i => i.complete)")


def screen(page):
    """What is painted, uint8 H×W×3."""
    loaded(page)
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


def sheets(page):
    """The boxes of the pictures on the stage, one per pane, without those under the magnifier."""
    return [each.bounding_box() for each in page.locator(".frame > .sheet").all()]


def stored(page, site, name):
    """A column's picture of the view, int H×W×3."""
    picture = page.evaluate("document.querySelector('.frame > .sheet .image').getAttribute('src')")
    return np.asarray(Image.open((site / picture).parent / f"{name}.png")).astype(int)


def pixels(page, box, side=SIDE):
    """What is painted in a box, read at the middle of every pixel of the picture, int side×side×3."""
    painted, zoom = screen(page), box["width"] / side
    at = ((np.arange(side) + 0.5) * zoom).astype(int)
    return painted[np.ix_(round(box["y"]) + at, round(box["x"]) + at)].astype(int)


def comes_to_show(page, expected, within=0):
    """Whether the first pane comes to show a picture: filters are painted some frames after the key that asked."""
    for _ in range(30):
        if np.abs(pixels(page, sheets(page)[0]) - expected).max() <= within:
            return True
        page.wait_for_timeout(100)
    return False


def shown(page):
    return page.locator("#viewer-rows tr.on button").all_inner_texts()


def address(page):
    page.wait_for_timeout(400)  # it is written when the view has been still for a moment
    return parse_qs(page.evaluate("location.hash.slice(1)"))


def test_number_keys_flip_in_place_pixel_for_pixel(page, site):
    go(page, site, order="disagreement")
    before = sheets(page)
    columns = page.evaluate("JSON.parse(document.getElementById('gallery').textContent).columns.map(c => c.id)")
    assert columns[-1] == "truth"
    for key, name in zip("12340", [*columns[:4], "truth"], strict=True):
        page.keyboard.press(key)
        assert comes_to_show(page, stored(page, site, name))
    assert sheets(page) == before
    assert before[0]["width"] % SIDE == 0
    page.keyboard.press("ArrowDown")
    assert shown(page) == ["degraded"]
    page.keyboard.press("ArrowUp")
    assert shown(page) == ["truth"]


def test_wipe_shows_one_picture_left_of_the_line_and_the_other_right(page, site):
    go(page, site, order="disagreement", mode="wipe", show="truth", wipe=50)
    left, right = stored(page, site, "degraded"), stored(page, site, "truth")
    half = SIDE // 2
    found = pixels(page, sheets(page)[0])
    assert np.array_equal(found[:, : half - 1], left[:, : half - 1])
    assert np.array_equal(found[:, half + 1 :], right[:, half + 1 :])
    box = sheets(page)[0]
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60)
    page.mouse.up()
    assert float(page.locator("#viewer-wipe").input_value()) == pytest.approx(25, abs=0.5)
    found = pixels(page, sheets(page)[0])
    assert np.array_equal(found[:, SIDE // 4 + 2 :], right[:, SIDE // 4 + 2 :])
    for _ in range(3):
        page.keyboard.press(".")
    assert float(page.locator("#viewer-wipe").input_value()) == pytest.approx(40, abs=0.5)
    page.locator("#viewer-with").select_option(label="pix2pix")
    assert sorted(shown(page)) == ["pix2pix", "truth"]


def in_step(page):
    """Whether every pane shows the same place of the picture at the same size."""
    views = page.evaluate(
        "[...document.querySelectorAll('.frame')].map(f => { const s = f.firstChild.style;"
        "return [f.clientWidth, f.clientHeight, s.left, s.top, s.width, s.height].join() })"
    )
    return len(views) > 1 and len(set(views)) == 1


def test_panes_zoom_and_move_in_step(page, site):
    go(page, site, order="disagreement", mode="side")
    assert [caption.strip() for caption in page.locator(".caption").all_inner_texts()] == ["degraded", *shown(page)[1:]]
    assert in_step(page)
    first = sheets(page)[0]
    second = page.locator(".frame").nth(1).bounding_box()
    spot = second["x"] + second["width"] * 0.4, second["y"] + second["height"] * 0.6
    page.mouse.move(*spot)
    page.mouse.wheel(0, -100)
    assert in_step(page)
    assert sheets(page)[0]["width"] > first["width"]
    for _ in range(8):
        page.mouse.wheel(0, -100)
    before = sheets(page)
    page.mouse.down()
    page.mouse.move(spot[0] + 30, spot[1] - 20)
    page.mouse.up()
    assert in_step(page)
    moved = [(b["x"] - a["x"], b["y"] - a["y"]) for a, b in zip(before, sheets(page), strict=True)]
    assert moved == [(pytest.approx(30, abs=1), pytest.approx(-20, abs=1))] * 3
    page.keyboard.press("3")
    page.keyboard.press("4")
    assert in_step(page)
    assert len(sheets(page)) == len(shown(page)) == 5
    page.keyboard.press("3")
    assert len(sheets(page)) == 4
    page.keyboard.press("Home")
    assert in_step(page)


def test_enlarging_keeps_the_point_under_the_pointer(page, site):
    go(page, site, order="disagreement", zoom=16)
    page.wait_for_timeout(50)
    box = sheets(page)[0]
    spot = 500, 300
    at = (spot[0] - box["x"]) / 16, (spot[1] - box["y"]) / 16
    page.mouse.move(*spot)
    page.mouse.wheel(0, -100)
    assert page.locator("#viewer-zoom").inner_text() == "×24"
    box = sheets(page)[0]
    assert ((spot[0] - box["x"]) / 24, (spot[1] - box["y"]) / 24) == pytest.approx(at, abs=0.1)
    shot = screen(page)
    assert page.evaluate("getComputedStyle(document.querySelector('.layer .image')).imageRendering") == "pixelated"
    name = page.locator(".frame > .sheet .image").first.get_attribute("src").rsplit("/", 1)[1][:-4]
    assert tuple(shot[spot[1], spot[0]]) == tuple(stored(page, site, name)[int(at[1]), int(at[0])])


def test_magnifier_follows_the_pointer_in_all_panes(page, site):
    go(page, site, order="disagreement", mode="side")
    page.keyboard.press("z")
    box = sheets(page)[1]
    zoom = box["width"] / SIDE
    page.mouse.move(box["x"] + 20.5 * zoom, box["y"] + 30.5 * zoom)
    lenses = page.locator(".lens")
    assert lenses.count() == 3
    assert page.locator(".lens .sheet").first.bounding_box()["width"] == pytest.approx(3 * box["width"], abs=3)
    painted = screen(page)
    names = [page.evaluate(f"document.querySelectorAll('.frame > .sheet .image')[{at}].src") for at in range(3)]
    for lens, name in zip(lenses.all(), names, strict=True):
        at = lens.bounding_box()
        middle = round(at["y"] + at["height"] / 2), round(at["x"] + at["width"] / 2)
        assert np.array_equal(painted[middle], stored(page, site, name.rsplit("/", 1)[1][:-4])[30, 20])
    page.keyboard.press("Shift+ArrowRight")
    assert float(address(page)["v.lens"][0].split()[0]) > 21


def test_error_map_is_the_difference_from_the_truth(page, site):
    go(page, site, order="disagreement", show="degraded", error=4)
    truth, degraded = stored(page, site, "truth"), stored(page, site, "degraded")
    strength = np.minimum(np.abs(truth - degraded).mean(axis=2) * 4 / 255, 1)
    assert (strength == 0).any()
    assert (strength == 1).any()
    tables = page.locator("#viewer-error feComponentTransfer > *").evaluate_all(
        "all => all.map(f => f.getAttribute('tableValues').split(' ').map(Number))"
    )
    expected = np.stack([np.interp(strength, np.linspace(0, 1, len(each)), each) for each in tables], axis=-1) * 255
    assert comes_to_show(page, expected, within=3)
    assert "64 or more" in page.locator("#viewer-legend").inner_text()
    page.keyboard.press("0")
    assert comes_to_show(page, np.zeros_like(truth))
    page.locator("#viewer-gain").select_option("16")
    assert "16 or more" in page.locator("#viewer-legend").inner_text()
    page.keyboard.press("e")
    assert comes_to_show(page, truth)


def test_lost_region_is_outlined_thinly_at_any_zoom(page, site):
    go(page, site, order="disagreement", show="truth", zoom=24)
    plain = screen(page)
    page.keyboard.press("m")
    changed = (screen(page) != plain).any(axis=2)
    assert changed.sum() > 200
    runs = np.diff(np.flatnonzero(np.diff(np.pad(changed[400].astype(int), 1))))[::2]
    assert runs.size
    assert runs.max() <= 28  # a step of the border lies along a row for one pixel of 24
    assert np.median(runs) <= 6


def test_orders_go_by_the_scores_and_say_so(page, site):
    go(page, site, order="worst", of="m-pix2pix", show="m-pix2pix")
    column = page.locator("#viewer-rows tr", has_text="pix2pix").locator("td.num").first
    count = int(page.locator("#viewer-count").inner_text().split("/")[1])
    values = []
    for _ in range(count):
        values.append(float(column.inner_text().split()[0]))
        page.keyboard.press("ArrowRight")
    assert values == sorted(values, reverse=True)
    assert page.locator("#viewer-count").inner_text() == f"1 / {count}"
    assert page.locator("#viewer-rule").inner_text() == "By lpips_squeeze on the lost region, pix2pix, the worst first."
    page.locator("#viewer-order").select_option("best")
    assert float(column.inner_text().split()[0]) == min(values)
    page.locator("#viewer-order").select_option("median")
    assert abs(float(column.inner_text().split()[0]) - np.median(values)) == min(
        abs(np.array(values) - np.median(values))
    )
    page.locator("#viewer-order").select_option("disagreement")
    assert "standard deviation over methods" in page.locator("#viewer-rule").inner_text()
    assert not page.locator("#viewer-of").is_visible()


def test_best_scores_are_marked_for_eye_and_ear(page, site):
    go(page, site, order="disagreement")
    marked = page.locator("#viewer-rows td.best").all_inner_texts()
    assert len(marked) >= 3
    assert all("best" in text for text in marked)
    rows = page.locator("#viewer-rows tr", has=page.locator("td.best")).locator("button").all_inner_texts()
    assert not {"degraded", "telea oracle", "truth"} & set(rows)


RICH = {
    "level": "mosaic_c16", "show": "m-unet_l1", "with": "m-arnet", "mode": "wipe", "zoom": 24, "x": 20.5, "y": 30.25,
    "wipe": 37.5, "error": 8, "outline": 1, "lens": "18.5+26", "order": "worst", "of": "m-pix2pix",
}  # fmt: skip


def test_address_restores_the_whole_view(opened, site):
    one, other = opened(), opened()
    go(one, site, **RICH)
    one.keyboard.press("ArrowRight")
    said = address(one)
    assert {f"v.{name}" for name in RICH} | {"v.image"} == set(said)
    one.mouse.move(1390, 890)
    other.goto(one.url)
    other.locator("#viewer").wait_for()
    loaded(other)
    assert address(other) == said
    assert np.array_equal(screen(other), screen(one))
    assert one.locator("#viewer-picture").inner_text() == other.locator("#viewer-picture").inner_text()


def test_panes_are_in_the_address_and_a_new_address_is_followed(page, site):
    go(page, site, order="best", mode="side", pane=["m-arnet", "truth", "m-telea"])
    assert shown(page) == ["arnet", "telea oracle", "truth"]
    page.keyboard.press("1")
    assert address(page)["v.pane"] == ["degraded", "m-arnet", "m-telea", "truth"]
    page.evaluate("location.hash = 'v.image=photo_0001&v.level=mosaic_c16'")
    until(page, "document.getElementById('viewer-picture').textContent === 'photo_0001'")
    page.evaluate("location.hash = ''")
    until(page, "!document.getElementById('viewer').open")


@pytest.mark.parametrize(
    "rubbish",
    [
        "v.image=nothing&v.level=none",
        "v.image=photo_0001&v.show=__proto__&v.with=constructor&v.mode=fly&v.zoom=-3&v.x=NaN&v.y=1e999&v.wipe=abc",
        "v.order=toString&v.of=truth&v.error=3&v.lens=a+b&v.pane=x&v.pane=&v.outline=yes",
        "v.order=&v.zoom=&v.x=&v.lens=1&v.lens=5+5+5&v.image=photo_0000",
        "v.image=%E0%A4%A&v.level=%",
        "v.=&=&&&v.order",
    ],
)
def test_rubbish_in_the_address_is_ignored(page, site, rubbish):
    page.goto((site / "mosaic.html").as_uri() + f"#{rubbish}")
    page.keyboard.press("2")
    if page.locator("#viewer").is_visible():
        loaded(page)
        assert len(sheets(page)) == 1
        page.keyboard.press("Escape")
    assert page.locator("#board").is_visible()


def test_the_table_keeps_its_part_of_the_address(page, site):
    page.goto((site / "mosaic.html").as_uri() + "#level=mosaic_c16")
    page.locator(".strip a.picture").first.click()
    assert address(page)["level"] == ["mosaic_c16"]
    assert "v.image" in address(page)
    page.keyboard.press("Escape")
    assert address(page) == {"level": ["mosaic_c16"]}
    assert page.get_by_label("mosaic_c16").first.is_checked()


def test_a_strip_on_the_overview_leads_to_the_picture(page, site):
    page.goto((site / "index.html").as_uri())
    link = page.locator(".strip a.picture").nth(1)
    name = link.get_attribute("aria-label").split(",")[0]
    link.click()
    page.locator("#viewer").wait_for()
    assert page.url.split("#")[0].endswith("/mosaic.html")
    assert shown(page) == [name]


def test_everything_by_keyboard_alone(page, site):
    page.goto((site / "mosaic.html").as_uri())
    link = page.locator(".strip a.picture").nth(1)
    link.focus()
    page.keyboard.press("Enter")
    page.locator("#viewer").wait_for()
    first = shown(page)
    said = page.locator("#viewer-said").inner_text()
    for key in "swemz+fz":
        page.keyboard.press(key)
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewer-said").inner_text() != said
    assert shown(page) == first
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.do ?? document.activeElement.id"))
    wanted = {
        "flip",
        "wipe",
        "side",
        "error",
        "outline",
        "lens",
        "smaller",
        "fit",
        "larger",
        "close",
        "previous",
        "next",
    }
    assert wanted | {"viewer-order", "viewer-level", "viewer-gain", "copy"} <= reached
    page.locator("#viewer-order").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#viewer-order").input_value() == "best"
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()
    assert link.evaluate("e => e === document.activeElement")


def test_every_control_has_a_name(page, site):
    go(page, site, order="worst", mode="wipe", error=4)
    for control in page.locator("#viewer button, #viewer select, #viewer input:not([hidden])").all():
        name = control.evaluate(
            "e => e.ariaLabel || [...(e.labels ?? [])].map(l => l.textContent).join() || e.textContent"
        )
        assert name.strip(), control.evaluate("e => e.outerHTML")
    assert page.locator("#viewer").get_attribute("aria-labelledby") == "viewer-picture"
    alts = page.locator(".frame > .sheet .image").evaluate_all("all => all.map(i => i.alt)")
    assert all("photo_" in alt for alt in alts)


def test_pictures_load_only_when_they_are_wanted(opened, site):
    page = opened(height=300)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "mosaic.html").as_uri())
    page.wait_for_load_state("networkidle")
    assert page.evaluate("[...document.querySelectorAll('main img')].every(i => i.loading === 'lazy')")
    assert not [url for url in asked if url.endswith((".png", ".svg"))]
    page.evaluate("location.hash = 'v.image=photo_0001&v.level=mosaic_c8'")
    page.locator("#viewer").wait_for()
    loaded(page)
    folders = {url.rsplit("/", 3)[-3] + "/" + url.rsplit("/", 2)[-2] for url in asked if url.endswith(".png")}
    assert folders == {"mosaic_c8/photo_0001"}
    assert not [url for url in asked if url.endswith(".svg")]


def test_hostile_names_stay_text(opened, tmp_path):
    names = ["photo_0000"]
    evil = Made(HOSTILE, 0.5, seeds=(0,))
    for each in (Made("evil", 0.5), METHODS[1], METHODS[6]):
        run = base_run("mosaic", each, 0)
        folder = write_one(tmp_path, run, each, names, 32)
        if each.name == "evil":
            rename(folder, run, evil.name)
    write_inputs(tmp_path, base_run("mosaic", METHODS[1], 0), names, 32)
    page = opened()
    page.goto((build(tmp_path, tmp_path / "site").parent / "mosaic.html").as_uri() + "#v.order=worst&v.mode=side")
    page.locator("#viewer").wait_for()
    evil_row = page.locator("#viewer-rows button", has_text=HOSTILE)
    assert evil_row.inner_text() == HOSTILE
    index = page.locator("#viewer-rows button").all_inner_texts().index(HOSTILE)
    page.locator("#viewer-of").select_option(label=HOSTILE)
    assert (
        page.locator("#viewer-rule").inner_text() == f"By lpips_squeeze on the lost region, {HOSTILE}, the worst first."
    )
    page.keyboard.press("f")
    page.keyboard.press(str(index + 1))
    assert page.locator(".caption").inner_text() == HOSTILE
    loaded(page)
    assert page.locator("#viewer img[src=x]").count() == 0
    assert page.evaluate("document.querySelector('.image').naturalWidth") == 32


def rename(folder, run, name):
    """Give a stored run another method's name."""
    from bench.results import store

    rows = store.read_scores(folder)
    rows["method"] = name
    store.write_scores(folder, rows.to_dict("records"))
    store.write_run(folder, replace(run, method=name))


def test_on_a_phone_a_swipe_flips_and_two_fingers_enlarge(opened, site):
    page = opened(width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=3)
    go(page, site, order="disagreement")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stage = page.locator("#viewer-stage").bounding_box()
    assert stage["width"] == 390
    assert stage["height"] > 844 / 3
    first = shown(page)
    touch(page, [[(300, 200)], [(200, 205)], [(150, 205)]])
    assert shown(page) != first
    touch(page, [[(150, 200)], [(250, 205)], [(320, 205)]])
    assert shown(page) == first
    width = sheets(page)[0]["width"]
    touch(page, [[(180, 200), (200, 200)], [(160, 200), (220, 200)], [(100, 200), (280, 200)]])
    assert sheets(page)[0]["width"] > width


def touch(page, path):
    """Move fingers along a path of their places, then lift them."""
    session = page.context.new_cdp_session(page)
    for at, places in enumerate(path):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if at else "touchStart", "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("width", [360, 800, 1920])
@pytest.mark.parametrize("mode", ["flip", "wipe", "side"])
def test_nothing_of_the_viewer_is_wider_than_the_screen(opened, site, width, mode):
    page = opened(width=width, height=800)
    go(page, site, order="worst", mode=mode, error=4)
    spans = page.evaluate(
        "[...document.querySelectorAll('#viewer button, #viewer select, #viewer input:not([hidden]), .frame')]"
        ".filter(e => e.offsetParent).map(e => e.getBoundingClientRect().right)"
    )
    assert max(spans) <= width
    assert page.evaluate(
        "document.querySelector('.v-side').scrollWidth <= document.querySelector('.v-side').clientWidth"
    )


def test_the_link_can_be_copied_or_is_offered_as_text(opened, site):
    page = opened()
    go(page, site, order="best", zoom=12)
    page.keyboard.press("c")
    until(
        page, "!document.getElementById('viewer-link').hidden || document.getElementById('viewer-copied').textContent"
    )
    if page.locator("#viewer-link").is_visible():
        assert "v.zoom=12" in page.locator("#viewer-link").input_value()
