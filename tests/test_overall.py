"""Ranks on the board: intervals and detectable differences in the tables, sets of pictures, the overall table."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from bench.results import store
from reports.site import build
from reports.tables.board import task_board
from reports.tables.detectable import start_cells
from reports.tables.overall import csv, overall_table
from reports.tables.select import select
from reports.tables.views import start_rows, task_view
from tests.make_runs import LEVELS, METHODS, Made, base_run, make_runs, write_one

TASKS = ("mosaic", "jpeg", "hole")
GOOD, TWIN, IDENTITY = METHODS[0], METHODS[1], METHODS[6]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three tasks: all methods in one, a specialist more in another, a method that fails in the third."""
    root = tmp_path_factory.mktemp("runs")
    make_runs(root, ("mosaic",), images=10, side=32)
    special = Made("jpeg_only", 0.95, seeds=(0,), trained=False)
    make_runs(root, ("jpeg",), (GOOD, TWIN, IDENTITY, special), images=10, side=32)
    broken = Made("pix2pix", 0.79, seeds=(), fails=((0, "diverged", "not finite"),))
    make_runs(root, ("hole",), (GOOD, broken, IDENTITY, Made("telea", 0.3, (0,), False)), images=10, side=32)
    return root


@pytest.fixture(scope="module")
def boards(runs):
    return [task_board(selection) for selection in select(runs)]


@pytest.fixture(scope="module")
def site(runs, tmp_path_factory):
    return build(runs, tmp_path_factory.mktemp("site") / "board").parent


def by_name(found):
    return {row["name"]: row for row in found.rows}


# ---------------------------------------------------------------------------------------------------------- tables


def test_rows_have_rank_intervals_and_oracles_are_apart(boards):
    rows = boards[0].rows.query("metric == 'lpips_squeeze' and region == 'lost' and level == 'all'").set_index("method")
    assert [tuple(rows.loc[name, ["rank_lo", "rank_hi"]]) for name in ("unmask_v2", "pix2pix")] == [(1, 2)] * 2
    assert tuple(rows.loc["identity", ["rank_lo", "rank_hi"]]) == (6, 6)
    assert pd.isna(rows.loc["telea", "rank_lo"]), "alone among oracles"
    costs = boards[0].rows.query("metric == 'parameters'")
    assert costs["rank"].notna().any() and costs["rank_lo"].isna().all() and costs["detectable"].isna().all()
    ranked = boards[0].rows.dropna(subset=["rank_lo"])
    assert ((ranked["rank_lo"] <= ranked["rank"]) & (ranked["rank"] <= ranked["rank_hi"])).all()


def test_the_promised_csv_keeps_its_columns(site):
    first = (site / "leaderboard.csv").read_text().splitlines()[0]
    assert first == "task,method,metric,region,mean,lo,hi,rank,seeds,n,status"


def test_the_view_carries_both(boards):
    view = task_view(boards[0])
    rows = {row["name"]: row for row in start_rows(view)}
    assert rows["pix2pix"]["span"] == [1, 2]
    foot = dict(zip(view["shown"]["overview"], start_cells(view), strict=True))
    assert "80 % of cases" in foot["psnr"]["title"]
    assert 0 < float(foot["psnr"]["t"]) < 2
    assert "why" in foot["parameters"] and "why" in foot["fid_squeeze"]
    json.dumps(view)


def test_pages_show_them(site):
    text = (site / "mosaic.html").read_text()
    assert 'title="95 % interval of its rank: 1 to 2">1<small class="span">(1–2)</small>' in text
    foot = re.search(r'<tr id="detectable">.*?</tr>', text, re.S).group()
    assert len(re.findall("<td", foot)) == 2 + len(re.findall("data-sort=.[a-z]", text.split("</thead>")[0]))


# ------------------------------------------------------------------------------------------------------------ sets


def test_sets_of_pictures_get_intervals_and_ranks_from_their_jackknife(tmp_path):
    """The interval is the jackknife's, paired between methods; without it for one run there is none at all."""
    names = [f"photo_{index:04d}" for index in range(8)]
    rng = np.random.default_rng(1)
    shared = rng.normal(size=8) * 20
    moves = {}
    for made, own in ((GOOD, 0.5), (TWIN, 0.5), (IDENTITY, 0.5)):
        folder = write_one(tmp_path, base_run("hole", made, 0), made, names, 32)
        move = shared + own * rng.normal(size=8)
        moves[made.name] = move - move.mean()
        row = {"metric": "fid_squeeze"}
        stored = [{**row, "level": level, "jackknife": moves[made.name]} for level in LEVELS["hole"]]
        store.write_sets(folder, stored)
    board = task_board(select(tmp_path)[0])
    rows = board.rows.query("metric == 'fid_squeeze' and level == 'all'").set_index("method")
    margin = 2.365 * moves["identity"].std(ddof=1) / np.sqrt(8)
    found = rows.loc["identity"]
    values = list(store.read_scores(folder).query("metric == 'fid_squeeze'")["value"])
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["hi"] - found["mean"] == pytest.approx(margin, rel=0.06)
    assert found["n"] == 8
    assert found["gain_margin"] == 0 and rows.loc[GOOD.name, "gain_margin"] < margin / 5, "what images share cancels"
    assert rows["rank"].tolist() == rows["rank_lo"].tolist() and 0 < found["detectable"] < margin
    (folder / "sets.parquet").write_bytes(b"damaged")
    again = task_board(select(tmp_path)[0]).rows.query("metric == 'fid_squeeze' and level == 'all'").set_index("method")
    assert again["lo"].isna().all()
    assert again.loc["identity", "mean"] == pytest.approx(found["mean"])


# --------------------------------------------------------------------------------------------------------- overall


def test_overall_ranks_who_serves_most_tasks_and_lists_the_rest(boards):
    found = overall_table(boards)
    rows = by_name(found)
    assert [task for task, _ in found.tasks] == ["mosaic", "jpeg", "hole"]
    assert rows["unmask_v2"]["rank"] == 1
    assert rows["jpeg_only"]["rank"] is None and rows["jpeg_only"]["beaten"] == "100 %"
    assert {row["name"] for row in found.rows[: found.ranked]} == {"unmask_v2", "pix2pix", "identity"}
    assert (rows["telea"]["tasks"], rows["telea"]["of"]) == (1, 3)
    assert [each["t"] for each in rows["telea"]["cells"]] == ["oracle", "–", "2"]


def test_a_failure_counts_as_last_and_an_interrupted_run_as_nothing(boards):
    rows = by_name(overall_table(boards))
    cell = rows["pix2pix"]["cells"][2]
    assert cell["t"] == "failed" and "not finite" in cell["title"]
    assert rows["pix2pix"]["points"] < rows["unmask_v2"]["points"]
    assert rows["glcic"]["cells"][0]["t"] == "failed", "of its three runs one is interrupted, two failed"


def test_only_an_interrupted_run_is_no_failure(tmp_path):
    for task in ("mosaic", "hole"):
        make_runs(tmp_path, (task,), (GOOD, IDENTITY, Made("later", 0.5, (), fails=((0, "running", ""),))), 4, 32)
    assert set(by_name(overall_table([task_board(each) for each in select(tmp_path)]))) == {"unmask_v2", "identity"}


def test_overall_csv_agrees(boards, site):
    text = (site / "overall.csv").read_text()
    assert text == csv(overall_table(boards))
    table = pd.read_csv(StringIO(text)).set_index("method")
    assert list(table.columns) == ["points", "tasks", "of", "rank", "rank_lo", "rank_hi"]
    assert table.loc["unmask_v2", "rank"] == 1 and pd.isna(table.loc["jpeg_only", "rank"])


def test_the_rule_stands_on_the_page_and_one_task_has_no_overall_table(site, tmp_path):
    text = (site / "index.html").read_text()
    assert "metrics are never averaged" in text
    assert "serve half of the tasks or fewer" in text
    make_runs(tmp_path, ("hole",), (GOOD, IDENTITY), 4, 32)
    alone = build(tmp_path, tmp_path / "site")
    assert "Over all tasks" not in alone.read_text()
    assert not (tmp_path / "site" / "overall.csv").exists()


def test_few_seeds_are_told_once_for_all_tasks(site, tmp_path):
    assert (site / "index.html").read_text().count("Fewer than 3 training seeds (mosaic: arnet)") == 1
    for task in ("mosaic", "hole"):
        make_runs(tmp_path, (task,), (replace(GOOD, seeds=(0,)), IDENTITY), 4, 32)
    text = build(tmp_path, tmp_path / "site").read_text()
    assert text.count("Fewer than") == text.count("Fewer than 3 training seeds (unmask_v2)") == 1
    make_runs(tmp_path, ("mosaic",), (replace(TWIN, seeds=(0,)),), 4, 32)
    assert build(tmp_path, tmp_path / "site").read_text().count("(every trained method)") == 1
