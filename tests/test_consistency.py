"""Consistency: what a restoration invented against its own input; and the row of the truth's own scores."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from bench import api
from bench.data.batches import Case
from bench.data.pictures import read_pixels, save_png
from bench.discovery import discover
from bench.metrics import METRICS, load
from bench.results import store
from bench.scoring.battery import Battery
from bench.scoring.evidence import consistency_rows
from degradations.base import Degradation
from degradations.hole import BoxHole
from degradations.jpeg import Jpeg, compress
from degradations.jpegfile import read_planes
from degradations.mosaic import Mosaic
from methods.jpeg_projection import JpegProjection
from reports.site import build
from reports.tables.board import task_board
from reports.tables.select import select
from reports.tables.views import task_view
from tests.conftest import draw
from tests.make_runs import METHODS as METHODS_MADE
from tests.make_runs import make_runs

IDS = ("consistency_mosaic", "consistency_jpeg", "consistency_kept")


def case_of(degradation: Degradation, clean: np.ndarray, seed: int = 3) -> Case:
    return Case("one", clean, *degradation(clean, seed), seed)


def scored(degradation: Degradation, case: Case, restored) -> dict[str, float]:
    rows = consistency_rows(Battery.of(IDS, torch.device("cpu")), degradation, case, restored)
    assert all(each["region"] == "whole" and each["image_id"] == "one" for each in rows)
    return {each["metric"]: each["value"] if each["status"] == "ok" else each["status"] for each in rows}


def photograph() -> np.ndarray:
    """A face with hair and edges, 112×130."""
    return skimage.data.astronaut()[60:172, 170:300]


def smooth(pixels: np.ndarray) -> np.ndarray:
    """What a restoration that knows nothing of the damage does: a blur."""
    return cv2.GaussianBlur(pixels, (0, 0), 1.5)


# --- the file's own coefficients -------------------------------------------------------------------------------------

FREQUENCIES = np.arange(8)
DCT = np.sqrt(2 / 8) * np.cos(np.pi * (2 * FREQUENCIES + 1) * FREQUENCIES[:, None] / 16)
DCT[0] /= np.sqrt(2)
ZIGZAG = sorted(np.ndindex(8, 8), key=lambda place: (sum(place), place[0] if sum(place) % 2 else place[1]))


def decoded(indices: np.ndarray, steps: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A plane from its coefficients, in floating point, cut off at black and white."""
    blocks = np.zeros((rows * columns, 8, 8))
    for place, (i, j) in enumerate(ZIGZAG):
        blocks[:, i, j] = indices[:, place] * steps[place]
    pixels = (DCT.T @ blocks @ DCT + 128).reshape(rows, columns, 8, 8).transpose(0, 2, 1, 3)
    return pixels.reshape(rows * 8, columns * 8).clip(0, 255)


@pytest.mark.parametrize("quality", [1, 10, 40, 95])
def test_coefficients_are_those_that_libjpeg_decodes(quality):
    clean = draw(0, 45, 67)
    data = compress(clean, quality, "4:4:4")
    with Image.open(io.BytesIO(data)) as picture:
        tables = picture.quantization
        picture.draft("YCbCr", picture.size)  # the planes as decoded, before any colour conversion
        planes = np.asarray(picture)
    found = read_planes(data)
    assert len(found) == 3 and all(plane.indices.shape == (6 * 9, 64) for plane in found)
    for number, plane in enumerate(found):
        assert sorted(plane.steps) == sorted(tables[min(number, 1)])
        ours = decoded(plane.indices, plane.steps, 6, 9)[:45, :67]
        # half a level of the decoder's rounding, the rest its integer arithmetic
        assert np.abs(ours - planes[..., number]).max() < 1.01, number


def test_chroma_is_read_at_its_own_sampling():
    found = read_planes(compress(draw(1, 45, 67), 30, "4:2:0"))
    luma, blue, red = (len(plane.indices) for plane in found)
    assert (luma, blue, red) == (4 * 3 * 5, 3 * 5, 3 * 5), "16-px units, the last of a row and column padded"
    gray = io.BytesIO()
    Image.fromarray(draw(1, 45, 67)[..., 0]).save(gray, "JPEG", quality=30)
    assert [len(plane.indices) for plane in read_planes(gray.getvalue())] == [6 * 9]
    flat = read_planes(compress(np.full((16, 16, 3), 200, np.uint8), 50, "4:2:0"))
    assert flat[0].indices[:, 0].tolist() == [round(8 * (200 - 128) / 16)] * 4 and not flat[0].indices[:, 1:].any()


def test_other_files_are_refused_in_one_line():
    data = compress(draw(2), 30, "4:2:0")
    progressive = io.BytesIO()
    Image.fromarray(draw(2)).save(progressive, "JPEG", progressive=True)
    for bad, words in (
        (progressive.getvalue(), "baseline"),
        (b"\x89PNG....", "not a JPEG"),
        (data[:300], "cut short"),
        (data[:-60] + b"\xff\xd9", "damaged"),
        (data[:-2] + b"\0" * 9 + b"\xff\xd9", "damaged"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            read_planes(bad)
        assert "\n" not in str(caught.value)


# --- directions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("quality", [10, 40])
def test_jpeg_bins(quality, subsampling):
    """The truth keeps every bin; the input nearly all (its pixels were rounded and clipped); inventions do not."""
    degradation = Jpeg(quality, subsampling)
    case = case_of(degradation, photograph())
    noise = np.random.default_rng(0).normal(0, 25, case.clean.shape)
    restored = {
        "truth": case.clean,
        "identity": case.degraded,
        "smooth": smooth(case.degraded),
        "invented": np.clip(case.degraded + noise, 0, 255).astype(np.uint8),
        "another": case.clean[::-1],
    }
    found = {name: scored(degradation, case, pixels) for name, pixels in restored.items()}
    assert all(set(each) == {"consistency_jpeg"} for each in found.values()), "nothing is kept, nothing is a cell"
    value = {name: each["consistency_jpeg"] for name, each in found.items()}
    assert value["truth"] == 100 > value["identity"] > 99.5
    assert max(value["smooth"], value["invented"], value["another"]) < value["identity"] - 0.3


def test_projection_keeps_to_the_bins_where_smoothing_alone_does_not():
    degradation = Jpeg(20, "4:2:0")
    case = case_of(degradation, photograph())
    method = JpegProjection(JpegProjection.Config())
    degraded = torch.from_numpy(case.degraded).permute(2, 0, 1)[None] / 255
    projected = method.restore(degraded, None)[0].permute(1, 2, 0).mul(255).round().byte().numpy()
    assert np.abs(projected.astype(int) - case.degraded).max() > 3, "it did something"
    ours = scored(degradation, case, projected)["consistency_jpeg"]
    theirs = scored(degradation, case, smooth(case.degraded))["consistency_jpeg"]
    assert ours > 99.8 and ours > theirs + 0.5, (ours, theirs)


def test_jpeg_share_by_hand():
    given = np.zeros((2, 64), np.int32)
    found = given.copy()
    found[0, :16] = 1
    assert load("consistency_jpeg")(found, given) == pytest.approx(100 * 112 / 128)


@pytest.mark.parametrize("level", [Mosaic(8), Mosaic(8, "topleft"), Mosaic(4, cell_max=16), Mosaic(10, trailing=False)])
def test_mosaic_cells(level):
    """The truth and the input agree with the cells; a picture that is brighter by 5 levels is off by 5."""
    clean = np.clip(draw(7, 70, 85), 20, 200)
    case = case_of(level, clean, seed=11)
    brighter = np.where(case.mask[..., None] == 1, clean + 5, clean).astype(np.uint8)
    assert scored(level, case, clean) == {"consistency_mosaic": 0, "consistency_kept": 0}
    assert scored(level, case, case.degraded) == {"consistency_mosaic": 0, "consistency_kept": 0}
    assert scored(level, case, brighter) == {"consistency_mosaic": 5, "consistency_kept": 0}
    assert scored(level, case, draw(8, 70, 85))["consistency_mosaic"] > 5


def test_kept_pixels_by_hand():
    degradation = BoxHole()
    case = case_of(degradation, np.full((40, 40, 3), 100, np.uint8))
    restored = case.degraded.copy()
    restored[case.mask == 1] = 7  # what was lost does not count
    assert scored(degradation, case, restored) == {"consistency_kept": 0}
    y, x = np.argwhere(case.mask == 0)[0]
    restored[y, x, 1] = 106
    assert scored(degradation, case, restored)["consistency_kept"] == pytest.approx(6 / 3 / (case.mask == 0).sum())


def test_a_picture_that_is_not_there_says_why():
    degradation = Mosaic(8)
    case = case_of(degradation, draw(9))
    assert scored(degradation, case, "nan") == {"consistency_mosaic": "nan", "consistency_kept": "nan"}
    everything = replace(case, mask=np.ones_like(case.mask))
    assert set(scored(degradation, everything, case.clean)) == {"consistency_mosaic"}, "no pixel was kept"


def test_every_level_of_the_tasks_has_its_evidence():
    found = discover(())
    expected = {"mosaic": {"cells"}, "jpeg": {"coefficients"}, "erase": set(), "hole": set(), "facemask": set()}
    for task, levels in found.levels.items():
        for level in found.tasks[task].levels:
            clean = draw(10)
            kinds = levels[level].evidence(clean, 5)
            assert set(kinds) == expected[task], level
            again = levels[level].evidence(clean, 5)
            assert all(np.array_equal(kinds[name], again[name]) for name in kinds), "same seed, same evidence"
    assert {each.evidence for each in METRICS.values() if each.kind == "consistency"} == {
        "kept", *set().union(*expected.values()),
    }  # fmt: skip


# --- through the harness ---------------------------------------------------------------------------------------------

SUITE = """
description = "for tests"
[data.photos]
source = "folder:{photos}"
[train]
images = 8
crop = 32
seeds = [0]
[score]
size = 48
keep = 2
metrics = ["psnr", "brisque", "consistency_mosaic", "consistency_jpeg", "consistency_kept", "face_identity"]
[tasks.jpeg]
data = "photos"
levels = ["jpeg_q10", "jpeg_q40"]
methods = ["identity", "median"]
[tasks.mosaic]
data = "photos"
levels = ["mosaic_c8"]
methods = ["identity"]
[tasks.hole]
data = "photos"
levels = ["hole_box"]
methods = ["identity"]
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, photos):
    folder = tmp_path_factory.mktemp("consistency")
    (folder / "suite.toml").write_text(SUITE.format(photos=photos))
    api.run(str(folder / "suite.toml"), api.Settings(runs=folder / "runs", device="cpu"))
    return folder / "runs"


def means(runs, task: str, method: str) -> dict[str, float]:
    (folder,) = (each for each in store.find_runs(runs) if each.parts[-3:-1] == (task, method))
    rows = store.read_scores(folder)
    rows = rows[rows["metric"].isin((*IDS, "face_identity"))]
    assert (rows["status"] == "ok").all()
    return rows.groupby("metric")["value"].mean().to_dict()


def test_a_run_stores_the_consistency_that_applies(runs):
    assert means(runs, "mosaic", "identity") == {"consistency_mosaic": 0, "consistency_kept": 0}
    assert means(runs, "hole", "identity") == {"consistency_kept": 0}
    kept, filtered = means(runs, "jpeg", "identity"), means(runs, "jpeg", "median")
    assert set(kept) == set(filtered) == {"consistency_jpeg"}, "scenes have no faces"
    assert kept["consistency_jpeg"] > 99.5 and kept["consistency_jpeg"] > filtered["consistency_jpeg"]


def test_pictures_made_elsewhere_have_them_too(runs, tmp_path, photos):
    """The clean pictures put in as predictions: they agree with every input."""
    (folder,) = (each for each in store.find_runs(runs) if each.parts[-3:-1] == ("hole", "identity"))
    ids = store.read_scores(folder)["image_id"].unique()
    for name in ids:
        if name:
            for level in ("jpeg_q10", "jpeg_q40"):
                save_png(tmp_path / "made" / level / f"{name}.png", read_pixels(photos / f"{name}.png"))
    told = api.Predictions(tmp_path / "made", "theirs", "jpeg")
    run = api.score_folder(told, str(runs.parent / "suite.toml"), api.Settings(runs=tmp_path / "runs", device="cpu"))
    rows = store.read_scores(store.run_folder(tmp_path / "runs", "jpeg", "theirs", run.run_id))
    assert (rows[rows["metric"] == "consistency_jpeg"]["value"] == 100).all()


def test_the_truth_s_own_scores_are_stored_once_with_the_inputs(runs):
    (folder,) = (each for each in store.find_runs(runs) if each.parts[-3:-1] == ("jpeg", "median"))
    run = store.read_run(folder)
    stored = store.read_reference(runs, run)
    pictures = set(store.read_scores(folder)["image_id"]) - {""}
    assert set(stored["metric"]) == {"brisque"} and sorted(stored["image_id"]) == sorted(pictures)
    assert set(stored["fingerprint"]) == {METRICS["brisque"].fingerprint()}
    file = next((runs / "jpeg" / "inputs").glob("*/reference.parquet"))
    before = file.stat().st_mtime_ns
    suite = runs.parent / "suite.toml"
    (folder / "scores.parquet").unlink()
    api.run(str(suite), api.Settings(runs=runs, device="cpu"))
    assert (folder / "scores.parquet").exists() and file.stat().st_mtime_ns == before, "it has what is asked for"


# --- on the board ----------------------------------------------------------------------------------------------------


TWO = tuple(each for each in METHODS_MADE if each.name in ("pix2pix", "identity"))


def give_reference(root, metric: str = "niqe", **changed) -> store.Run:
    """Scores of 12 true pictures, 4.0 to 5.1, and one that has none, beside the inputs of fabricated runs."""
    run = next(each for each in map(store.read_run, store.find_runs(root)) if metric in each.metrics)
    same = {"metric": metric, "fingerprint": run.metrics[metric]["fingerprint"], **changed}
    rows = [{"image_id": f"photo_{n:04d}", "value": 4 + n / 10, **same} for n in range(12)]
    store.write_reference(root, run, [*rows, {**same, "image_id": "flat", "value": float("nan")}])
    return run


def test_board_has_a_row_for_the_truth(tmp_path):
    root = make_runs(tmp_path / "runs", methods=TWO)
    assert task_view(task_board(select(root)[0]))["reference"] == {}, "nothing stored, no row"
    give_reference(root)
    cells = task_view(task_board(select(root)[0]))["reference"]
    assert set(cells) == {"niqe"} and cells["niqe"]["v"] == pytest.approx(4.55)
    assert "12 images" in cells["niqe"]["title"] and "r" not in cells["niqe"], "scored, never ranked"
    build(root, tmp_path / "site")
    page = (tmp_path / "site" / "mosaic.html").read_text()
    assert '<tr id="truth" hidden>' in page, "the first view has no metric of this kind"
    assert json.dumps(cells["niqe"]["t"]) in page, "the script has it for the others"


def test_other_definitions_and_damaged_files_stay_out(tmp_path):
    root = make_runs(tmp_path / "runs", methods=TWO)
    give_reference(root, fingerprint="another")
    assert task_view(task_board(select(root)[0]))["reference"] == {}
    run = give_reference(root)
    path = store.input_path(root, run, "truth", "", "x").parent.parent / "reference.parquet"
    path.write_bytes(b"no table")
    assert task_view(task_board(select(root)[0]))["reference"] == {}
    build(root, tmp_path / "site")
    assert '<tr id="truth" hidden>' in (tmp_path / "site" / "mosaic.html").read_text()


def test_metric_names_in_the_truth_s_row_cannot_break_out(tmp_path):
    root = make_runs(tmp_path / "runs", methods=TWO)
    evil = '"><script>alert(1)</script>'
    for folder in store.find_runs(root):
        run = store.read_run(folder)
        if run.metrics:
            run.metrics[evil] = run.metrics.pop("niqe")
            store.write_run(folder, run)
            rows = store.read_scores(folder)
            store.write_scores(folder, rows.assign(metric=rows["metric"].replace("niqe", evil)).to_dict("records"))
    give_reference(root, evil)
    build(root, tmp_path / "site")
    page = (tmp_path / "site" / "mosaic.html").read_text()
    assert "<tfoot" in page and "<script>alert" not in page
