"""Run against run: planted changes are found, noise is not, and what is not the same is never compared silently."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from bench.errors import UserError
from bench.results import store
from bench.seeds import seed_for
from reports.against.compare import BETTER, IDENTICAL, SAME, UNTESTED, WORSE, compare
from reports.against.moved import moved
from reports.against.page import against_view
from reports.against.pairing import TaskPair, pair_up
from reports.tables.board import task_board
from reports.tables.scores import Scores
from reports.tables.select import Entry, select
from tests.make_runs import METRICS, Made, make_runs

NEW = (
    Made("steady", 0.5),
    Made("rises", 0.7),
    Made("falls", 0.4),
    Made("breaks", 0.5, seeds=(), fails=((0, "diverged", "loss was not finite"),)),
    Made("identity", 0.0, seeds=(0,), trained=False),
)
OLD = tuple(
    replace(
        each, quality={"rises": 0.5, "falls": 0.6}.get(each.name, each.quality), seeds=each.seeds or (0, 1), fails=()
    )
    for each in NEW
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("against")
    return make_runs(base / "new", ("mosaic",), NEW, 12, 32), make_runs(base / "old", ("mosaic", "jpeg"), OLD, 12, 32)


def boards(root):
    return [task_board(each) for each in select(root)]


@pytest.fixture(scope="module")
def found(folders):
    new, old = folders
    return compare(boards(new), old)


def edited(source, target, change):
    """A copy of a runs folder with every run.json changed."""
    import shutil

    shutil.copytree(source, target)
    for folder in store.find_runs(target):
        run = store.read_run(folder)
        change(run)
        store.write_run(folder, run)
    return target


def test_planted_changes_are_found_in_their_own_direction(found):
    # "observed" is drawn the other way round: the better a method, the lower it is
    worse, better = ([row for row in found.told(verdict) if row.metric != "observed"] for verdict in (WORSE, BETTER))
    assert {each.method for each in worse} == {"falls"}
    assert {each.method for each in better} == {"rises"}
    assert {each.metric for each in better} >= {"psnr", "lpips_squeeze"}
    falls = {each.metric: each.change for each in worse}
    assert falls["psnr"] < 0 < falls["lpips_squeeze"]
    assert all(each.adjusted < 0.05 and abs(each.change) > each.margin for each in (*worse, *better))


def test_what_did_not_change_is_identical_and_costs_no_power(found):
    identical = found.told(IDENTICAL)
    assert {"steady", "identity"} <= {each.method for each in identical}
    tested = [each for each in found.rows if each.verdict in (WORSE, BETTER, SAME)]
    assert {each.method for each in tested} == {"rises", "falls"}
    assert all(np.isnan(each.adjusted) for each in identical)


def test_rows_stand_by_the_size_of_the_change_in_what_matters(found):
    sizes = [each.times for each in found.rows]
    assert sizes == sorted(sizes, reverse=True)
    psnr = next(each for each in found.told(WORSE) if each.metric == "psnr")
    assert psnr.times == pytest.approx(abs(psnr.change) / METRICS["psnr"]["matters"])


def test_values_are_the_means_of_the_two_folders(found, folders):
    row = next(each for each in found.rows if each.method == "falls" and each.metric == "psnr")
    for root, value in zip(folders, (row.new, row.old), strict=True):
        board = next(each for each in boards(root) if each.task == "mosaic")
        shown = board.rows.query("method == 'falls' and metric == 'psnr' and region == 'lost' and level == 'all'")
        assert shown["mean"].item() == pytest.approx(value)
    assert row.change == pytest.approx(row.new - row.old)


def test_set_and_cost_metrics_have_no_verdict_without_an_interval(found):
    untested = {each.metric for each in found.told(UNTESTED)}
    assert {"fid_squeeze", "images_per_second"} <= untested


def test_what_cannot_be_compared_is_named_with_its_reason(found):
    told = {(each.task, each.what): each.reason for each in found.apart}
    assert told["mosaic", "breaks"] == "not finished now: diverged, loss was not finite"
    assert "only in" in told["jpeg", "the task"]
    assert against_view(found)["apart"][0][1] == ["mosaic: breaks"], "a failure of now comes first"


def test_noise_alone_is_rarely_told_apart():
    """Eight rows of pure noise, seeds and pictures: something is told apart in about 5 % of comparisons."""
    alarms = sum(any(row.verdict in (BETTER, WORSE) for row in _noise(trial)) for trial in range(60))
    assert alarms <= 8, f"{alarms} of 60"


def _noise(trial):
    from reports.against.compare import _changes, _judged

    rng = np.random.default_rng(seed_for("noise", trial))
    pictures = rng.normal(size=(1, 1, 1, 30))
    sides = []
    for _ in range(2):
        luck = 0.3 * rng.normal(size=(24, 1, 1, 1))
        sides.append(pictures + luck + 0.5 * rng.normal(size=(24, 1, 1, 30)))
    runs = [store.Run("1", "s", "mosaic", f"m{index // 3}", index % 3, "id") for index in range(24)]
    names = tuple(f"p{index}" for index in range(30))
    make = [
        Scores(tuple(Entry(None, run) for run in runs), (("psnr", "lost"),), ("level",), names, values, METRICS, {})
        for values in sides
    ]
    from reports.against.pairing import Pair

    pairs = tuple(Pair(f"m{index}", *2 * (tuple(range(3 * index, 3 * index + 3)),)) for index in range(8))
    task = TaskPair("mosaic", (None, None), *make, pairs)
    return list(_judged(list(_changes(task, ("psnr", "lost"), "level")), {("mosaic", "psnr"): True}))


def test_a_level_with_other_pixels_is_left_out_and_said(folders, tmp_path):
    new, old = folders

    def digests(of_c8):
        def change(run):
            run.digests |= {"level mosaic_c8": of_c8, "level mosaic_c16": "same", "inputs": run.digests["inputs"]}

        return change

    found = compare(boards(edited(new, tmp_path / "n", digests("one"))), edited(old, tmp_path / "o", digests("two")))
    reasons = {each.what: each.reason for each in found.apart}
    assert "digests differ" in reasons["level mosaic_c8"]
    assert {task.new.named_levels()[0] for task in found.tasks} == {"mosaic_c16"}
    row = next(each for each in found.rows if each.method == "falls" and each.metric == "psnr")
    board = next(each for each in boards(new) if each.task == "mosaic")
    shown = board.rows.query("method == 'falls' and metric == 'psnr' and region == 'lost' and level == 'mosaic_c16'")
    assert row.new == pytest.approx(shown["mean"].item())


def test_a_metric_defined_otherwise_is_left_out_and_said(folders, tmp_path):
    new, old = folders

    def change(run):
        run.metrics = {**run.metrics, "psnr": {**METRICS["psnr"], "fingerprint": "another"}} if run.metrics else {}

    found = compare(boards(new), edited(old, tmp_path / "o", change))
    assert all(each.metric != "psnr" for each in found.rows)
    assert any(each.what == "psnr" and "fingerprint another before" in each.reason for each in found.apart)


def test_other_training_data_and_settings_are_compared_but_listed(folders, tmp_path):
    new, old = folders

    def change(run):
        run.digests["train data"] = "ffff"
        run.config = {**run.config, "method": {**run.config["method"], "width": 16}}

    found = compare(boards(new), edited(old, tmp_path / "o", change))
    lines = found.tasks[0].changed(next(each for each in found.tasks[0].pairs if each.method == "falls"))
    assert "training pictures: ffff → 9f2c61" in lines
    assert "method width: 16 → 32" in lines
    assert found.told(WORSE)


def test_nothing_to_compare_is_one_line_and_leaves_the_site_alone(folders, tmp_path, monkeypatch, capsys):
    from bench.cli import main

    new, old = folders
    other = edited(old, tmp_path / "o", lambda run: run.digests.update(inputs="other pictures"))
    site = tmp_path / "site"
    monkeypatch.setattr(sys, "argv", ["restorebench", "report", str(new), "--against", str(other), "-o", str(site)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "can be compared" in told and "digests differ" in told
    assert not site.exists()
    with pytest.raises(UserError, match="holds no runs"):
        pair_up(boards(new), tmp_path / "nothing")


def test_the_pictures_that_moved_most_come_from_both_sides(found, tmp_path):
    pictures = moved(found.tasks, tmp_path)
    gallery, fell, rose = pictures.gallery, pictures.fell, pictures.rose
    assert [gallery.pictures[index] for index in gallery.orders[1].at] == [*rose, *fell[::-1]]
    assert {each.level.split(" · ")[1] for each in fell} == {"falls"}
    assert {each.level.split(" · ")[1] for each in rose} == {"rises"}
    assert [column.name for column in gallery.columns] == ["degraded", "before", "now", "truth"]
    assert len({each.image for each in fell}) == len(fell) == 4, "the four kept, each once"
    for picture in (*fell, *rose):
        assert all((tmp_path / src).is_file() for src in picture.src)
    drops = [round(each.scores[2][0][1] - each.scores[1][0][1], 6) for each in fell]  # LPIPS: more is worse
    assert drops == sorted(drops, reverse=True) and drops[-1] > 0


def test_without_kept_pictures_there_is_no_gallery(folders, tmp_path):
    import shutil

    new, old = folders
    bare = shutil.copytree(old, tmp_path / "o", ignore=shutil.ignore_patterns("images"))
    assert moved(compare(boards(new), bare).tasks, tmp_path) is None


def test_the_file_holds_every_region_and_level(found):
    lines = found.csv().splitlines()
    assert lines[0].startswith("task,method,metric,region,level,old,new,change,margin")
    assert len(lines) == 1 + len(found.rows) + len(found.details)
    assert any(",boundary,all," in line for line in lines) and any(",lost,mosaic_c8," in line for line in lines)
