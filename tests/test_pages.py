"""Pieces of a task page: shades, sanity rows, drawings by picture, the README's table, badges."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from bench.data.batches import Case
from bench.metrics import METRICS
from bench.results import store
from bench.scoring.battery import Battery
from bench.scoring.reference import ReferenceScores
from reports.drawings.distributions import MOST, by_picture, distributions
from reports.drawings.duels import duels, told_apart, wins
from reports.drawings.page import drawings
from reports.site import build
from reports.tables.board import task_board
from reports.tables.cells import SHADES, shades
from reports.tables.exports import escaped, readme_table
from reports.tables.select import select
from reports.tables.views import failed_rows, task_view
from tests.make_runs import METHODS, base_run, make_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("runs"), ("mosaic", "hole"), images=10, side=32)


@pytest.fixture(scope="module")
def board(runs):
    return task_board(select(runs)[0])


# ------------------------------------------------------------------------------------------------------------- shades


def some(*names, oracles=()):
    return [SimpleNamespace(name=name, oracle=name in oracles) for name in names]


UP, DOWN = ({"higher_is_better": up, "kind": "pair"} for up in (True, False))
COST = {"higher_is_better": False, "kind": "cost"}


@pytest.mark.parametrize(
    ("means", "names", "declared", "expected"),
    [
        ([30.0, 25.0, 20.0, 18.0], ["a", "b", "identity", "c"], UP, [SHADES, 3, 0, 0]),
        ([0.1, 0.2, 0.3], ["a", "b", "identity"], DOWN, [SHADES, 3, 0]),
        ([1.0, 0.9, 0.8], ["identity", "a", "b"], UP, [SHADES, 3, 0]),  # the input is the best: from the worst
        ([1.0, 1.0, np.nan], ["a", "b", "c"], UP, [0, 0, 0]),  # nothing to tell apart
        ([0.0, 1e6, 1e7, 1e9], ["identity", "a", "b", "c"], COST, [SHADES, SHADES, 3, 0]),
    ],
)
def test_shades_run_from_the_input_to_the_best(means, names, declared, expected):
    assert shades(np.array(means), some(*names), declared) == expected


def test_an_oracle_beyond_the_best_makes_no_other_shade_paler():
    methods = some("a", "identity", "told", oracles=("told",))
    assert shades(np.array([30.0, 20.0, 40.0]), methods, UP) == [SHADES, 0, SHADES]


def test_failed_runs_of_one_reason_share_a_row(tmp_path):
    made = replace(METHODS[7], fails=((0, "error", "no memory"), (1, "error", "no memory"), (2, "timeout", "")))
    rows = failed_rows(task_board(select(make_runs(tmp_path, ("hole",), (made, METHODS[6]), images=2, side=32))[0]))
    assert [(row["seeds"], row["reason"]) for row in rows] == [
        ("seed 0, 1", "stopped by an error: no memory"),
        ("seed 2", "ran out of time"),
    ]


# -------------------------------------------------------------------------------------------------------- sanity rows


def cases(count, side=16, seed=0):
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), np.uint8)
    mask[4:12, 4:12] = 1
    pictures = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return [Case(f"{side}-{index}", each, each, mask) for index, each in enumerate(pictures)]


def shuffled(root, chunks):
    """Stored rows of shuffled truth on two levels, of pictures in these chunks."""
    run = base_run("mosaic", METHODS[0], 0)
    battery = Battery([METRICS["psnr"]], torch.device("cpu"))
    found = ReferenceScores.lacking(root, run, battery)
    for level in ("mosaic_c8", "mosaic_c16"):
        for chunk in chunks:
            found.add(level, chunk)
    found.store()
    return run, store.read_shuffled(root, run)


def test_every_picture_is_scored_against_another_one_whatever_the_batches(tmp_path):
    all_, alone = cases(5), cases(1, side=24)
    run, one = shuffled(tmp_path / "one", [all_, alone])
    _, many = shuffled(tmp_path / "many", [all_[:2], all_[2:3], alone, all_[3:]])
    order = ["level", "region", "image_id"]
    sorted_ = [each.sort_values(order).reset_index(drop=True) for each in (one, many)]
    assert sorted_[0].equals(sorted_[1])
    assert set(one["image_id"]) == {case.image_id for case in all_}, "a picture without another of its size has none"
    first = one.query("region == 'whole' and level == 'mosaic_c8'").set_index("image_id")["value"]
    for index, case in enumerate(all_):
        error = np.square(case.clean.astype(float) - all_[index - 1].clean).mean()
        assert first[case.image_id] == pytest.approx(10 * np.log10(255**2 / error), rel=1e-5)
    assert not ReferenceScores.lacking(
        tmp_path / "one", run, Battery([METRICS["psnr"]], torch.device("cpu"))
    ).pair.metrics


def test_shuffled_truth_has_cells_only_in_the_definition_of_the_table(tmp_path):
    root = make_runs(tmp_path, methods=(METHODS[0], METHODS[6]), images=3, side=32)
    run = next(store.read_run(each) for each in store.find_runs(root))
    same = {"level": "mosaic_c8", "region": "lost", "metric": "psnr", "fingerprint": run.metrics["psnr"]["fingerprint"]}
    rows = [{**same, "image_id": f"photo_{n:04d}", "value": 8.0 + n} for n in range(3)]
    store.write_shuffled(root, run, [*rows, {**rows[0], "metric": "ssim", "fingerprint": "another"}])
    cells = task_view(task_board(select(root)[0]))["shuffled"]
    assert cells["psnr|lost|mosaic_c8"]["v"] == cells["psnr|lost|all"]["v"] == 9.0
    assert {place.split("|")[0] for place in cells} == {"psnr"}
    assert "r" not in cells["psnr|lost|all"], "never ranked"


# ----------------------------------------------------------------------------------------------------------- drawings


def test_wins_count_draws_as_half_and_leave_out_what_one_lacks():
    found = wins(np.array([[1.0, 2.0, 3.0, np.nan], [0.0, 2.0, 4.0, 5.0]]), up=True)
    assert found[0, 1] == found[1, 0] == pytest.approx(0.5)
    assert wins(np.array([[1.0, 2.0], [0.0, 1.0]]), up=False)[1, 0] == 1


def test_win_matrix_and_distributions_show_the_leading_methods_and_the_input(board):
    shown = by_picture(board, oracles=False)
    assert [method.name for method, _ in shown][-1] == "identity"
    assert len(shown) <= MOST
    apart = told_apart(board, [method for method, _ in shown])
    assert not apart[0, 1], "two nearly equal methods"
    assert apart[0, -1]
    for drawing in (duels(board), distributions(board)):
        assert "pix2pix" in drawing
        assert "style=" not in drawing
        assert "#0102" not in drawing  # every stand-in colour became a class
        ElementTree.fromstring(drawing)
    assert [group.name for group in drawings(board)] == ["trades", "by-picture"]


# ------------------------------------------------------------------------------------------------------------ exports


def test_readme_table_names_who_cannot_be_told_apart(runs):
    lines = readme_table([task_board(each) for each in select(runs)]).splitlines()
    assert len({line.count("|") for line in lines[:4]}) == 1
    cells = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    assert cells[0] == "mosaic"
    assert set(cells[1].split(", ")) == {"pix2pix", "unmask_v2"}
    assert "±" in cells[2]
    assert cells[4:] == ["5", "10"]


def test_names_in_a_readme_stay_text():
    assert escaped("<img>|`*") == "&#60;img&#62;&#124;&#96;&#42;"


def test_badges_are_drawings_that_say_the_rank_with_its_interval(runs, tmp_path):
    site = build(runs, tmp_path / "site").parent
    board = ElementTree.parse(site / "badge.svg").getroot()
    assert board.get("aria-label") == "restorebench: 6 methods · 2 tasks · 2026-11-20"
    mine = ElementTree.parse(site / "badges" / "pix2pix.svg").getroot().get("aria-label")
    assert mine.startswith("restorebench: rank 1 (1–")
    assert mine.endswith("· 2 tasks")
    assert not (site / "badges" / "identity.svg").exists()
