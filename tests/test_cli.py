"""The command line: shapes that others rely on, and one clear line for every mistake."""

import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from bench import cli
from bench.data.pictures import read_pixels
from tests.conftest import draw


def call(capsys, monkeypatch, *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command, in this process."""
    monkeypatch.setattr(sys, "argv", ["restorebench", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *words: call(capsys, monkeypatch, *words)


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path]:
    """Two folders of the same four pictures, the first with some noise."""
    for number in range(4):
        clean = draw(number, 64, 64)
        noisy = np.clip(clean + np.random.default_rng(number).normal(0, 8, clean.shape), 0, 255).astype(np.uint8)
        for name, pixels in (("truth", clean), ("out", noisy)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path / "out", tmp_path / "truth"


def complains(result: tuple[int, str, str], *says: str) -> None:
    """A mistake: exit code 2, one line on standard error that says all of this, no traceback."""
    code, _, err = result
    assert code == 2, err
    assert err.startswith("restorebench: ") and err.count("\n") == 1 and "Traceback" not in err
    for text in says:
        assert text in err


def both(pair: tuple[Path, Path]) -> tuple[str, ...]:
    """The options that name both folders of a pair."""
    return ("--restored", str(pair[0]), "--reference", str(pair[1]))


COMMANDS = sorted(set(get_command(cli.app).commands) - {"baseline"})  # which holds commands of its own


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(command, name):
    code, out, _ = command(name, "--help")
    assert code == 0 and "Example: restorebench" in out


def test_help_and_version_load_nothing_heavy():
    program = (
        "import sys; sys.argv = ['restorebench', '--help']\nfrom bench.cli import main\n"
        "try:\n main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'pandas', 'cv2', 'scipy', 'skimage'} & set(sys.modules)))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr


def start(code: str) -> float:
    """The best of five starts of a Python that runs this, in seconds: whatever else runs here only adds to it."""
    root, best = Path(__file__).parent.parent, float("inf")
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=root, check=True, stdout=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - began)
    return best


def test_start_takes_a_few_times_what_python_takes():
    """With Python's own start at 20 ms, 0.3 s for the import would be 15 times it, and 0.5 s for --help 25 times."""
    bare, imported = start("pass"), start("import bench")
    helped = start("import sys; sys.argv = ['restorebench', '--help']; from bench.cli import main; main()")
    said = (
        f"python -c pass {bare:.3f} s; import bench {imported:.3f} s, {imported / bare:.1f}x; "
        f"restorebench --help {helped:.3f} s, {helped / bare:.1f}x"
    )
    sys.stdout.write(f"\n{said}\n")  # pytest -rP shows it
    assert imported < 8 * bare and helped < 20 * bare, said


def test_measure_json_has_its_published_shape(command, pair):
    code, out, _ = command("measure", *both(pair), "--metrics", "psnr,ssim", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert found.keys() == {"summary", "images", "definitions"}
    assert found["summary"]["psnr"].keys() == {"mean", "ci95", "n", "unavailable"}
    low, high = found["summary"]["psnr"]["ci95"]
    assert low <= found["summary"]["psnr"]["mean"] <= high and found["summary"]["psnr"]["n"] == 4
    assert [row["image"] for row in found["images"]] == ["0", "1", "2", "3"]
    assert found["summary"]["psnr"]["mean"] == pytest.approx(np.mean([row["psnr"] for row in found["images"]]))
    assert "11" in found["definitions"]["ssim"]


def test_measure_prints_tables_and_csv(command, pair):
    code, out, _ = command("measure", *both(pair), "--metrics", "psnr", "--format", "csv")
    assert code == 0 and out.splitlines()[0] == "image,psnr,problem" and len(out.splitlines()) == 5
    code, out, _ = command("measure", *both(pair), "--metrics", "psnr")
    assert code == 0 and "95 % interval" in out


def test_measure_scores_regions_with_masks(command, pair, tmp_path):
    (tmp_path / "masks").mkdir()
    for number in range(4):
        mask = np.zeros((64, 64), np.uint8)
        mask[20:40, 20:40] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    words = ("--restored", pair[0], "--reference", pair[1], "--mask", tmp_path / "masks", "--metrics", "psnr")
    found = json.loads(command("measure", *words, "--format", "json")[1])
    assert set(found["summary"]) == {"psnr", "psnr/lost", "psnr/boundary", "psnr/kept"}


def test_measure_goes_on_past_a_bad_pair(command, pair):
    Image.fromarray(draw(0, 32, 32)).save(pair[0] / "0.png")
    broken = pair[1] / "1.png"
    broken.write_bytes(broken.read_bytes()[:400])
    (pair[1] / "2.png").unlink()
    code, out, err = command("measure", *both(pair), "--metrics", "psnr", "--format", "json")
    found = json.loads(out)
    assert code == 0 and found["summary"]["psnr"]["n"] == 1
    assert "restored is 32x32, reference is 64x64" in err and "truncated" in err and "no reference of this name" in err
    assert sum("problem" in row for row in found["images"]) == 3


def test_measure_mistakes(command, pair, tmp_path):
    out, truth = pair
    (tmp_path / "empty").mkdir()
    complains(command("measure", "--restored", tmp_path / "empty"), "has no pictures")
    complains(command("measure", "--restored", tmp_path / "absent"), "is not a folder")
    complains(command("measure", "--restored", out, "--reference", truth, "--metrics", "pnsr"), "did you mean 'psnr'?")
    complains(command("measure", "--restored", out, "--metrics", "psnr"), "needs --reference")
    complains(command("measure", "--restored", out, "--format", "xml"), "'xml'")
    complains(command("measure"), "--restored")
    for file in truth.iterdir():
        file.rename(file.with_name(f"other_{file.name}"))
    complains(command("measure", "--restored", out, "--reference", truth), "no picture of", "rename one side")


def test_measure_says_when_pictures_are_too_small(command, pair):
    code, out, _ = command("measure", "--restored", pair[0], "--metrics", "niqe", "--format", "json")
    assert code == 0 and json.loads(out)["summary"]["niqe"]["unavailable"]


def test_run_mistakes(command, tmp_path, tiny_suite):
    complains(command("run", "quikstart"), "did you mean 'quickstart'?")
    complains(command("run", tiny_suite, "--tasks", "jpg"), "did you mean 'jpeg'?")
    complains(command("run", tiny_suite, "--methods", "dncn"), "did you mean 'dncnn'?")
    complains(command("run", tiny_suite, "--device", "tpu"), "use auto, cpu or cuda")
    complains(command("run", tiny_suite, "--nonsense"), "--nonsense")
    complains(command("run", tiny_suite, "--plugin", tmp_path / "none.py"), "does not exist")
    (tmp_path / "file").write_text("")
    complains(command("run", tiny_suite, "--runs", tmp_path / "file"), "cannot write to", "choose another folder")
    (tmp_path / "nothing").mkdir()
    tiny_suite.write_text(tiny_suite.read_text().replace("folder:", f"folder:{tmp_path}/nothing"))
    complains(command("run", tiny_suite), "nothing")


def test_report_mistakes(command, tmp_path):
    complains(command("report", tmp_path / "none", "-o", tmp_path / "site"), "none")


def test_score_mistakes(command, tmp_path, tiny_suite):
    complains(command("score", tiny_suite, "--predictions", tmp_path), "--task")
    complains(command("score", tiny_suite, "--task", "jpeg"), "--predictions")
    words = ("--predictions", tmp_path / "none", "--name", "theirs")
    complains(command("score", tiny_suite, "--task", "jpeg", *words), "is not a folder")
    complains(command("score", tiny_suite, "--task", "jpge", *words), "did you mean 'jpeg'?")


def header_of_a_huge_png() -> bytes:
    """A PNG file that announces 20,000 x 20,000 pixels and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = (20000).to_bytes(4, "big")
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + size + b"\x08\x02\x00\x00\x00")
    return start + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_degrade_takes_any_sizes_and_formats_and_names_what_it_leaves_out(command, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(draw(1, 97, 131)).save(folder / "odd.webp", lossless=True)
    Image.fromarray(draw(2, 1, 1)).save(folder / "one.png")
    Image.fromarray(draw(3)).convert("L").save(folder / "gray.bmp")
    (folder / "huge.png").write_bytes(header_of_a_huge_png())
    (folder / "text.jpg").write_text("not a picture")
    code, out, err = command("degrade", "hole", folder, tmp_path / "out")
    assert code == 0 and "3 pictures at 2 levels" in out
    assert "huge" in err and "text" in err
    degraded, mask = (read_pixels(tmp_path / "out/hole_box" / kind / "odd.png") for kind in ("degraded", "mask"))
    assert degraded.shape == mask.shape == (97, 131, 3)
    assert (degraded[mask[..., 0] > 0] == 128).all()
    assert read_pixels(tmp_path / "out/hole_box/clean/one.png").shape == (1, 1, 3)


def test_degrade_mistakes(command, tmp_path, photos):
    complains(command("degrade", "mosaik", photos, tmp_path), "did you mean 'mosaic'?")
    complains(command("degrade", "jpeg", photos, tmp_path, "--level", "jpeg_q15"), "unknown level")
    complains(command("degrade", "facemask", photos, tmp_path / "out"), "landmarks")
    complains(command("degrade", "hole", photos, tmp_path / "out", "--level", "hole_files"), "hole_files@FOLDER")
    complains(
        command("degrade", "hole", photos, tmp_path / "out", "--level", f"hole_files@{tmp_path}/no"), "hole_files"
    )
    complains(command("degrade", "jpeg", tmp_path / "none", tmp_path / "out"), "none")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_output_is_said(command, tmp_path, photos):
    (tmp_path / "locked").mkdir(mode=0o500)
    complains(command("degrade", "jpeg", photos, tmp_path / "locked" / "out"), "cannot write to")


@pytest.mark.parametrize("what", ["methods", "tasks", "metrics", "suites", "data"])
def test_lists_print_and_give_json(command, what):
    code, out, _ = command("list", what)
    assert code == 0 and out.strip()
    code, out, _ = command("list", what, "--json")
    assert code == 0 and all("name" in row for row in json.loads(out))


def test_list_methods_json_has_its_published_shape(command):
    rows = {row["name"]: row for row in json.loads(command("list", "methods", "--json")[1])}
    assert {"name", "tasks", "parameters", "trained", "source"} <= rows["pix2pix"].keys()
    assert rows["pix2pix"]["trained"] is True and rows["identity"]["trained"] is False
    assert rows["pix2pix"]["parameters"] > 50_000_000 and rows["identity"]["parameters"] == 0


def test_doctor_looks_at_everything(command):
    code, out, _ = command("doctor", "--json")
    found = {row["what"]: row for row in json.loads(out)}
    assert code == 0
    assert found["torch"]["state"] == "ok" and found["brisque"]["state"] == "ok" and found["niqe"]["state"] == "ok"


def test_a_plug_in_that_breaks_is_one_line(command, tmp_path, tiny_suite):
    plugin = tmp_path / "broken.py"
    plugin.write_text("raise RuntimeError('no luck')")
    code, _, err = command(
        "train", tiny_suite, "--methods", "identity", "--runs", tmp_path / "runs", "--plugin", plugin
    )
    assert code == 0 and "no luck; left out" in err.replace("\n", " ")


def test_classic5_at_quality_10_measures_as_published(command, shared_data, tmp_path):
    """27.82 / 0.760 in the FBCNN paper's table, 27.821 / 0.7595 recomputed with one more digit."""
    truth = shared_data / "classic5"
    assert command("degrade", "jpeg", truth, tmp_path, "--level", "jpeg_q10")[0] == 0
    words = ("--restored", tmp_path / "jpeg_q10/degraded", "--reference", truth, "--metrics", "psnr,ssim")
    summary = json.loads(command("measure", *words, "--format", "json")[1])["summary"]
    assert summary["psnr"]["mean"] == pytest.approx(27.821, abs=0.001)
    assert summary["ssim"]["mean"] == pytest.approx(0.7595, abs=0.001)
    assert summary["psnr"]["n"] == 5


def test_measure_puts_neighbours_of_one_size_together_and_changes_no_score(command, tmp_path, monkeypatch):
    """Three sizes, in an order that mixes them, as one batch each run of equals or picture by picture."""
    for number, side in enumerate((64, 64, 80, 64, 64, 64, 96)):
        for name, seed in (("truth", number), ("out", number + 50)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(draw(seed, side, side + 7)).save(tmp_path / name / f"{number}.png")
    words = ("measure", *both((tmp_path / "out", tmp_path / "truth")), "--metrics", "psnr,ssim", "--format", "json")
    together = json.loads(command(*words)[1])
    monkeypatch.setattr("bench.scoring.measure.BATCH_PIXELS", 1)
    alone = json.loads(command(*words)[1])
    assert [each["image"] for each in together["images"]] == [str(number) for number in range(7)]
    for one, other in zip(together["images"], alone["images"], strict=True):
        assert one == pytest.approx(other, abs=1e-6)
