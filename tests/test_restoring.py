"""`restorebench restore`: a stored run applied to one's own pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from bench import api
from bench.data.pictures import read_pixels
from bench.restoring import GAP, side_by_side
from bench.results.store import find_runs, read_run
from tests.conftest import draw
from tests.test_cli import call, complains


@pytest.fixture(scope="module")
def runs(tmp_path_factory, photos):
    """Folders of trained runs by method: dncnn on jpeg, telea and unet_l1 on hole."""
    from tests.conftest import TINY

    root = tmp_path_factory.mktemp("restoring")
    suite = root / "tiny.toml"
    suite.write_text(TINY.format(photos=photos))
    api.run(str(suite), api.Settings(root / "runs", methods=("dncnn", "telea", "unet_l1")))
    return {read_run(folder).method: folder for folder in find_runs(root / "runs")}


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *words: call(capsys, monkeypatch, "restore", *words)


@pytest.fixture
def holed(tmp_path):
    """Three pictures of different sizes with a hole, and their masks."""
    for number, (height, width) in enumerate(((48, 48), (50, 61), (33, 40))):
        pixels, mask = draw(number, height, width), np.zeros((height, width), np.uint8)
        mask[10:20, 12:25] = 255
        pixels[mask > 0] = 128
        for name, image in (("damaged", pixels), ("mask", mask)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    return tmp_path / "damaged", tmp_path / "mask"


def test_pictures_of_any_size_are_restored_under_their_names(command, runs, photos, tmp_path):
    code, out, err = command(runs["dncnn"], photos, tmp_path / "out")
    assert code == 0 and "12 pictures are in" in out and not err
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == sorted(each.name for each in photos.iterdir())
    first, again = (read_pixels(folder / "photo_00.png") for folder in (photos, tmp_path / "out"))
    assert first.shape == again.shape and not np.array_equal(first, again)


def test_the_mask_says_what_is_restored(command, runs, holed, tmp_path):
    damaged, masks = holed
    code, _, _ = command(runs["telea"], damaged, tmp_path / "out", "--mask", masks)
    assert code == 0
    for path in damaged.iterdir():
        before, after, mask = (read_pixels(folder / path.name) for folder in (damaged, tmp_path / "out", masks))
        lost = mask > 0
        assert np.array_equal(before[~lost], after[~lost]) and (before[lost] != after[lost]).mean() > 0.5


def test_triplets_are_what_the_board_scored(command, runs, photos, tmp_path):
    out = tmp_path / "out"
    code, _, _ = command(runs["unet_l1"], photos, out, "--triplets")
    assert code == 0
    assert {each.name for each in out.iterdir()} == {"original", "damaged", "restored", "mask", "triplets"}
    kept = sorted((runs["unet_l1"] / "images" / "hole_box").glob("*.png"))
    assert kept
    for path in kept:
        assert np.array_equal(read_pixels(path), read_pixels(out / "restored" / path.name))
    name = kept[0].name
    parts = [read_pixels(out / kind / name) for kind in ("original", "damaged", "restored")]
    strip = read_pixels(out / "triplets" / name)
    assert np.array_equal(strip, side_by_side(parts)) and strip.shape == (48, 3 * 48 + 2 * GAP, 3)
    lost = read_pixels(out / "mask" / name) > 0
    assert lost.any() and np.array_equal(parts[0][~lost], parts[1][~lost])


def test_triplets_take_another_level(command, runs, photos, tmp_path):
    command(runs["dncnn"], photos, tmp_path / "hard", "--triplets")
    command(runs["dncnn"], photos, tmp_path / "soft", "--triplets", "--level", "jpeg_q40")
    hard, soft, clean = (
        read_pixels(tmp_path / name / "photo_01.png").astype(int)
        for name in ("hard/damaged", "soft/damaged", "hard/original")
    )
    assert np.abs(hard - clean).mean() > np.abs(soft - clean).mean() > 0


def test_pictures_and_masks_are_brought_to_a_size(command, runs, holed, tmp_path):
    damaged, masks = holed
    command(runs["telea"], damaged, tmp_path / "out", "--mask", masks, "--short-side", 24)
    assert [read_pixels(tmp_path / "out" / f"{n}.png").shape[:2] for n in range(3)] == [(24, 24), (24, 29), (24, 29)]
    small = read_pixels(tmp_path / "out" / "0.png")
    command(runs["telea"], damaged, tmp_path / "whole", "--mask", masks)
    whole = Image.fromarray(read_pixels(tmp_path / "whole" / "0.png")).resize((24, 24), Image.Resampling.BICUBIC)
    assert np.abs(small.astype(int) - np.asarray(whole)).max() < 60  # the hole is filled, not left grey and enlarged


def test_a_picture_that_fails_is_a_line(command, runs, holed, tmp_path):
    damaged, masks = holed
    (damaged / "bad.png").write_bytes(b"no picture")
    (masks / "0.png").unlink()
    Image.new("L", (9, 9)).save(masks / "1.png")
    code, out, err = command(runs["telea"], damaged, tmp_path / "out", "--mask", masks)
    assert code == 0 and "1 pictures are in" in out
    assert (
        "bad.png: not a picture" in err and "0: has no mask" in err and "1: its mask is 9×9, the picture 61×50" in err
    )


def test_mistakes_are_one_line(command, runs, holed, photos, tmp_path):
    damaged, masks = holed
    out = tmp_path / "out"
    complains(command(tmp_path / "nowhere", photos, out), "holds no run")
    complains(command(runs["unet_l1"], damaged, out), "must be told what was lost; give --mask FOLDER")
    complains(command(runs["unet_l1"], damaged, out, "--triplets", "--mask", masks), "leave --mask out")
    complains(command(runs["dncnn"], photos, out, "--level", "jpeg_q10"), "give both or none")
    complains(command(runs["dncnn"], photos, out, "--triplets", "--level", "jpeg_q1"), "jpeg_q10")
    complains(command(runs["dncnn"], tmp_path / "empty", out), "empty")
    (tmp_path / "file").write_text("in the way")
    complains(command(runs["dncnn"], photos, tmp_path / "file"), "cannot write to", "choose another folder")


def test_a_run_that_cannot_restore_says_why(command, runs, photos, tmp_path):
    stored = json.loads((runs["dncnn"] / "run.json").read_text())
    folder = tmp_path / "copy"
    folder.mkdir()
    for changes, says in (
        ({"source": "folder"}, "restored elsewhere"),
        ({"status": "diverged"}, "is diverged, not trained to its end"),
        ({}, "no checkpoint.pt; train it first"),
    ):
        (folder / "run.json").write_text(json.dumps(stored | changes))
        complains(command(folder, photos, tmp_path / "out"), says)
    (folder / "checkpoint.pt").write_bytes((runs["dncnn"] / "checkpoint.pt").read_bytes())
    stored["config"]["method"]["code"] = "another"
    (folder / "run.json").write_text(json.dumps(stored))
    code, _, err = command(folder, photos, tmp_path / "out")
    assert code == 0 and "its code has changed since" in err
