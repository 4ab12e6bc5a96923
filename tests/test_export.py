"""`restorebench export`: the file restores as the run does, in each format, and its card says what it is."""

import json

import numpy as np
import pytest
import torch

from bench import api
from bench.discovery import discover
from bench.export import FORMATS, export_run, formats
from bench.export.check import FEW, TOLERANCE, compare
from bench.export.facts import WARNING
from bench.export.formats import CannotExport
from bench.restoring import StoredMethod
from bench.results.store import find_runs, read_run
from tests.conftest import TINY
from tests.test_cli import call, complains

SMALL = """
[methods.glcic]
size = 32
local = 16
base = 4
dilations = [2]
critic_base = 4
features = 8
[methods.glcic_poisson]
size = 32
local = 16
base = 4
dilations = [2]
critic_base = 4
features = 8
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, photos):
    """Folders of small trained runs by method: dncnn on jpeg; telea, unet_l1 and two glcic on hole."""
    root = tmp_path_factory.mktemp("exporting")
    suite = root / "tiny.toml"
    text = TINY.format(photos=photos).replace('"telea", "unet_l1"', '"telea", "unet_l1", "glcic", "glcic_poisson"')
    suite.write_text(text.replace("images = 320", "images = 80") + SMALL)
    chosen = ("dncnn", "telea", "unet_l1", "glcic", "glcic_poisson")
    api.run(str(suite), api.Settings(root / "runs", methods=chosen))
    return {read_run(folder).method: folder for folder in find_runs(root / "runs")}


@pytest.fixture(scope="module")
def found():
    return discover()


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *words: call(capsys, monkeypatch, "export", *words)


def stored(folder, found):
    return StoredMethod.open(folder, found, "cpu")


def ready(name):
    for package in FORMATS[name].packages:
        pytest.importorskip(package, reason=f"{package} is not installed")


def pictures(number, height, width):
    generator = torch.Generator().manual_seed(number)
    image = torch.rand(number, 3, height, width, generator=generator)
    return image, torch.rand(number, 1, height, width, generator=generator).round()


def test_onnx_runs_without_torch_on_any_size(command, runs, found, tmp_path):
    ready("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    code, out, err = command(runs["dncnn"], tmp_path, "--format", "onnx")
    assert code == 0 and "restores as the run does" in out and not err
    session = onnxruntime.InferenceSession(tmp_path / "jpeg-dncnn.onnx", providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["degraded"]
    method = stored(runs["dncnn"], found).method.eval()
    for shape in ((1, 40, 53), (3, 17, 24)):
        image, _ = pictures(*shape)
        with torch.no_grad():
            known = method.restore(image, None).clamp(0, 1).numpy()
        assert np.abs(session.run(["restored"], {"degraded": image.numpy()})[0] - known).max() < TOLERANCE
    said = session.get_modelmeta().custom_metadata_map
    assert said["warning"] == WARNING and said["task"] == "jpeg" and said["size"].startswith("any")


@pytest.mark.parametrize("name", ["torchscript", "torch-export"])
def test_a_method_that_is_told_takes_the_mask_and_leaves_its_critics(runs, found, tmp_path, name):
    done = export_run(runs["glcic"], tmp_path, name, found)
    assert done.side == 0 and done.agreement.worst < TOLERANCE
    extra = {"facts.json": ""}
    if name == "torchscript":
        restore = torch.jit.load(done.file, _extra_files=extra)
    else:
        program = torch.export.load(done.file, extra_files=extra)
        assert program.state_dict and not any("critics" in each for each in program.state_dict)
        restore = program.module()
    said = json.loads(extra["facts.json"])
    assert said["mask"].startswith("float32") and said["multiple_of"] == "4" and said["warning"] == WARNING
    method = stored(runs["glcic"], found).method.eval()
    image, mask = pictures(2, 36, 48)
    with torch.no_grad():
        known, answer = method.restore(image, mask).clamp(0, 1), restore(image, mask)
    assert float((answer - known).abs().max()) < TOLERANCE and not torch.equal(answer, image)


def test_safetensors_hold_the_weights_to_the_bit(runs, found, tmp_path):
    ready("safetensors")
    from safetensors import safe_open

    done = export_run(runs["unet_l1"], tmp_path, "safetensors", found)
    assert done.agreement.worst == 0
    weights = stored(runs["unet_l1"], found).method.state_dict()
    with safe_open(done.file, "pt") as file:
        assert set(file.keys()) == set(weights)
        assert all(torch.equal(file.get_tensor(each), weights[each]) for each in weights)
        said = file.metadata()
    assert said["weights_sha256"] == read_run(runs["unet_l1"]).digests["checkpoint"]
    assert json.loads(said["config"])["levels"] == 4 and said["licence"].endswith("hold for the weights too")


def test_a_method_whose_arithmetic_hangs_on_the_size_takes_one(command, runs, tmp_path):
    """unet_l1's noise is drawn for the size of its features: a traced file cannot draw it."""
    code, _, err = command(runs["unet_l1"], tmp_path, "--format", "torchscript")
    assert code == 0 and "the file takes 48×48" in err
    assert "Size: 48×48" in (tmp_path / "MODEL_CARD.md").read_text()
    code, _, err = command(runs["unet_l1"], tmp_path / "wide", "--format", "torchscript", "--side", 64)
    assert code == 0 and not err and "Size: 64×64" in (tmp_path / "wide" / "MODEL_CARD.md").read_text()


def test_the_card_says_what_it_is_and_what_it_is_not_for(command, runs, tmp_path):
    assert command(runs["dncnn"], tmp_path, "--format", "torch-export")[0] == 0
    text = (tmp_path / "MODEL_CARD.md").read_text()
    run = read_run(runs["dncnn"])
    assert text.startswith(f"# dncnn on jpeg\n\n> **{WARNING}**")
    for section in ("## Use", "## The file", "## Training", "## Scores", "## Licence"):
        assert section in text
    for fact in (run.run_id, run.digests["checkpoint"], run.config["sources"]["train"], "80 pictures seen"):
        assert fact in text
    assert "| jpeg_q10 | psnr | " in text and " dB |" in text and "identifying people" in text


def test_what_cannot_be_exported_says_so_in_one_line(command, runs, tmp_path):
    assert "Example: restorebench export" in command("--help")[1]
    complains(command(runs["telea"], tmp_path), "telea is not trained: it has no weights to export")
    for name in ("torchscript", "torch-export"):
        result = command(runs["glcic_poisson"], tmp_path, "--format", name)
        complains(result, f"glcic_poisson cannot be exported to {name}: ", "safetensors")
    complains(command(runs["glcic"], tmp_path, "--side", 30, "--format", "torchscript"), "needs a multiple of 4")
    complains(command(tmp_path / "nowhere", tmp_path), "holds no run")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("in the way")
    complains(command(runs["dncnn"], tmp_path / "file", "--format", "torchscript"), "cannot write to")


def test_a_missing_package_is_one_line_before_any_work(command, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "onnx" else object())
    complains(command(tmp_path / "nowhere", tmp_path), "needs the package onnx", "restorebench[export]")


def test_a_file_that_restores_otherwise_is_found_out():
    """Up to FEW of the values may be off by any amount; one value more is too many."""
    image, _ = pictures(1, 50, 100)
    allowed = int(image.numel() * FEW)

    def off_by(count):
        wrong = image.clone()
        wrong.view(-1)[:count] += 0.5
        return compare(lambda given: wrong, [(image,)], [image])

    assert allowed == 1 and off_by(allowed).holds and not off_by(allowed + 1).holds
    assert not compare(lambda given: given * torch.nan, [(image,)], [image]).holds
    assert compare(lambda given: given + TOLERANCE / 2, [(image,)], [image]).holds
    with pytest.raises(CannotExport, match="answers"):
        compare(lambda given: given[..., :-1], [(image,)], [image])
