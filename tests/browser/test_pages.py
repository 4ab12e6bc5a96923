"""A task page in a browser: filters, numbers that lead to pictures, exports, print, and what axe-core finds."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bench.results import store
from reports.site import build
from reports.text import safe_name
from tests.make_runs import METHODS, Made, base_run, make_runs, write_inputs, write_one

HOSTILE = "<img src=x onerror=alert(1)>&|\\_%$#{}~^'\""
FORMULA = "=1+2"
FINISHED = ["pix2pix", "unmask_v2", "unet_l1", "arnet", "nonlocal_means", "identity", "telea"]


def give_shuffled(root):
    """What other pictures' truth scores, far below everything: as scoring stores it."""
    for run in {
        each.digests["inputs"]: each for each in map(store.read_run, store.find_runs(root)) if each.metrics
    }.values():
        rows = [
            {"level": level, "region": region, "image_id": f"photo_{n:04d}", "metric": metric, "value": value + n / 100,
             "fingerprint": run.metrics[metric]["fingerprint"]}
            for metric, value in (("psnr", 9.0), ("lpips_squeeze", 0.9))
            for level in ("mosaic_c8", "mosaic_c16") for region in ("lost", "whole") for n in range(8)
        ]  # fmt: skip
        store.write_shuffled(root, run, rows)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    base = tmp_path_factory.mktemp("pages")
    runs = make_runs(base / "runs", ("mosaic",), images=8, side=48)
    give_shuffled(runs)
    return build(runs, base / "site").parent


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Methods with names that would run, break a format or leave the page, one of them failed."""
    base = tmp_path_factory.mktemp("hostile")
    made = [Made(HOSTILE, 0.6, seeds=(0,)), Made(FORMULA, 0.5, seeds=(0,)), METHODS[6]]
    pictures = ["photo_0000", "photo_0001"]
    for each in made:
        write_one(base / "runs", base_run("mosaic", each, 0), each, pictures, 32)
    write_inputs(base / "runs", base_run("mosaic", made[0], 0), pictures, 32)
    lost = base_run("mosaic", Made("lost", 0), 0)
    lost.status, lost.reason = store.ERROR, HOSTILE
    store.write_run(store.run_folder(base / "runs", "mosaic", "lost", lost.run_id), lost)
    return build(base / "runs", base / "site").parent


@pytest.fixture
def mosaic(page, site):
    page.goto((site / "mosaic.html").as_uri())
    return page


def names(page):
    return page.locator("#board tbody:not(.lost) th.method a").all_inner_texts()


def exported(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    text = page.locator("#export-text").input_value()
    page.get_by_role("button", name="close", exact=True).click()
    return text


# --------------------------------------------------------------------------------------------------------- the table


def test_filters_narrow_the_rows_and_live_in_the_address(mosaic):
    assert names(mosaic) == FINISHED
    mosaic.locator("#trained").select_option("trained")
    assert names(mosaic) == FINISHED[:4]
    mosaic.locator("#seeds").select_option("claim")
    assert names(mosaic) == FINISHED[:3], "arnet has two of three"
    assert "3 of 7 methods" in mosaic.locator("#told").inner_text()
    mosaic.reload()
    assert names(mosaic) == FINISHED[:3]
    mosaic.locator("#trained").select_option("untrained")
    mosaic.locator("#mask").select_option("yes")
    assert names(mosaic) == ["telea"]
    mosaic.locator("#mask").select_option("no")
    assert names(mosaic) == ["nonlocal_means", "identity"]


def test_sanity_rows_come_and_go(mosaic):
    shuffled = mosaic.locator("#shuffled")
    assert shuffled.is_visible()
    assert shuffled.locator(".value").first.inner_text() == "0.935"
    mosaic.get_by_label("mosaic_c16").check()
    mosaic.get_by_label("kept").check()
    assert not shuffled.is_visible(), "not scored there"
    mosaic.get_by_label("whole").check()
    assert shuffled.is_visible()
    mosaic.get_by_label("sanity rows").uncheck()
    assert not shuffled.is_visible()
    assert "identity" not in names(mosaic)


def test_failed_rows_stand_at_the_foot_with_their_reason(mosaic):
    lost = mosaic.locator("#board tbody.lost tr")
    assert lost.count() == 4
    assert "non-finite critic loss" in lost.first.inner_text()
    mosaic.get_by_label("fidelity").check()
    assert lost.first.locator("td.reason").get_attribute("colspan") == "2"


def test_the_best_is_shaded_most_and_the_input_not_at_all(mosaic):
    shade = "[...document.querySelectorAll('#board tbody:first-of-type tr')].map(r => r.cells[4].className)"
    found = mosaic.evaluate(shade)
    assert "h5" in found[0]
    assert not any(part.startswith("h") for part in found[FINISHED.index("identity")].split())


def test_a_number_leads_to_its_methods_pictures_and_back(mosaic):
    mosaic.get_by_label("mosaic_c16").check()
    row = mosaic.locator("#board tbody tr", has_text="unet_l1")
    row.locator("a.value").first.click()
    mosaic.locator("#viewer").wait_for()
    mosaic.wait_for_timeout(400)
    told = parse_qs(mosaic.url.split("#")[1])
    assert (told["level"], told["v.level"], told["v.show"], told["v.of"]) == (["mosaic_c16"],) * 2 + (
        ["m-unet_l1"],
    ) * 2
    mosaic.keyboard.press("Escape")
    assert mosaic.get_by_role("radio", name="mosaic_c16").is_checked()
    assert row.locator("a.value").first.evaluate("e => e === document.activeElement")


def test_arrows_walk_over_the_numbers(mosaic):
    stops = mosaic.evaluate("[...document.querySelectorAll('a.value')].filter(e => e.tabIndex === 0).length")
    assert stops == 1
    mosaic.locator("a.value").first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "ArrowUp"):
        mosaic.keyboard.press(key)
    place = "e => [e.closest('tr').rowIndex, e.closest('td').cellIndex]"
    assert mosaic.locator(":focus").evaluate(place) == [1, 4]


# ----------------------------------------------------------------------------------------------------------- exports


def test_csv_is_what_is_shown(mosaic):
    mosaic.get_by_label("fidelity").check()
    mosaic.locator("[data-sort=psnr]").click()
    mosaic.locator("[data-sort=psnr]").click()
    mosaic.locator("#trained").select_option("trained")
    rows = list(csv.DictReader(io.StringIO(exported(mosaic, "CSV"))))
    assert [row["method"] for row in rows if row["seeds"][:4] != "seed"][:4] == names(mosaic)
    shown = mosaic.locator("#board tbody tr").first
    first = rows[0]
    assert first["psnr ↑ (lost dB)"] == shown.locator(".value").nth(0).inner_text()
    assert float(first["psnr ↑ (lost dB) lo"]) < float(first["psnr ↑ (lost dB)"]) < float(first["psnr ↑ (lost dB) hi"])
    assert float(first["psnr ↑ (lost dB) gain"]) > 0
    assert first["seeds"] == "2/3"
    assert "non-finite critic loss" in next(row["note"] for row in rows if row["seeds"] == "seed 2")


def test_markdown_and_latex_are_what_is_shown(mosaic):
    mosaic.get_by_label("find a method").fill("pix")
    mosaic.get_by_label("fidelity").check()
    value = mosaic.locator("#board tbody .value").first.inner_text()
    lines = exported(mosaic, "Markdown").splitlines()
    assert lines[0] == "mosaic, level all, region lost".replace("_", "&#95;")
    assert lines[2].startswith("| rank | method | seeds | psnr ↑ (lost dB) | ssim ↑ (lost) |")
    assert f"| pix2pix | 3 | **{value}** (+" in lines[4]
    assert {line.count("|") for line in lines[2:]} == {6}
    latex = exported(mosaic, "LaTeX")
    assert "\\begin{tabular}{rlrrr}" in latex
    assert f"pix2pix & 3 & \\textbf{{{value}}} {{\\scriptsize +" in latex
    assert "\\multicolumn{2}{l}{diverged" in latex
    mosaic.get_by_label("intervals as numbers").check()
    assert "[" in exported(mosaic, "Markdown").splitlines()[4]


def test_an_export_can_be_downloaded_and_copied(mosaic):
    mosaic.get_by_role("button", name="CSV", exact=True).click()
    with mosaic.expect_download() as waiting:
        mosaic.get_by_role("link", name="download", exact=True).click()
    assert waiting.value.suggested_filename == "mosaic.csv"
    assert Path(waiting.value.path()).read_text() == mosaic.locator("#export-text").input_value()
    mosaic.get_by_role("button", name="copy", exact=True).click()
    mosaic.wait_for_timeout(100)
    assert mosaic.locator("#export-said").inner_text() in ("copied", "press Ctrl+C")


def test_hostile_names_stay_text_on_every_page_and_in_every_format(page, hostile):
    for path in sorted(hostile.rglob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    page.goto((hostile / "mosaic.html").as_uri())
    page.get_by_label("fidelity").check()
    assert names(page)[0] == HOSTILE
    rows = list(csv.DictReader(io.StringIO(exported(page, "CSV"))))
    assert {row["method"] for row in rows} >= {HOSTILE, f"'{FORMULA}"}
    markdown, latex = exported(page, "Markdown"), exported(page, "LaTeX")
    assert "<img" not in markdown
    assert {line.count("|") for line in markdown.splitlines()[2:]} == {6}
    assert (
        "\\textless{}img src=x onerror=alert(1)\\textgreater{}\\&\\textbar{}\\textbackslash{}\\_\\%\\$\\#\\{\\}"
        in latex
    )
    badge = (hostile / "badges" / f"{safe_name(HOSTILE)}.svg").read_text()
    assert "<img" not in badge
    assert "<img" not in (hostile / "README-table.md").read_text()


# ------------------------------------------------------------------------------------------------- print, accessibility


def test_print_leaves_out_what_cannot_be_used_on_paper(mosaic):
    mosaic.emulate_media(media="print")
    for hidden in ("#controls", "#theme", "header.site nav"):
        assert not mosaic.locator(hidden).is_visible()
    assert mosaic.locator("#board").is_visible()
    assert len(re.findall(rb"/Type\s*/Page[^s]", mosaic.pdf(prefer_css_page_size=True))) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "mosaic.html", "methods/pix2pix.html"])
def test_axe_finds_nothing_serious(opened, serious, site, name, scheme):
    page = opened(color_scheme=scheme)
    page.goto((site / name).as_uri())
    assert serious(page) == []
