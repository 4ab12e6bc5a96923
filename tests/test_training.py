"""The loop: exact resume, divergence, averaged weights, damaged checkpoints, and what a batch depends on."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.batches import EvaluationSet, PictureCache, Recipe, TrainingData
from bench.data.sources import open_source
from bench.discovery import discover
from bench.errors import UserError
from bench.results import store
from bench.training import checkpoint
from bench.training.average import WeightAverage
from bench.training.engine import Engine, choose_engine
from bench.training.log import TrainingLog
from bench.training.loop import Budget, train
from methods.base import Batch, Method
from tests.conftest import draw

CPU = Engine(torch.device("cpu"))
BUDGET = Budget(images=320, batch=4, checkpoint_seconds=0.0)


class Stop(Exception):
    """Stands for a kill in the middle of a training."""


@pytest.fixture
def data(photos):
    def build(seed: int = 0, level: str = "jpeg_q10to60") -> TrainingData:
        cache = PictureCache(open_source(f"folder:{photos}", "train"), "scenes")
        return TrainingData(cache, Recipe(discover().levels["jpeg"][level], crop=32, batch=4), seed)

    return build


def small(name: str) -> Method:
    """A small pix2pix or dncnn, always from the same weights."""
    torch.manual_seed(7)
    sizes = {
        "pix2pix": {"levels": 3, "base": 4, "patch_layers": 1, "critic_base": 4, "dropout_blocks": 1},
        "dncnn": {"depth": 3, "width": 8},
    }
    return discover().methods[name].override(sizes[name]).build()


def stop_at(step: int):
    def watch(images: int, scalars: dict[str, float]) -> None:
        if images >= step * BUDGET.batch:
            raise Stop

    return watch


@pytest.mark.parametrize("name", ["pix2pix", "dncnn"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path, data, name, ema):
    budget = dataclasses.replace(BUDGET, ema=ema)
    whole = small(name)
    train(whole, data(), budget, CPU, TrainingLog(tmp_path / "whole"))
    for step in (1, 40, 60):  # before the first checkpoint, and after one and two
        with pytest.raises(Stop):
            train(small(name), data(), budget, CPU, TrainingLog(tmp_path / "parts", stop_at(step)))
    outcome = train(small(name), data(), budget, CPU, TrainingLog(tmp_path / "parts"))
    assert outcome.status == store.DONE
    assert outcome.images_seen == 320
    ends = [torch.load(tmp_path / each / "checkpoint.pt", weights_only=True) for each in ("whole", "parts")]
    for part in ("model", "ema") if ema else ("model",):
        assert ends[0][part].keys() == ends[1][part].keys()
        for key, value in ends[0][part].items():
            assert torch.equal(value, ends[1][part][key]), key
    assert (tmp_path / "whole/train.jsonl").read_text() == (tmp_path / "parts/train.jsonl").read_text()


class Exploding(Method):
    """Its loss turns to NaN half way through."""

    tasks = frozenset({"jpeg"})

    def __init__(self, config: object) -> None:
        super().__init__(Method.Config())
        self.gain = torch.nn.Parameter(torch.ones(1))
        self.optimizer = torch.optim.SGD(self.parameters(), lr=1e-3)

    def optimizers(self):
        return {"only": self.optimizer}

    def step(self, batch: Batch, progress: float):
        loss = ((self.gain * batch.degraded - batch.clean) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach() * (float("nan") if progress > 0.5 else 1.0)}

    def restore(self, degraded, mask):
        return degraded


def test_bf16_trains_on_a_cpu_too(tmp_path, data):
    """Near float32's curve, not on it: a tenth of its loss."""
    curves = {}
    for precision in ("float32", "bf16"):
        train(small("dncnn"), data(), BUDGET, choose_engine("cpu", precision), TrainingLog(tmp_path / precision))
        curves[precision] = store.read_scalars(tmp_path / precision).iloc[:, 1].to_numpy()
    assert not np.array_equal(curves["bf16"], curves["float32"])
    np.testing.assert_allclose(curves["bf16"], curves["float32"], rtol=0.1)


def test_divergence_ends_the_run_with_its_last_good_checkpoint(tmp_path, data):
    outcome = train(Exploding(None), data(), BUDGET, CPU, TrainingLog(tmp_path))
    assert outcome.status == store.DIVERGED
    assert "loss was not finite at 75 % of the budget" in outcome.reason
    stored = checkpoint.read(tmp_path, CPU.device)
    assert stored is not None and stored["state"]["step"] == 40
    assert np.isnan(store.read_scalars(tmp_path)["loss"].iloc[-1])


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path, data):
    method = small("dncnn")
    train(method, data(), BUDGET, CPU, TrainingLog(tmp_path))
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a readable checkpoint"):
        checkpoint.load_weights(tmp_path, method, CPU.device)


@pytest.mark.parametrize("damage", ["cut", "flipped bit", "gone"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before_it(tmp_path, data, damage):
    """The training then ends with the same bits as one that met no damage."""
    ends = []
    for folder in (tmp_path / "whole", tmp_path / "mended"):
        train(small("dncnn"), data(), BUDGET, CPU, TrainingLog(folder))
        path = folder / "checkpoint.pt"
        ends.append(torch.load(path, weights_only=True)["model"])
        assert checkpoint.mend(folder) == ""
    sealed = bytearray(path.read_bytes())
    sealed[len(sealed) // 2] ^= 1
    path.write_bytes(sealed if damage == "flipped bit" else sealed[:-1])
    if damage == "gone":
        path.unlink()  # killed between the two steps of a save
    note = checkpoint.mend(folder)
    assert ("went on from the one before" in note) == (damage != "gone")
    assert checkpoint.read(folder, CPU.device)["state"]["step"] < BUDGET.steps
    method = small("dncnn")
    train(method, data(), BUDGET, CPU, TrainingLog(folder))
    assert all(torch.equal(method.state_dict()[name], each) for name, each in ends[0].items())


def test_without_a_whole_checkpoint_training_begins_anew(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    assert "began anew" in checkpoint.mend(tmp_path) and not list(tmp_path.iterdir())


def test_averaged_weights_follow_and_buffers_are_copied():
    method = Exploding(None)
    method.register_buffer("count", torch.zeros(1))
    average = WeightAverage(method, 0.5)
    with torch.no_grad():
        method.gain.fill_(3.0)
        method.count.fill_(5.0)
    average.update(method, step=100)
    assert average.weights["gain"].item() == pytest.approx(2.0)
    assert average.weights["count"].item() == 5.0


def test_a_batch_depends_on_seed_and_step_alone(data):
    first, again = data(), data()
    again.batch(9)
    for one, two in zip(vars(first.batch(3)).values(), vars(again.batch(3)).values(), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first.batch(3).clean, first.batch(4).clean)
    assert not torch.equal(first.batch(3).clean, data(seed=1).batch(3).clean)


def test_an_epoch_sees_every_picture_once(data):
    training = data()
    ids = training.pictures.source.ids
    seen = [training._picture(number).id for number in range(len(ids))]
    assert sorted(seen) == sorted(ids)


def test_jpeg_training_crops_start_at_any_phase_of_the_grid(data):
    training = data(level="jpeg_q10")
    assert training.margin == 7
    batch = training.batch(0)
    assert batch.clean.shape == (4, 3, 32, 32)
    assert batch.mask.shape == (4, 1, 32, 32)


def test_unreadable_training_pictures_are_named_and_replaced(tmp_path, photos):
    import shutil

    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    victim = open_source(f"folder:{folder}", "train").ids[0]
    file = folder / f"{victim}.png"
    file.write_bytes(file.read_bytes()[:200])
    cache = PictureCache(open_source(f"folder:{folder}", "train"), "scenes")
    training = TrainingData(cache, Recipe(discover().levels["jpeg"]["jpeg_q10"], crop=32, batch=4), seed=0)
    for step in range(10):
        training.batch(step)
    assert len(cache.problems) == 1 and victim in cache.problems[0]


def test_evaluation_damage_depends_on_names_alone(photos):
    cache = PictureCache(open_source(f"folder:{photos}", "all"), "scenes")
    found = discover()
    level, task = found.levels["mosaic"]["mosaic_c8"], found.tasks["mosaic"]
    everything, few = EvaluationSet(cache, task, 48, 0), EvaluationSet(cache, task, 48, 3)
    assert len(few.ids) == 3 and set(few.ids) <= set(everything.ids)
    whole = dict(everything.cases("mosaic_c8", level))
    for image_id, case in few.cases("mosaic_c8", level):
        assert np.array_equal(case.degraded, whole[image_id].degraded)


def test_unknown_device_is_said():
    with pytest.raises(UserError, match="use auto, cpu or cuda"):
        choose_engine("gpu")


def test_pictures_without_landmarks_are_left_out_of_tasks_that_need_them(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    points = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    rows = [",".join(["image_id", *(f"{point}_{axis}" for point in points for axis in "xy")])]
    for number in range(4):
        Image.fromarray(draw(number, 64, 64)).save(folder / f"{number}.png")
        if number:
            rows.append(f"{number}.png,22,26,42,26,32,36,24,46,40,46")
    (folder / "landmarks.csv").write_text("\n".join(rows))
    found = discover()
    cache = PictureCache(open_source(f"folder:{folder}", "all"), "faces")
    level, task = found.levels["facemask"]["facemask_drawn"], found.tasks["facemask"]
    cases = dict(EvaluationSet(cache, task, 64, 0).cases("facemask_drawn", level))
    assert cases["0"] is None and all(cases[name] is not None for name in "123")
    assert any("0: has no landmarks" in problem for problem in cache.problems)
    TrainingData(cache, Recipe(level, 64, 8, needs_landmarks=True), 0).batch(0)
    assert dict(EvaluationSet(cache, found.tasks["erase"], 64, 0).cases("e", found.levels["erase"]["erase_black"]))["0"]
