"""`restorebench verify` without a method: ours against published numbers, and what it says when they differ."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.metrics import METRICS
from bench.verify import battery, references
from bench.verify.battery import Line, closed_forms, verify_battery
from tests.conftest import draw
from tests.test_cli import call, complains


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *words: call(capsys, monkeypatch, "verify", *words)


def test_the_published_table_is_whole():
    """Two sets, four qualities, three published columns: 24 values, and the uniform window's 8 beside them."""
    published = [key for key in references.JPEG_GRAY if key[2] != "ssim_uniform8"]
    assert len(published) == 24 and len(references.JPEG_GRAY) == 32 and len(references.JPEG_COLOUR) == 20
    first = references.JPEG_GRAY["classic5", 10, "psnr"]
    assert first.value == 27.82 and first.tolerance == pytest.approx(0.005)


def test_classic5_agrees_to_the_printed_digit(shared_data):
    lines = [each for each in verify_battery({"classic5": shared_data / "classic5"}) if "classic5" in each.what]
    assert len(lines) == 16 and all(each.holds and each.published for each in lines)


def test_everything_that_needs_no_folder_agrees():
    lines = [each for each in verify_battery({}) if each.published]
    assert len(lines) >= 4 and [each.what for each in lines if not each.holds] == []


def test_a_wrong_metric_is_a_miss_and_exit_1(command, shared_data, monkeypatch):
    right = METRICS["psnr"].compute
    monkeypatch.setitem(METRICS, "psnr", replace(METRICS["psnr"], compute=lambda *given: right(*given) + 0.02))
    monkeypatch.setattr(battery, "_no_reference", lambda: iter(()))
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = command("--classic5", shared_data / "classic5")
    assert code == 1 and out.count("MISSES") == 4 and "classic5 gray Q10 psnr" in out


def test_what_cannot_be_checked_is_said_and_not_a_miss(command, monkeypatch, no_weights):
    monkeypatch.delenv("RESTOREBENCH_DATA", raising=False)
    monkeypatch.setattr(battery, "_no_reference", lambda: iter(()))
    code, out, _ = command()
    assert code == 0 and "use --classic5 FOLDER" in out and "use --live1 FOLDER" in out
    assert "weights not found: squeezenet1_1" in out and "4 of 4 comparisons agree; 3 could not be made" in out


def test_another_set_of_pictures_is_refused(command, tmp_path):
    for number in range(5):
        Image.fromarray(draw(number)).convert("L").save(tmp_path / f"{number}.png")
    complains(command("--classic5", tmp_path), "not the pixels of classic5")
    complains(command("--live1", tmp_path), "live1 has 29 pictures, this folder 5")
    complains(command("--classic5", tmp_path / "nowhere"), "is not a folder")
    complains(command("identity", "--classic5", tmp_path), "leave METHOD out")


def test_colour_is_compared_in_colour_and_in_gray():
    pictures = [draw(number, 64, 64) for number in range(2)]
    lines = list(battery._jpeg("live1", pictures))
    assert sum("gray" in each.what for each in lines) == 16 and sum("colour" in each.what for each in lines) == 20
    file = io.BytesIO()
    Image.fromarray(pictures[0]).save(file, "JPEG", quality=10, subsampling="4:2:0")
    assert np.array_equal(battery._compressed(pictures[0], 10), np.array(Image.open(file)))
    red, green, blue = np.moveaxis(pictures[0].astype(float) / 255, 2, 0)
    luma = np.round(16 + 65.481 * red + 128.553 * green + 24.966 * blue)
    assert np.array_equal(battery._gray(pictures[0]), luma.astype(np.uint8))
    assert np.array_equal(battery._gray(np.repeat(pictures[0][..., :1], 3, 2)), pictures[0][..., 0])


def test_luma_half_way_between_two_levels_is_matlab_s():
    """All colours of LIVE1 whose luma is x.5, and what the published gray LIVE1 has there: up, down or to even."""
    colours = """
        35 47 39 53, 50 38 46 52, 61 39 12 52, 101 151 76 126, 105 141 117 126, 116 142 83 125, 120 132 124 125,
        127 143 49 125, 131 133 90 125, 146 124 97 125, 172 116 70 125, 205 217 209 198
    """
    table = np.array([each.split() for each in colours.split(",")]).astype(np.uint8)
    assert np.array_equal(battery._gray(table[None, :, :3])[0], table[:, 3])


def test_closed_forms_hold_and_would_miss():
    for line in closed_forms():
        assert line.holds
        assert not replace(line, ours=line.ours + 1e-3).holds
        assert not replace(line, ours=float("nan")).holds
    assert Line("", float("nan"), None, "no folder").holds
