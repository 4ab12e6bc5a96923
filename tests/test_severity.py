"""Curves over severity: known crossings and areas, noise that makes none, what shows nothing, and the page."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.results import store
from bench.results.stats import interval, paired
from bench.seeds import seed_for
from reports.drawings import severity
from reports.drawings.severity_page import apart, section
from reports.site import build
from reports.tables.board import BASELINE, Method, TaskBoard, task_board
from reports.tables.scores import Scores
from reports.tables.select import Selection, select
from reports.tables.views import task_view
from tests.make_runs import METRICS, Made, base_run, make_runs, row

IMAGES = 24
PSNR, LPIPS = ("psnr", "lost"), ("lpips_squeeze", "lost")
UNEVEN = np.array([20.0, 21.0, 24.0, 30.0])


def noise(name, levels, images=IMAGES, size=1.0):
    """Levels × images of noise whose mean is 0 on every level, so that means are exactly what a test says."""
    drawn = np.random.default_rng(seed_for("severity", name)).normal(size=(levels, images)) * size
    return drawn - drawn.mean(axis=1, keepdims=True) if images > 1 else drawn


def a_board(places, gains, key=PSNR, images=IMAGES, oracles=(), grain=0.05):
    """A board in memory. places: the input's score per level; gains: per method, one per level or levels × images."""
    places, hard = np.asarray(places, float), noise("hard", len(places), images, 2.0)
    values = {BASELINE: places[:, None] + hard}
    for name, gain in gains.items():
        given = np.asarray(gain, float)
        extra = given if given.ndim == 2 else given[:, None] + noise(name, len(places), images, grain)
        values[name] = values[BASELINE] + extra
    methods = tuple(
        Method(name, (index,), 1, False, name in oracles, "ours") for index, name in enumerate((*gains, BASELINE))
    )
    entries = tuple([None] * len(methods))
    levels = tuple(f"level {index}" for index in range(len(places)))
    names = tuple(f"photo_{index}" for index in range(images))
    stacked = np.stack([values[each.name] for each in methods])[:, None]
    scores = Scores(entries, (key,), levels, names, stacked, METRICS, {})
    return TaskBoard(Selection("jpeg", Path(), (), ()), scores, methods, (), key, pd.DataFrame())


def crossed(found):
    names = [each.name for each in found.board.methods]
    return [(names[each.mild], names[each.harsh]) for each in found.crossings]


def store_task(root, scored, levels=("jpeg_q10", "jpeg_q20", "jpeg_q40")):
    """Runs on disk. scored: levels × images of psnr by method."""
    for name, values in scored.items():
        run = base_run("jpeg", Made(name, 0.5, trained=False), 0)
        run = replace(run, metrics={"psnr": METRICS["psnr"]})
        rows = [
            row(run, level, f"photo_{image:02d}", "psnr", "lost", values[place, image])
            for place, level in enumerate(levels)
            for image in range(values.shape[1])
        ]
        folder = store.run_folder(root, "jpeg", f"m{seed_for(name)}", run.run_id)
        store.write_scores(folder, rows)
        store.write_run(folder, run)
    return root


# ------------------------------------------------------------------------------------------------------- crossings


@pytest.mark.parametrize(("key", "scale"), [(PSNR, 1.0), (LPIPS, -0.01)])
def test_two_straight_lines_cross_where_they_do(key, scale):
    places = 0.5 + scale * UNEVEN
    steep, flat = 0.1 + 0.5 * (UNEVEN - 20), 3 - 0.25 * (UNEVEN - 20)  # better by so much at psnr 20 (harsh) to 30
    found = severity.over_severity(
        a_board(places, {"steep": scale * steep, "flat": scale * flat}, key, grain=0.05 * abs(scale))
    )
    assert found.levels == ("level 3", "level 2", "level 1", "level 0")  # mild to harsh, whichever way the metric goes
    assert crossed(found) == [("steep", "flat")]
    assert found.crossings[0].at == pytest.approx(0.5 + scale * (20 + 2.9 / 0.75))
    assert found.crossings[0].levels == (1, 2)


def test_a_level_within_the_noise_does_not_hide_a_crossing_nor_make_three():
    gains = np.array([[3.0], [0.05], [-0.05], [-3.0]]) + noise("wide", 4, size=1.0)
    found = severity.over_severity(a_board([20, 22, 24, 26], {"a": gains, "b": np.zeros((4, IMAGES))}))
    assert crossed(found) == [("b", "a"), (BASELINE, "a")]
    assert found.crossings[0].levels == (0, 3)
    assert found.crossings[0].at == pytest.approx(23)


def test_harm_where_mild_is_a_crossing_with_the_input():
    found = severity.over_severity(a_board(UNEVEN, {"blur": [2, 1, -1, -2]}))
    assert crossed(found) == [(BASELINE, "blur")]
    page = section(found, page_view(found))
    assert (page.crossings[0]["method"], page.crossings[0]["helps"]) == ("blur", "harsher")


def page_view(found):
    """As much of a page's table as the section reads."""
    methods = [{"name": m.name, "seeds": "–", "oracle": m.oracle, "marks": []} for m in found.board.methods]
    return {"methods": methods}


def test_noise_makes_no_crossing():
    """Five methods a clear step apart on one level and equal on the other three: whatever crosses there is noise."""
    tasks, images, false = 60, 20, 0
    rng = np.random.default_rng(seed_for("noise makes no crossing"))
    for _ in range(tasks):
        drawn = rng.normal(size=(5, 4, images))
        drawn[:, 0] += 4.0 * np.arange(5)[:, None]
        gains = {f"m{index}": each + 50 for index, each in enumerate(drawn)}
        false += bool(severity.over_severity(a_board([20, 22, 24, 26], gains, images=images)).crossings)
    assert false <= 0.05 * tasks


def test_oracles_are_not_overtaken_by_others():
    gains = {"told": [3, 2, 1, 0.5], "blind": [0.5, 1, 2, 3]}
    assert crossed(severity.over_severity(a_board(UNEVEN, gains))) == [("blind", "told")]
    assert crossed(severity.over_severity(a_board(UNEVEN, gains, oracles=("told",)))) == []


def test_one_picture_tells_nothing_apart():
    found = severity.over_severity(a_board(UNEVEN, {"a": [3, 2, -2, -3]}, images=1))
    assert found.crossings == ()
    assert "w" not in section(found, page_view(found)).rows[0]["cells"][0]


# ------------------------------------------------------------------------------------------------------------ area


def test_area_of_a_constant_gain_is_that_gain_with_its_interval():
    gain = 1.5 + np.tile(noise("picture", 1), (4, 1))  # the same on every level, other from picture to picture
    found = severity.over_severity(a_board(UNEVEN, {"steady": gain}))
    alone = interval(gain[:1], ("jpeg",))
    assert found.area_gains.means[0] == pytest.approx(1.5)
    assert found.area_gains.margins[0] == pytest.approx((alone.hi - alone.lo) / 2)
    assert found.area_gains.means[1] == found.area_gains.margins[1] == 0


@pytest.mark.parametrize("gain", [0.2 * (UNEVEN - 20), np.array([1.0, -2.0, 4.0, 0.5])])
def test_area_is_the_trapezoid_rule_over_the_length(gain):
    found = severity.over_severity(a_board(UNEVEN, {"a": gain}))
    assert found.area_gains.means[0] == pytest.approx(np.trapezoid(gain, UNEVEN) / 10)


def test_areas_that_cannot_be_told_apart_share_a_rank():
    gains = {"best": np.full(4, 5.0), "b": np.full(4, 1.0), "c": np.full(4, 1.0001)}
    found = severity.over_severity(a_board(UNEVEN, gains))
    assert found.ranks() == [1, 2, 2, 4]
    rows = section(found, page_view(found)).rows
    assert [(each["name"], each["tie"]) for each in rows] == [
        ("best", ""),
        ("c", "first"),
        ("b", "last"),
        (BASELINE, ""),
    ]
    assert rows[0]["cells"][0]["t"].startswith("+5.0")


def test_a_method_that_lacks_a_level_has_no_area_and_stops_nothing():
    cut = np.full((4, IMAGES), 1.0)
    cut[2] = np.nan
    found = severity.over_severity(a_board(UNEVEN, {"cut": cut, "whole": [2, 1, 1, 1]}))
    page = section(found, page_view(found))
    assert [each["name"] for each in page.rows] == ["whole", BASELINE, "cut"]
    assert page.rows[-1]["cells"][0] == {"why": "has no score at every level"}
    assert "cut" in page.drawing


# ------------------------------------------------------------------------------------------------- nothing to show


@pytest.mark.parametrize(
    "change",
    [
        lambda board: replace(board, scores=None),
        lambda board: replace(board, methods=board.methods[:1]),
        lambda board: replace(
            board, scores=replace(board.scores, levels=("one",), values=board.scores.values[:, :, :1])
        ),
        lambda board: replace(board, scores=replace(board.scores, values=board.scores.values * 0 + 20)),
    ],
    ids=["no scores", "no input", "one level", "equal severities"],
)
def test_shows_nothing(change):
    board = a_board(UNEVEN, {"a": [1, 2, 3, 4]})
    assert severity.over_severity(board) is not None
    assert severity.over_severity(change(board)) is None


def test_page_of_one_level_has_no_section_and_the_csv_is_empty(tmp_path):
    methods = (Made("pix2pix", 0.8, seeds=(0,)), Made(BASELINE, 0.0, seeds=(0,), trained=False))
    make_runs(tmp_path / "runs", ("erase",), methods, images=3, side=32)
    build(tmp_path / "runs", tmp_path / "site")
    assert "Over severity" not in (tmp_path / "site" / "erase.html").read_text()
    assert (tmp_path / "site" / "severity.csv").read_text() == ",".join(severity.CSV_COLUMNS) + "\n"


# ------------------------------------------------------------------------------------------------------------ page


@pytest.fixture(scope="module")
def evil_site(tmp_path_factory):
    root = tmp_path_factory.mktemp("severity")
    base = np.array([[20.0], [24.0], [28.0]]) + noise("hard", 3, size=2.0)
    bad = "a\"<b onclick=x>&$x_1$'"
    scored = {BASELINE: base, bad: base + np.array([[-2.0], [1.0], [2.0]]) + noise("bad", 3, size=0.1)}
    scored |= {f"m{index}": base + 0.1 * index + noise(f"m{index}", 3, size=0.1) for index in range(8)}
    store_task(root / "runs", scored)
    build(root / "runs", root / "site")
    return root


def test_hostile_names_are_escaped(evil_site):
    text = (evil_site / "site" / "jpeg.html").read_text(encoding="utf-8")
    part = text[text.index("Over severity") : text.index('id="pictures"')]
    assert "<b>a&#34;&lt;b onclick=x&gt;&amp;$x_1$&#39;</b> helps where the damage is milder" in part
    assert "<b onclick" not in text
    drawing = part[part.index("<svg") : part.index("</svg>")]
    assert "&lt;b onclick=x&gt;&amp;$x_1$" in drawing
    assert "style=" not in part
    assert "#0102" not in drawing
    assert "Without a name: 3 further methods." in part


def test_csv_agrees_with_the_board_and_with_the_rows(evil_site):
    table = pd.read_csv(StringIO((evil_site / "site" / "severity.csv").read_text()))
    assert tuple(table.columns) == severity.CSV_COLUMNS
    board = task_board(select(evil_site / "runs")[0])
    rows = board.rows.query("metric == 'psnr' and level != 'all'").set_index(["method", "level"])
    assert len(table) == len(rows) == 30
    for each in table.itertuples():
        known = rows.loc[(each.method, each.level)]
        assert (each.mean, each.lo, each.hi) == pytest.approx((known["mean"], known["lo"], known["hi"]), rel=1e-4)
        assert each.severity == pytest.approx(rows.loc[(BASELINE, each.level)]["mean"], rel=1e-4)


def test_gains_on_a_level_are_those_of_the_table(evil_site):
    board = task_board(select(evil_site / "runs")[0])
    found = severity.over_severity(board)
    index = next(i for i, each in enumerate(board.methods) if each.name == "m5")
    base, key = board.scores.matrix(PSNR, "jpeg_q40"), board.methods[index].runs[0]
    known = paired(base[[key]], base[[board.methods[found.base].runs[0]]], ("jpeg",))
    gains = found.gains[found.levels.index("jpeg_q40")]
    assert gains.means[index] == pytest.approx(known.mean)
    assert gains.margins[index] == pytest.approx(known.hi - known.mean)
    names = [each["name"] for each in section(found, task_view(board)).rows]
    assert names[0] == "m7"


def test_level_names_lose_the_name_of_the_task_in_the_drawing(evil_site):
    text = (evil_site / "site" / "jpeg.html").read_text(encoding="utf-8")
    assert re.search(r"<text[^>]*>q10</text>", text)


@pytest.mark.parametrize("wanted", [[0.5], [0.5, 0.5, 0.5], [0.99, 1.0, 0.0], [0.9, 0.1, 0.12], [0.2] * 30])
def test_labels_keep_their_order_and_their_distance(wanted):
    gap = min(0.07, 1 / len(wanted))
    found = np.array(apart(wanted, 0.07))
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(found[order]) >= gap - 1e-9).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_labels_with_room_stay():
    assert apart([0.8, 0.2, 0.5], 0.1) == pytest.approx([0.8, 0.2, 0.5])
