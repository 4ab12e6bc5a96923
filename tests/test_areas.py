"""Bins by area lost: what is stored at scoring, which pictures stand in which bin, gains in them, and the page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.results import store
from bench.results.stats import paired
from bench.seeds import seed_for
from reports.site import build
from reports.tables import areas
from reports.tables.board import BASELINE, task_board
from reports.tables.select import select
from reports.tables.views import task_view
from tests.make_runs import METRICS, Made, base_run, row

IMAGES = 24
LEVELS = ("hole_box", "hole_free")
NAMES = [f"photo_{image:02d}" for image in range(IMAGES)]


def noise(name, size=1.0):
    return np.random.default_rng(seed_for("areas", name)).normal(size=(len(LEVELS), IMAGES)) * size


def store_task(root, scored, lost, oracles=()):
    """Runs on disk. scored: levels × images of psnr by method, NaN for none; lost: levels × images, or None."""
    for name, values in scored.items():
        run = base_run("hole", Made(name, 0.5, trained=False, oracle=name in oracles), 0)
        run = replace(run, metrics={"psnr": METRICS["psnr"]})
        rows = [
            row(run, level, image, "psnr", "lost", values[place, number], "ok" if values[place, number] > 0 else "nan")
            for place, level in enumerate(LEVELS)
            for number, image in enumerate(NAMES)
        ]
        folder = store.run_folder(root, "hole", f"m{seed_for(name)}", run.run_id)
        store.write_scores(folder, rows)
        store.write_run(folder, run)
    if lost is not None:
        named = [(level, image, lost[y, x]) for y, level in enumerate(LEVELS) for x, image in enumerate(NAMES)]
        store.write_areas(root, run, [dict(zip(store.AREA_COLUMNS, each, strict=True)) for each in named])
    return root


def shares():
    """Distinct shares: the second level loses ten times as much."""
    return np.array([[0.01], [0.1]]) * (1 + np.arange(IMAGES) / IMAGES)


def board_of(root):
    [selection] = select(root)
    return task_board(selection)


def helper(root, lost, **given):
    base = 20 + noise("hard", 2)
    scored = {BASELINE: base, "helper": base + np.where(lost > 0.05, 2.0, -1.0) + noise("helper", 0.1)}
    return store_task(root / "runs", scored, lost, **given), scored


def test_quarters_by_share_and_gains_in_them(tmp_path):
    lost = shares()
    runs, scored = helper(tmp_path, lost)
    board = board_of(runs)
    bins = areas.over_areas(board)
    assert [each.pictures for each in bins] == [12] * 4
    ends = [np.sort(lost.ravel())[[12 * n, 12 * n + 11]] for n in range(4)]
    assert [end for each in bins for end in (each.lo, each.hi)] == pytest.approx(np.ravel(ends))
    base = [each.name for each in board.methods].index(BASELINE)
    for number, each in enumerate(bins):
        inside = np.sort(np.argsort(lost.ravel())[12 * number : 12 * number + 12])
        ours, theirs = (scored[name].ravel()[inside] for name in ("helper", BASELINE))
        known, found = paired(ours, theirs, ("hole",)), each.column.differences(base)
        assert found.means[1 - base] == pytest.approx(known.mean)
        assert found.margins[1 - base] == pytest.approx(known.hi - known.mean)
        assert (known.mean > 0) == (number >= 2)


def test_a_picture_on_several_levels_of_a_bin_counts_once(tmp_path):
    """Two levels that lose the same: 24 pictures in quarters of six, each with the mean of its two scores."""
    lost = np.tile(0.1 + np.arange(IMAGES) / 100, (2, 1))
    runs, scored = helper(tmp_path, lost)
    board = board_of(runs)
    bins = areas.over_areas(board)
    assert [each.pictures for each in bins] == [6] * 4
    place = [each.name for each in board.methods].index("helper")
    assert bins[1].column.means[place] == pytest.approx(scored["helper"][:, 6:12].mean())


def test_equal_shares_stay_together(tmp_path):
    lost = np.where(np.arange(IMAGES) < 16, 0.1, 0.3) * np.ones((2, 1))
    bins = areas.over_areas(board_of(helper(tmp_path, lost)[0]))
    assert [(each.lo, each.hi, each.pictures) for each in bins] == [(0.1, 0.1, 16), (0.3, 0.3, 8)]


@pytest.mark.parametrize("case", ["all the same", "not stored", "damaged", "no input", "other pictures", "one apart"])
def test_nothing_is_shown_without_two_bins_and_the_input(tmp_path, case):
    lost = {"all the same": np.full((2, IMAGES), 0.5), "not stored": None}.get(case, shares())
    if case == "one apart":
        lost = np.full((2, IMAGES), 0.5)
        lost[0, 0] = 0.4
    given = np.full((2, IMAGES), 0.5) if lost is None else lost
    base = 20 + noise("hard", 2)
    scored = {"helper" if case == "no input" else BASELINE: base, "other": base + given}
    runs = store_task(tmp_path / "runs", scored, lost)
    [path] = list(runs.glob("*/inputs/*/areas.parquet")) or [None]
    if case == "damaged":
        path.write_bytes(b"no parquet")
    if case == "other pictures":
        pd.read_parquet(path).assign(image_id="elsewhere").to_parquet(path)
    board = board_of(runs)
    assert areas.areas(board, task_view(board)) is None
    build(runs, tmp_path / "site")
    assert "Over the area lost" not in (tmp_path / "site" / "hole.html").read_text(encoding="utf-8")


def test_a_method_without_scores_has_dashes_and_harms_no_other(tmp_path):
    lost = shares()
    runs, scored = helper(tmp_path, lost)
    part = scored["helper"].copy()
    part[1] = np.nan  # nothing where much is lost
    store_task(runs, {"part": part}, None)
    board = board_of(runs)
    shown = areas.areas(board, task_view(board))
    cells = {each["name"]: each["cells"] for each in shown.rows}
    assert ["why" in cell for cell in cells["part"]] == [False, False, True, True]
    assert [cell["gc"] for cell in cells["helper"]] == ["worse", "worse", "better", "better"]
    assert cells[BASELINE][0]["g"] == "" and "w" not in cells[BASELINE][0]
    assert cells["part"][0]["g"] == cells["helper"][0]["g"]


def test_page(tmp_path):
    bad = "a\"<b onclick=x>&'"
    lost = shares()
    base = 20 + noise("hard", 2)
    scored = {BASELINE: base, bad: base + 1 + noise("bad", 0.1), "told": base + 2 + noise("told", 0.1)}
    runs = store_task(tmp_path / "runs", scored, lost, oracles=("told",))
    build(runs, tmp_path / "site")
    text = (tmp_path / "site" / "hole.html").read_text(encoding="utf-8")
    part = text[text.index('id="areas"') :]
    part = part[: part.index("</section>")]
    assert "1.00 – 1.46 %" in part and "12 pictures" in part and "psnr, lost" in part
    assert part.index("a&#34;&lt;b onclick=x&gt;&amp;&#39;") < part.index("oracle: told") < part.index(">told")
    assert "<b onclick" not in text and "style=" not in part
    assert part.count('class="whisker"') == 8


def test_whiskers_of_all_bins_have_one_scale(tmp_path):
    runs, _ = helper(tmp_path, shares())
    board = board_of(runs)
    shown = areas.areas(board, task_view(board))
    cells = next(each["cells"] for each in shown.rows if each["name"] == "helper")
    middles = [float(cell["w"][1]) for cell in cells]
    assert max(middles[:2]) < 20 and min(middles[2:]) > 60, "from -1 dB to +2 dB"


def test_scoring_stores_the_shares_once(tmp_path, tiny_suite):
    api = pytest.importorskip("bench.api")
    settings = api.Settings(tmp_path / "runs", "cpu", tasks=("hole",), methods=("telea",))
    [run] = api.run(str(tiny_suite), settings)
    stored = store.read_areas(settings.runs, run)
    assert len(stored) == stored["image_id"].nunique() == 4 and set(stored["level"]) == {"hole_box"}
    assert stored["lost"].between(0.01, 0.9).all()
    masks = sorted((settings.runs / "hole" / "inputs").glob("*/mask/hole_box/*.png"))
    from bench.data.pictures import read_pixels

    for path in masks:
        share = stored.set_index("image_id").loc[path.stem, "lost"]
        assert share == pytest.approx((read_pixels(path)[..., 0] > 127).mean())
    assert masks
