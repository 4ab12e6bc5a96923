"""Pictures of the board: which are chosen, one box for all methods, what the viewer is told about them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.results import store
from reports.tables.board import task_board
from reports.tables.select import select
from reports.viewer import crops, outline
from reports.viewer.gallery import Column, Gallery, Order, Picture, link, marked
from reports.viewer.task_gallery import task_gallery
from tests.make_runs import LEVELS, METHODS, Made, base_run, make_runs, write_inputs, write_one
from tests.test_reports import raw

GOOD, IDENTITY = METHODS[0], METHODS[6]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("runs"), ("mosaic",), images=6, side=48)


@pytest.fixture(scope="module")
def board(runs):
    return task_board(select(runs)[0])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def gallery(board, site):
    return task_gallery(board, site)


def spread_of(runs):
    """Standard deviation over methods of the main metric by (level, image), the highest first; kept pictures only."""
    rows = raw(runs).query("metric == 'lpips_squeeze' and region == 'lost' and method not in ['identity', 'telea']")
    means = rows.groupby(["level", "image_id", "method"])["value"].mean()
    spread = means.groupby(["level", "image_id"]).std(ddof=0)
    kept = [f"photo_{index:04d}" for index in range(4)]
    return spread[spread.index.get_level_values("image_id").isin(kept)].sort_values(ascending=False)


def test_all_kept_pictures_are_there_the_most_disputed_first(runs, board, gallery):
    expected = list(spread_of(runs).index)
    chosen = crops.choose(board, board.scores)
    assert list(chosen.places) == expected
    assert chosen.rule == "All 8 pictures that were kept."
    assert [(each.level, each.image) for each in gallery.pictures] == expected
    assert gallery.orders[0].at == tuple(range(8))


def test_strips_show_each_image_once(gallery):
    shown = [each.image for each in gallery.strips()]
    assert len(shown) == len(set(shown)) == 4
    assert gallery.strips()[0] == gallery.pictures[0]


def test_of_too_many_the_disputed_best_median_and_worst_are_chosen(runs, board, monkeypatch):
    monkeypatch.setattr(crops, "LIMIT", 4)
    monkeypatch.setattr(crops, "EACH", 1)
    spread = spread_of(runs)
    rows = raw(runs).query("metric == 'lpips_squeeze' and region == 'lost' and method not in ['identity', 'telea']")
    by_method = rows.groupby(["level", "image_id", "method"])["value"].mean().groupby(["level", "image_id"]).mean()
    means = by_method[spread.index].sort_values()
    chosen = crops.choose(board, board.scores)
    wanted = {*spread.index[:2], means.index[0], means.index[3], means.index[-1]}
    assert set(chosen.places) == wanted
    assert list(chosen.places) == [each for each in spread.index if each in wanted]
    assert chosen.rule == "Of 8 pictures kept: the 2 most disputed, the 1 best, median and worst."


def test_pictures_are_lossless_and_the_same_place_for_all(runs, board, site, gallery):
    assert [column.kind for column in gallery.columns] == ["degraded", *["method"] * 5, "oracle", "truth"]
    run = board.selection.entries[0].run
    for each in gallery.pictures:
        pictures = [np.asarray(Image.open(site / src)) for src in each.src]
        assert {pixels.shape for pixels in pictures} == {(each.height, each.width, 3)}
        truth = Image.open(store.input_path(runs, run, "truth", each.level, each.image))
        assert np.array_equal(pictures[-1], np.asarray(truth))


def test_scores_are_the_pictures_own_and_the_best_method_is_marked(runs, gallery):
    picture = gallery.pictures[0]
    rows = raw(runs).query("metric == 'psnr' and region == 'lost' and seed == 0")
    rows = rows[(rows["level"] == picture.level) & (rows["image_id"] == picture.image)].set_index("method")["value"]
    labels = [metric.label for metric in gallery.metrics]
    assert labels == ["lpips squeeze\u00a0↓", "psnr dB\u00a0↑", "ssim\u00a0↑"]
    told = {column.name: scores[1] for column, scores in zip(gallery.columns, picture.scores, strict=True)}
    assert told["pix2pix"][1] == pytest.approx(rows["pix2pix"], rel=1e-4)
    assert told["degraded"][1] == pytest.approx(rows["identity"], rel=1e-4)
    assert told["truth"] == ("–", None, False)
    methods = rows.drop(["identity", "telea"])
    assert told[methods.idxmax()][2]
    assert all(text == told[methods.idxmax()][0] for text, _, best in told.values() if best)


def test_only_methods_compete_and_equal_figures_share_the_mark():
    columns = [Column(kind + str(at), "", kind) for at, kind in enumerate(("degraded", "method", "method", "oracle"))]
    lower = {"matters": 0.01, "higher_is_better": False}
    found = marked(np.array([0.1, 0.501, 0.503, 0.2]), columns, lower)
    assert [text for text, _, _ in found] == ["0.10", "0.50", "0.50", "0.20"]
    assert [best for _, _, best in found] == [False, True, True, False]
    assert not any(best for _, _, best in marked(np.array([0.1, np.nan, np.nan, 0.2]), columns, lower))


def test_what_the_page_is_given_is_plain_and_points_at_files(site, gallery):
    data = json.loads(json.dumps(gallery.data(), allow_nan=False))
    assert set(data) == {"task", "columns", "metrics", "pictures", "orders", "rule"}
    assert [each["id"] for each in data["orders"]] == ["disagreement", "best", "median", "worst"]
    assert all("{of}" in each["rule"] for each in data["orders"][1:])
    for each in data["pictures"]:
        assert len(each["src"]) == len(each["scores"]) == len(data["columns"])
        assert all((site / src).is_file() for src in [*each["src"], each["outline"]])


def test_a_damaged_picture_leaves_a_gap_not_an_error(tmp_path):
    names = [f"photo_{index:04d}" for index in range(4)]
    folders = [write_one(tmp_path, base_run("mosaic", each, 0), each, names, 32) for each in (GOOD, IDENTITY)]
    write_inputs(tmp_path, base_run("mosaic", GOOD, 0), names, 32)
    for level, spoil in zip(LEVELS["mosaic"], (lambda data: b"no picture", lambda data: data[:-40]), strict=True):
        path = folders[0] / "images" / level / "photo_0002.png"
        path.write_bytes(spoil(path.read_bytes()))
    found = task_gallery(task_board(select(tmp_path)[0]), tmp_path / "site")
    for each in found.pictures:
        assert (each.src[1] == "") == (each.image == "photo_0002")
        assert each.src[0] != ""
    assert len(found.pictures) == 8


def test_names_of_columns_never_meet(tmp_path):
    names = ["photo_0000"]
    for each in (Made("truth", 0.5, seeds=(0,)), Made("degraded", 0.4, seeds=(0,)), Made("a.b", 0.3), Made("a b", 0.2)):
        write_one(tmp_path, replace(base_run("mosaic", each, 0), method=each.name), each, names, 32)
    write_inputs(tmp_path, base_run("mosaic", GOOD, 0), names, 32)
    found = task_gallery(task_board(select(tmp_path)[0]), tmp_path / "site")
    ids = [column.id for column in found.columns]
    assert len(set(ids)) == len(ids) == 6
    assert len(set(found.pictures[0].src)) == len(ids)


# ------------------------------------------------------------------------------------------------------------ boxes


def save(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def test_the_box_keeps_small_pictures_whole_and_centres_on_the_loss():
    assert crops.crop_box(np.ones((64, 100), bool), []) == (0, 0, 100, 64)
    lost = np.zeros((400, 500), bool)
    lost[300:340, 100:140] = True
    left, top, right, bottom = crops.crop_box(lost, [])
    assert (right - left, bottom - top) == (crops.SIDE, crops.SIDE)
    assert (left + right) / 2 == pytest.approx(120, abs=1)
    assert (top + bottom) / 2 == pytest.approx(320, abs=1)


def test_the_box_of_a_large_loss_goes_where_restorations_differ(tmp_path):
    flat = np.full((400, 500, 3), 100, np.uint8)
    other = flat.copy()
    other[250:300, 350:400] = 200
    paths = [save(tmp_path / "a.png", flat), save(tmp_path / "b.png", other)]
    left, top, right, bottom = crops.crop_box(np.ones((400, 500), bool), paths)
    assert left <= 350
    assert right >= 400
    assert top <= 250
    assert bottom >= 300


def test_large_pictures_are_cut_alike_and_other_sizes_left_out(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    lost = np.zeros((200, 300), np.uint8)
    lost[100:120, 200:230] = 255
    sources = {
        "degraded": save(tmp_path / "degraded.png", 255 - truth),
        "m-odd": save(tmp_path / "odd.png", truth[:100]),
        "truth": save(tmp_path / "truth.png", truth),
    }
    found = crops.cut(sources, save(tmp_path / "mask.png", lost), tmp_path / "site", "pictures/x")
    assert set(found.src) == {"degraded", "truth"}
    left, top = map(int, re.match(r"crop at (\d+), (\d+) of 300 × 200 px", found.note).groups())
    box = np.s_[top : top + found.height, left : left + found.width]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "site" / found.src["truth"])), truth[box])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "site" / found.src["degraded"])), 255 - truth[box])
    assert found.outline == "pictures/x/outline.svg"


# ---------------------------------------------------------------------------------------------------------- outline


def walked(path, shape):
    """The edges that a border's path draws, as (between rows, between columns) arrays."""
    across, down = np.zeros((shape[0] + 1, shape[1]), bool), np.zeros((shape[0], shape[1] + 1), bool)
    for x, y, way, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path):
        x, y, length = int(x), int(y), int(length)
        if way == "h":
            across[y, x : x + length] = True
        else:
            down[y : y + length, x] = True
    return across, down


def test_the_border_runs_exactly_between_lost_and_kept_pixels():
    lost = np.random.default_rng(3).random((13, 17)) < 0.4
    across, down = walked(outline.border(lost), lost.shape)
    assert np.array_equal(across[1:-1], lost[1:] != lost[:-1])
    assert np.array_equal(down[:, 1:-1], lost[:, 1:] != lost[:, :-1])
    assert not across[[0, -1]].any()
    assert not down[:, [0, -1]].any()


def test_nothing_is_drawn_where_all_or_nothing_is_lost():
    assert outline.svg(np.ones((5, 5), bool)) == outline.svg(np.zeros((5, 5), bool)) == ""


def test_the_drawing_is_a_picture_of_the_same_size_and_stays_thin():
    lost = np.zeros((20, 30), bool)
    lost[5:9, 6:12] = True
    root = ET.fromstring(outline.svg(lost))
    assert root.get("viewBox") == "0 0 30 20"
    assert {path.get("vector-effect") for path in root} == {"non-scaling-stroke"}
    assert {path.get("d") for path in root} == {"M6 5h6M6 9h6M6 5v4M12 5v4"}


def test_a_link_holds_strange_names():
    picture = Picture("a&b=c#d", "level 1", "", 1, 1, ("",), "", ((),))
    column = Column("m-x", "x", "method")
    assert link("t.html", picture, column) == "t.html#v.image=a%26b%3Dc%23d&v.level=level+1&v.show=m-x"
    shown = Gallery("t", (column,), (), (picture,), (Order("given", "", ""),), "")
    assert shown.strips() == (picture,)
