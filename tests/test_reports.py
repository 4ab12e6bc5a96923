"""The board: tables, crops, drawings and pages from a fabricated runs folder."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from bench.errors import UserError
from bench.results import store
from reports.drawings.plots import perception_distortion, quality_cost
from reports.site import build
from reports.tables.board import CSV_COLUMNS, csv, task_board
from reports.tables.made import made
from reports.tables.scores import ALL
from reports.tables.select import natural, select
from reports.tables.views import start_rows, task_view
from reports.text import compact, csp_hash, decimals, listed, number, safe_name, signed
from tests.make_runs import METHODS, Made, base_run, make_runs, scalars, write_inputs, write_one

IMAGES = 10
GOOD, IDENTITY = METHODS[0], METHODS[6]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("runs"), ("mosaic", "hole"), images=IMAGES, side=48)


@pytest.fixture(scope="module")
def site(runs, tmp_path_factory):
    return build(runs, tmp_path_factory.mktemp("site") / "board").parent


@pytest.fixture(scope="module")
def board(runs):
    return task_board(select(runs)[0])


def few(root, *methods, seeds=(0,), images=4):
    """A small folder with some finished methods of the mosaic task."""
    names = [f"photo_{index:04d}" for index in range(images)]
    for each in methods:
        for seed in seeds:
            write_one(root, base_run("mosaic", each, seed), each, names, 32)
    write_inputs(root, base_run("mosaic", methods[0], 0), names[:4], 32)
    return root


class Page(HTMLParser):
    """Tags with their attributes, and the text of inline scripts and styles."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.inline, self._open = [], [], None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open = (tag, dict(attrs))
            self.inline.append([tag, dict(attrs), ""])

    def handle_data(self, data):
        if self._open:
            self.inline[-1][2] += data

    def handle_endtag(self, tag):
        self._open = None


def raw(root, task="mosaic"):
    return pd.concat([store.read_scores(path) for path in store.find_runs(root) if path.parts[-3] == task])


# ---------------------------------------------------------------------------------------------------------- tables


def test_csv_has_the_promised_columns_and_agrees_with_the_rows(runs, site):
    text = (site / "leaderboard.csv").read_text()
    assert text.splitlines()[0] == "task,method,metric,region,mean,lo,hi,rank,seeds,n,status"
    table = pd.read_csv(StringIO(text))
    assert tuple(table.columns) == CSV_COLUMNS
    row = table.query("task == 'mosaic' and method == 'pix2pix' and metric == 'psnr' and region == 'lost'").iloc[0]
    rows = raw(runs).query("method == 'pix2pix' and metric == 'psnr' and region == 'lost'")
    assert row["mean"] == pytest.approx(rows["value"].mean(), rel=1e-5)
    assert row["lo"] < row["mean"] < row["hi"]
    assert (row["seeds"], row["n"], row["status"]) == (3, IMAGES, "ok")


def test_each_level_has_its_own_rows(runs, board):
    rows = board.rows.query("method == 'unet_l1' and metric == 'ssim' and region == 'kept'").set_index("level")
    assert set(rows.index) == {ALL, "mosaic_c8", "mosaic_c16"}
    assert rows["mean"][ALL] == pytest.approx((rows["mean"]["mosaic_c8"] + rows["mean"]["mosaic_c16"]) / 2)


def test_indistinguishable_methods_share_a_rank_and_others_do_not(board):
    rows = board.rows.query("metric == 'lpips_squeeze' and region == 'lost' and level == 'all'").set_index("method")
    assert rows["rank"]["unmask_v2"] == rows["rank"]["pix2pix"] == 1
    assert rows["tied"]["pix2pix"] == 2
    assert rows["rank"]["unet_l1"] == 3
    assert rows["rank"]["identity"] == 6
    assert [each.name for each in board.methods][:2] != [each.name for each in board.methods][2:4]


def test_oracles_are_ranked_apart_and_last(board):
    rows = board.rows.query("metric == 'psnr' and region == 'lost' and level == 'all'").set_index("method")
    assert rows["rank"]["telea"] == 1
    assert sorted(rows["rank"].drop(["telea"]).dropna()) != []
    assert board.methods[-1].name == "telea"


def test_what_has_no_value_says_why(board):
    gone = board.rows.query("metric == 'lpips_vgg' and level == 'all'")
    assert set(gone["status"]) == {"unavailable"}
    assert gone["mean"].isna().all()
    assert gone["rank"].isna().all()
    assert "weights not found" in gone["reason"].iloc[0]
    small = board.rows.query("metric == 'niqe' and level == 'all'")
    assert set(small["status"]) == {"too_small"}
    assert "smaller" in small["reason"].iloc[0]


def test_failed_runs_are_rows(board):
    assert [(each.method, each.status) for each in board.failures] == [
        ("arnet", "diverged"),
        ("glcic", "error"),
        ("glcic", "running"),
        ("glcic", "timeout"),
    ]
    row = board.rows.query("method == 'glcic'")
    assert len(row) == 1
    assert row["seeds"].iloc[0] == 0
    partial = board.rows.query("method == 'arnet' and metric == 'psnr' and region == 'lost' and level == 'all'").iloc[0]
    assert (partial["seeds"], partial["status"]) == (2, "partial")


def test_set_metrics_have_a_value_and_no_interval(board):
    row = board.rows.query("metric == 'fid_squeeze' and method == 'pix2pix' and level == 'all'").iloc[0]
    assert np.isfinite(row["mean"])
    assert np.isnan(row["lo"])
    assert row["n"] == IMAGES


def test_unlike_definitions_never_share_a_column(tmp_path):
    few(tmp_path, GOOD, IDENTITY)
    folder = next(path for path in store.find_runs(tmp_path) if path.parts[-2] == "identity")
    run = store.read_run(folder)
    changed = {**run.metrics, "ssim": {**run.metrics["ssim"], "fingerprint": "another"}}
    store.write_run(folder, replace(run, metrics=changed))
    with pytest.raises(UserError, match="mosaic: metric 'ssim' is defined differently by identity .* and unmask_v2"):
        task_board(select(tmp_path)[0])


def test_order_falls_back_to_psnr_without_lpips(tmp_path):
    few(tmp_path, GOOD, IDENTITY)
    for folder in store.find_runs(tmp_path):
        rows = store.read_scores(folder)
        store.write_scores(folder, rows[rows["metric"] != "lpips_squeeze"].to_dict("records"))
    found = task_board(select(tmp_path)[0])
    assert found.main == ("psnr", "lost")
    assert [each.name for each in found.methods] == ["unmask_v2", "identity"]


def test_a_missing_picture_is_left_out_and_counted(tmp_path):
    few(tmp_path, GOOD, IDENTITY)
    folder = next(path for path in store.find_runs(tmp_path) if path.parts[-2] == "unmask_v2")
    rows = store.read_scores(folder)
    hit = (rows["metric"] == "psnr") & (rows["image_id"] == "photo_0001") & (rows["level"] == "mosaic_c8")
    rows.loc[hit, ["value", "status"]] = [np.nan, "nan"]
    store.write_scores(folder, rows.to_dict("records"))
    found = task_board(select(tmp_path)[0]).rows.query(
        "method == 'unmask_v2' and metric == 'psnr' and region == 'lost'"
    )
    assert dict(zip(found["level"], found["n"], strict=True)) == {ALL: 3, "mosaic_c8": 3, "mosaic_c16": 4}


def test_csv_is_the_same_whatever_the_order_of_tasks_on_disk(runs, site):
    assert csv([task_board(each) for each in select(runs)]) == (site / "leaderboard.csv").read_text()


# ------------------------------------------------------------------------------------------------------- selection


def test_newer_configuration_replaces_the_older_and_is_told(tmp_path):
    few(tmp_path, GOOD, IDENTITY)
    old = base_run("mosaic", GOOD, 1)
    old = replace(old, run_id="older", started="2020-01-01T00:00:00+00:00", config={"method": {"width": 8}})
    write_one(tmp_path, old, GOOD, ["photo_0000"], 32)
    chosen = select(tmp_path)[0]
    assert {each.run.run_id for each in chosen.entries if each.run.method == GOOD.name} != {"older"}
    assert chosen.left_out == ("1 run left out, replaced by a newer run of the same method: unmask_v2",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"digests": {"inputs": "others"}}, "other damaged pictures"),
        ({"suite": "quickstart"}, "another suite than small"),
        ({"protocol": "0"}, "another protocol than 1"),
    ],
)
def test_runs_that_cannot_share_a_table_are_left_out(tmp_path, change, words):
    few(tmp_path, GOOD, IDENTITY)
    old = replace(base_run("mosaic", METHODS[1], 0), started="2020-01-01T00:00:00+00:00", **change)
    write_one(tmp_path, old, METHODS[1], ["photo_0000"], 32)
    chosen = select(tmp_path)[0]
    assert "pix2pix" not in {each.run.method for each in chosen.entries}
    assert words in chosen.left_out[0]


def test_pictures_made_elsewhere_join_whatever_their_suite(tmp_path):
    few(tmp_path, GOOD, IDENTITY)
    outside = replace(base_run("mosaic", METHODS[1], 0), suite="", source="folder", trained=False, started="2030")
    write_one(tmp_path, outside, METHODS[1], ["photo_0000", "photo_0001"], 32)
    chosen = select(tmp_path)[0]
    assert "pix2pix" in {each.run.method for each in chosen.entries}
    assert chosen.left_out == ()


def test_levels_sort_by_their_number():
    assert sorted(["q40", "q5", "q10"], key=natural) == ["q5", "q10", "q40"]


def test_empty_folder_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="holds no runs; make some with `restorebench run`"):
        build(tmp_path, tmp_path / "site")
    assert not (tmp_path / "site").exists()


# ----------------------------------------------------------------------------------------------------------- pages


def test_site_has_every_file_the_index_needs(site):
    names = {path.name for path in site.iterdir()}
    assert {"index.html", "leaderboard.csv", "mosaic.html", "hole.html", "pictures"} <= names
    assert not [name for name in names if name.startswith(".unfinished")]


@pytest.mark.parametrize("name", ["index.html", "mosaic.html"])
def test_pages_are_self_contained(site, name):
    page = Page(site / name)
    for tag, attributes in page.tags:
        assert "style" not in attributes, tag
        assert not [each for each in attributes if each.startswith("on")], tag
        for link in (attributes.get("src"), attributes.get("href")):
            if link and not link.startswith(("#", "data:,")):
                assert not re.match(r"[a-z]+:|//", link), link
                assert (site / link.split("#")[0]).exists(), link


@pytest.mark.parametrize("name", ["index.html", "mosaic.html"])
def test_policy_allows_exactly_the_inline_code(site, name):
    page = Page(site / name)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    code = [(tag, text) for tag, attributes, text in page.inline if attributes.get("type") != "application/json"]
    assert len(code) >= 2
    for tag, text in code:
        directive = re.search(rf"{tag}-src ([^;]*)", policy).group(1)
        assert csp_hash(text) in directive


def test_names_and_reasons_cannot_break_out(tmp_path):
    bad = "a\"<b onclick=x>&$x_1$'"
    evil = Made(bad, 0.5, seeds=(0,))
    few(tmp_path, evil, GOOD, IDENTITY)
    failed = base_run("mosaic", Made("broken", 0), 0)
    reason = "</script><script>alert(1)</script>"
    failed = replace(failed, status=store.ERROR, reason=reason, notes=[reason], config={"note": reason})
    store.write_run(store.run_folder(tmp_path, "mosaic", "broken", failed.run_id), failed)
    build(tmp_path, tmp_path / "site")
    page = Page(tmp_path / "site" / "mosaic.html")
    scripts = [attributes.get("type", "") for tag, attributes in page.tags if tag == "script"]
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv"))
    assert scripts.count("") == re.search("script-src ([^;]*)", policy).group(1).count("sha256-")
    assert set(scripts) == {"", "application/json"}
    assert not [a for _, a in page.tags if "onclick" in a]
    text = (tmp_path / "site" / "mosaic.html").read_text()
    assert "a&#34;&lt;b onclick=x&gt;&amp;$x_1$" in text
    assert "<b onclick" not in text
    assert "<script>alert" not in text


def test_page_says_what_failed_what_was_left_out_and_that_luck_counts(site):
    text = (site / "mosaic.html").read_text()
    assert "diverged: non-finite critic loss at 41 % of the budget" in text
    assert "interrupted or still running" in text
    assert "Fewer than 3 training seeds (arnet)" in text
    assert "standard deviation over methods of lpips_squeeze" in text


def test_task_without_any_finished_run_still_has_a_page(tmp_path):
    lost = Made("glcic", 0.6, seeds=(), fails=((0, "diverged", "loss was not finite"),))
    make_runs(tmp_path, ("hole",), (lost,), images=1, side=32)
    index = build(tmp_path, tmp_path / "site")
    assert "loss was not finite" in index.read_text()
    assert "no run of this task has finished" in (tmp_path / "site" / "hole.html").read_text()
    table = pd.read_csv(tmp_path / "site" / "leaderboard.csv")
    assert list(table["status"]) == ["diverged"]


def test_building_again_gives_the_same_bytes_and_clears_what_is_gone(tmp_path):
    few(tmp_path, GOOD, METHODS[1], IDENTITY)
    site = tmp_path / "site"
    build(tmp_path, site)
    first = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    build(tmp_path, site)
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == first
    (site / "mine.txt").write_text("kept")
    for folder in list(store.find_runs(tmp_path)):
        if folder.parts[-2] == "pix2pix":
            (folder / "run.json").unlink()
    build(tmp_path, site)
    assert not list(site.glob("pictures/**/m-pix2pix.png"))
    assert list(site.glob("pictures/**/m-unmask_v2.png"))
    assert (site / "mine.txt").exists()


def test_a_foreign_index_is_never_overwritten(runs, tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UserError, match="already holds an index.html that is not a board"):
        build(runs, tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_first_table_is_the_view_that_the_script_starts_from(board):
    view = task_view(board)
    rows = start_rows(view)
    assert view["start"] == {"level": ALL, "region": "lost", "show": "overview", "sort": "lpips_squeeze"}
    assert [row["tie"] for row in rows[:3]] == ["first", "last", ""]
    assert view["shown"]["overview"][0] == "lpips_squeeze"
    assert "lpips_vgg" not in view["shown"]["overview"]
    assert view["metrics"]["observed"]["where"]["lost"] == "kept"
    better = [row["cells"][0]["gc"] for row in rows if row["name"] == "pix2pix"]
    assert better == ["better"]
    assert all(0 <= float(at) <= 72 for row in rows for at in row["cells"][0]["w"])


def test_made_tells_budget_versions_and_definitions(board):
    told = made(board)
    facts = dict(told["facts"])
    assert "torch 2.15.0" in facts["versions"][0]
    assert facts["digest: inputs"] == ["inputs-1"]
    assert "budget 20\N{NARROW NO-BREAK SPACE}000 pictures" in told["line"]
    vgg = next(each for each in told["metrics"] if each["id"] == "lpips_vgg")
    assert "weights not found" in vgg["missing"]


def test_drawings_follow_the_page_and_carry_no_style(board):
    for draw in (perception_distortion, quality_cost):
        drawing = draw(board)
        assert "style=" not in drawing
        assert "<style" not in drawing
        assert "#0102" not in drawing  # every stand-in colour became a class
        assert 'role="img"' in drawing
        assert "pix2pix" in drawing


def test_curves_survive_a_cut_line_and_lost_numbers(tmp_path):
    few(tmp_path, GOOD, IDENTITY)
    folder = next(path for path in store.find_runs(tmp_path) if path.parts[-2] == "unmask_v2")
    store.append_scalars(folder, [{**scalars(store.read_run(folder))[0], "loss_g": float("nan")}])
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"images": 3, "los')
    build(tmp_path, tmp_path / "site")
    assert (tmp_path / "site" / "mosaic.html").read_text().count('class="curve"') == 3


def test_the_board_never_imports_torch():
    code = "import sys, reports.site; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------------------------------------------------ text


@pytest.mark.parametrize(
    ("widths", "matters", "expected"),
    [([0.8], 0.1, 1), ([0.012], 0.001, 3), ([0.012], 0.005, 3), ([0.05], 0.001, 2), ([40.0], 1.0, 0), ([], 0.1, 1)],
)
def test_decimals_stop_where_the_interval_does(widths, matters, expected):
    assert decimals(widths, matters) == expected


def test_numbers_as_printed():
    assert number(-1.25, 1) == "\N{MINUS SIGN}1.2"
    assert number(float("nan"), 1) == "–"
    assert signed(0.04, 1) == "0.0"
    assert signed(2.0, 1) == "+2.0"
    assert [compact(each) for each in (54.4e6, 12000, 412.5, 0, 0.0625)] == ["54.4 M", "12.0 k", "412", "0", "0.0625"]


def test_long_lists_are_cut_with_their_number():
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(n) for n in range(50)], 2) == "0, 1 and 48 more"


def test_safe_names_are_safe_and_never_collide():
    names = ["pix2pix", "a/b", "a b", "../x", "index", "", "Ä", "é" * 300]
    safe = [safe_name(name) for name in names]
    assert safe[0] == "pix2pix"
    assert len(set(safe)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,80}", each) for each in safe)
    assert "index" not in safe
