"""Pictures restored by other programs: inputs with a manifest, the linter, folders by level and seed, submissions."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.data.pictures import read_pixels
from bench.errors import UserError
from bench.outside.card import Card
from bench.outside.inputs import write_inputs
from bench.outside.lint import FIXES, lint
from bench.outside.opened import OpenTask
from bench.outside.predictions import Given, PredictionFolders
from bench.results import store
from tests.test_cli import command, complains  # noqa: F401  (command is a fixture)

SUITE = """
[data.scenes]
source = "embedded:scenes"
short_side = 96
[score]
size = 96
pictures = 5
keep = 1
metrics = ["psnr"]
[tasks.jpeg]
data = "scenes"
levels = ["jpeg_q10", "jpeg_q40"]
methods = ["identity"]
[tasks.hole]
data = "scenes"
levels = ["hole_box"]
methods = ["telea"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A suite file, and the inputs of both of its tasks as `degrade --evaluation` writes them."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "tiny.toml").write_text(SUITE)
    for task in ("jpeg", "hole"):
        write_inputs(OpenTask.of(str(folder / "tiny.toml"), task), folder / task)
    return folder


@pytest.fixture(scope="module")
def opened(place) -> dict[str, OpenTask]:
    return {task: OpenTask.of(str(place / "tiny.toml"), task) for task in ("jpeg", "hole")}


def smooth(pixels: np.ndarray) -> np.ndarray:
    return cv2.bilateralFilter(pixels, 5, 12, 2)


def restored(place: Path, out: Path, task: str, how=smooth) -> Path:
    """What a program makes of the inputs: OUT/LEVEL/ID.png."""
    for path in place.glob(f"{task}/*/degraded/*.png"):
        level = path.parts[-3]
        (out / level).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(how(read_pixels(path)))).save(out / level / path.name)
    return out


def faults(opened: OpenTask, folder: Path) -> dict[str, str]:
    """What the linter says of a folder: kind -> the line of the first level."""
    [restorer] = PredictionFolders.open([Given(folder)], opened.levels).seeds.values()
    return {each.kind: str(each) for each in reversed(lint(opened.plan.exam, restorer))}


def test_the_inputs_are_exactly_what_a_method_of_ours_is_given(place, opened):
    for task, plan in ((name, each.plan) for name, each in opened.items()):
        manifest = json.loads((place / task / "manifest.json").read_text())
        assert manifest["inputs"] == plan.digests["inputs"] and manifest["tells_mask"] == (task == "hole")
        listed = {"manifest.json"}
        for level, degradation in plan.exam.levels.items():
            lines = manifest["levels"][level]["pictures"]
            for line, (image_id, case) in zip(lines, plan.exam.pictures.cases(level, degradation), strict=True):
                assert (line["id"], line["width"], line["height"]) == (image_id, 96, 96) and line["seed"] == case.seed
                told = {"degraded": case.degraded, **({"mask": case.mask * 255} if task == "hole" else {})}
                for kind, pixels in told.items():
                    file = place / task / line[kind]["file"]
                    listed.add(line[kind]["file"])
                    found = np.asarray(Image.open(file))
                    assert (found == pixels).all()
                    assert line[kind]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
                    assert line[kind]["pixels_sha256"] == hashlib.sha256(found.tobytes()).hexdigest()
        files = {path.relative_to(place / task).as_posix() for path in (place / task).rglob("*") if path.is_file()}
        assert files == listed, "no truth, and no mask on a task that does not tell"


def test_opencv_called_from_a_shell_script_joins_the_board(place, tmp_path, command):  # noqa: F811
    (tmp_path / "restore.py").write_text(
        "import sys, cv2\nout = sys.argv[1]\nfor path in sys.argv[2:]:\n"
        "    mask = cv2.imread(path.replace('/degraded/', '/mask/'), cv2.IMREAD_GRAYSCALE)\n"
        "    restored = cv2.inpaint(cv2.imread(path), mask, 3, cv2.INPAINT_TELEA)\n"
        "    cv2.imwrite(out + '/' + path.rpartition('/')[2], restored)\n"
    )
    script = (
        'for level in inputs/*/; do out="restored/$(basename "$level")"; mkdir -p "$out"; '
        f'"{sys.executable}" restore.py "$out" "$level"degraded/*.png; done'
    )
    (tmp_path / "inputs").symlink_to(place / "hole")
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, check=True)
    suite, runs = place / "tiny.toml", tmp_path / "runs"
    assert command("lint", tmp_path / "restored", "--task", "hole", "--suite", suite) == (0, "0 faults\n", "")
    words = ("--task", "hole", "--predictions", tmp_path / "restored", "--name", "opencv", "--runs", runs)
    assert command("score", suite, *words)[0] == 0
    assert command("score", suite, "--tasks", "hole", "--runs", runs)[0] == 0
    psnr = {
        folder.parent.name: store.read_scores(folder).query("metric == 'psnr' and region == 'lost'")["value"].mean()
        for folder in store.find_runs(runs)
    }
    assert psnr["opencv"] == pytest.approx(psnr["telea"], abs=0.5), "ours is the same algorithm with another radius"


HARM = {
    "shift": lambda pixels: np.roll(smooth(pixels), (0, 1), (0, 1)),
    "grey": lambda pixels: np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2),
    "channels": lambda pixels: pixels[..., ::-1],
    "range": lambda pixels: (pixels / 255).round().astype(np.uint8),
    "alpha": lambda pixels: np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
    "size": lambda pixels: pixels[:-8],
}


@pytest.mark.parametrize("kind", HARM)
@pytest.mark.parametrize("task", ["jpeg", "hole"])
def test_the_linter_names_what_was_done_to_every_picture(place, opened, tmp_path, task, kind):
    told = faults(opened[task], restored(place, tmp_path / "out", task, HARM[kind]))
    assert set(told) == {kind} and FIXES[kind] in told[kind] and "5 of 5" in told[kind]


@pytest.mark.parametrize("how", [lambda pixels: pixels, smooth, lambda pixels: cv2.medianBlur(pixels, 3)])
@pytest.mark.parametrize("task", ["jpeg", "hole"])
def test_the_linter_is_silent_about_honest_pictures(place, opened, tmp_path, task, how):
    assert faults(opened[task], restored(place, tmp_path / "out", task, how)) == {}


@pytest.mark.parametrize(("scale", "offset"), [(0.5, 127), (219 / 255, 16), (2, -255)])
def test_the_linter_sees_another_range_of_values(place, opened, tmp_path, scale, offset):
    def rescaled(pixels: np.ndarray) -> np.ndarray:
        return np.clip(pixels * float(scale) + offset, 0, 255).astype(np.uint8)

    assert set(faults(opened["hole"], restored(place, tmp_path, "hole", rescaled))) == {"range"}


@pytest.mark.parametrize("quality", [75, 90, 95])
def test_the_linter_sees_jpeg_in_a_png(place, opened, tmp_path, quality):
    def stored(pixels: np.ndarray) -> np.ndarray:
        written = cv2.imencode(".jpg", smooth(pixels)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(written, cv2.IMREAD_COLOR)[..., ::-1]

    told = faults(opened["hole"], restored(place, tmp_path, "hole", stored))
    assert set(told) == {"recompressed"} and str(quality) in told["recompressed"]


def test_the_linter_names_single_files(place, opened, tmp_path):
    files = sorted(restored(place, tmp_path, "hole").glob("*/*.png"))
    files[0].unlink()
    Image.open(files[1]).save(files[1].with_suffix(".jpg"), quality=95)
    files[1].unlink()
    files[2].write_bytes(files[2].read_bytes()[:200])
    shutil.copy(files[3], files[3].with_name("nobody.png"))
    told = faults(opened["hole"], tmp_path)
    assert set(told) == {"missing", "jpeg", "unreadable", "extra"}
    assert files[0].stem in told["missing"] and files[1].stem in told["jpeg"] and "truncated" in told["unreadable"]
    assert "nobody" in told["extra"] and all("\n" not in line for line in told.values())


def test_folders_by_level_and_seed_are_runs_of_one_row(place, tmp_path, command):  # noqa: F811
    for seed in (0, 1):
        restored(
            place, tmp_path / f"all/seed{seed}", "jpeg", lambda pixels, seed=seed: np.roll(smooth(pixels), 0) | seed
        )
    suite, seen = place / "tiny.toml", {}
    parts = [
        f"{level}/{seed}={tmp_path}/all/seed{seed}/{level}" for seed in (0, 1) for level in ("jpeg_q10", "jpeg_q40")
    ]
    for way, given in {"layout": [tmp_path / "all"], "parts": parts}.items():
        words = [word for each in given for word in ("--predictions", each)]
        result = command("score", suite, "--task", "jpeg", "--name", "theirs", "--runs", tmp_path / way, *words)
        assert result[0] == 0
        seen[way] = [store.read_run(folder) for folder in store.find_runs(tmp_path / way)]
    for runs in seen.values():
        assert sorted(run.seed for run in runs) == [0, 1] and len({run.run_id for run in runs}) == 2
        assert runs[0].config == runs[1].config and all(run.trained and run.source == "folder" for run in runs)
    assert {run.run_id for run in seen["layout"]} == {run.run_id for run in seen["parts"]}


def test_the_gate_passes_equal_pictures_and_cannot_judge_others(place, tmp_path, command, monkeypatch):  # noqa: F811
    """The digest of the pictures stands for that of weights, which are not seen."""
    monkeypatch.chdir(tmp_path)  # where the check writes its pages
    suite, kept = str(place / "tiny.toml"), str(tmp_path / "kept.parquet")

    def check(how) -> int:
        folder = restored(place, tmp_path / how.__name__, "jpeg", how)
        runs = str(tmp_path / f"runs of {how.__name__}")
        given = ("--task", "jpeg", "--name", "theirs", "--predictions", str(folder), "--runs", runs)
        assert command("score", suite, *given)[0] == 0
        if how is smooth:
            assert command("baseline", "save", runs, kept)[0] == 0
        return command("check", runs, "--baseline", kept)[0]

    assert [check(how) for how in (smooth, np.copy)] == [0, 2]


def test_folder_mistakes(place, tmp_path):
    levels = ["jpeg_q10", "jpeg_q40"]
    out = restored(place, tmp_path / "out", "jpeg")
    half = [Given(out / "jpeg_q10", "jpeg_q10")]
    for given, says in (
        (half, "no folder for level jpeg_q40"),
        ([Given(out), *half], "given twice"),
        ([Given(out, "jpeg_q15")], "did you mean"),
        ([Given(out), Given(out, seed=1)], "some of none"),
        ([Given(out / "jpeg_q10")], "no subfolder jpeg_q10, jpeg_q40"),
        ([Given(tmp_path / "none")], "is not a folder"),
    ):
        with pytest.raises(UserError, match=says):
            PredictionFolders.open(given, levels)
    assert Given.parse("jpeg_q10/2=a=b") == Given(Path("a=b"), "jpeg_q10", 2)
    assert Given.parse("3=out") == Given(Path("out"), "", 3) and Given.parse("a/b") == Given(Path("a/b"))
    with pytest.raises(UserError, match="SEED a number"):
        Given.parse("jpeg_q10/x=out")


def test_inputs_mistakes(place, tmp_path, command):  # noqa: F811
    suite = place / "tiny.toml"
    complains(command("degrade", "hole", place / "hole", "--evaluation", suite), "is not an empty folder")
    complains(command("degrade", "mosaic", tmp_path / "out", "--evaluation", suite), "does not have task 'mosaic'")
    complains(
        command("degrade", "hole", place, tmp_path / "out", "--evaluation", suite), "degrade hole OUT --evaluation"
    )
    complains(command("degrade", "hole", place), "restorebench degrade TASK IN OUT")
    code, out, _ = command("degrade", "hole", tmp_path / "new", "--evaluation", suite)
    assert code == 0 and "5 pictures at 1 levels" in out and (tmp_path / "new" / "manifest.json").exists()


CARD = """
name = "theirs"
suite = "{suite}"
summary = "A bilateral filter."
paper = "doi:10.1109/ICCV.1998.710815"
code = "none: one call of OpenCV"
licence = "Apache-2.0"
data = ["nothing: it is not trained"]
contamination = "It learns nothing, so no test picture can have been seen."
"""


@pytest.fixture
def submission(place, tmp_path) -> Path:
    """A submission for both tasks."""
    for task in ("jpeg", "hole"):
        restored(place, tmp_path / "theirs" / task, task)
    (tmp_path / "theirs" / "card.toml").write_text(CARD.format(suite=place / "tiny.toml"))
    return tmp_path / "theirs"


def test_a_submission_is_checked_scored_and_shown_with_its_card(submission, tmp_path, command):  # noqa: F811
    assert command("submit", submission, "--check") == (0, "0 faults\n", "")
    assert not (tmp_path / "runs").exists()
    code, out, _ = command("submit", submission, "--runs", tmp_path / "runs")
    assert code == 0 and "theirs is on the board of hole, jpeg" in out
    runs = [store.read_run(folder) for folder in store.find_runs(tmp_path / "runs")]
    assert {run.task for run in runs} == {"hole", "jpeg"}
    for said in ("doi:10.1109", "one call of OpenCV", "Apache-2.0", "nothing: it is not trained", "learns nothing"):
        assert all(said in run.about for run in runs)


def test_training_pictures_that_are_test_pictures_are_found(submission, opened, tmp_path, command):  # noqa: F811
    exam, photos = opened["hole"].plan.exam.pictures, tmp_path / "photos"
    photos.mkdir()
    source = exam.pictures.source
    Image.fromarray(source.read(exam.ids[0]).pixels).resize((80, 80)).save(photos / "seen.jpg", quality=80)
    Image.effect_noise((90, 90), 60).convert("RGB").save(photos / "unseen.png")
    code, out, _ = command("submit", submission, "--check", "--training", photos)
    assert code == 1 and f"seen looks like test picture {exam.ids[0]}" in out and "unseen" not in out
    test = tmp_path / "test"
    test.mkdir()
    Image.fromarray(source.read(exam.ids[0]).pixels).save(test / "a.png")
    code, out, _ = command("contamination", photos, test)
    assert code == 1 and "training picture seen and test picture a" in out and out.endswith("1 fault\n")
    (photos / "seen.jpg").unlink()
    assert command("contamination", photos, test) == (0, "0 faults\n", "")


def test_submission_mistakes(submission, command):  # noqa: F811
    card = submission / "card.toml"
    whole = card.read_text()
    for old, new, says in (
        ('licence = "Apache-2.0"\n', "", "licence: must be said"),
        ("licence =", "license =", "must be said"),
        ("doi:10.1109/ICCV.1998.710815", "javascript:alert(1)", "paper: write https"),
        ('data = ["nothing: it is not trained"]', "data = []", "data"),
        ("It learns nothing, so no test picture can have been seen.", "fine", "contamination"),
        ('name = "theirs"', 'name = "identity"', "is a method of this suite"),
        ('name = "theirs"', 'name = "../theirs"', "cannot name"),
        ('name = "theirs"', "name = theirs", "not valid TOML"),
        ('name = "theirs"', 'name = "theirs"\nyear = 2020', "unknown key; known: name"),
    ):
        card.write_text(whole.replace(old, new))
        complains(command("submit", submission, "--check"), says)
    card.write_text(whole)
    (submission / "mosaik").mkdir()
    complains(command("submit", submission, "--check"), "did you mean 'mosaic'?")
    (submission / "mosaik").rmdir()
    shutil.rmtree(submission / "jpeg" / "jpeg_q40")
    complains(command("submit", submission, "--check"), "no folder for level jpeg_q40")
    card.unlink()
    complains(command("submit", submission), "card.toml does not exist")
    complains(command("submit", submission, "--training", submission), "--check")


def test_the_card_on_the_documentation_page_is_one():
    import re
    import tomllib

    page = (Path(__file__).parent.parent / "docs" / "submissions.md").read_text()
    [text] = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert Card.model_validate(tomllib.loads(text)).name
