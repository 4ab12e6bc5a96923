"""Real runs of a tiny network for tests of the gate, and the same runs restored with a fault planted in the code."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench import api
from bench.config import load_suite
from bench.discovery import discover
from bench.plan import plan_suite
from bench.results import store
from bench.scoring import restore as restoring
from bench.scoring.battery import Battery
from bench.scoring.score import Gallery, MethodRestorer, record, score
from bench.training import checkpoint
from bench.training.average import WeightAverage
from bench.training.engine import Engine
from methods.base import Method
from tests.make_runs import draw

CPU = Engine(torch.device("cpu"))
SUITE = """
[data.photos]
train = "folder:{folder}/train"
test = "folder:{folder}/test"
[train]
images = {images}
batch = 8
crop = 32
seeds = {seeds}
ema = 0.9
[score]
size = 54
keep = 6
metrics = ["psnr", "ssim"]
[tasks.jpeg]
data = "photos"
levels = ["jpeg_q10"]
methods = ["nafnet"]
[methods.nafnet]
width = 4
enc = [1, 1]
mid = 1
dec = [1, 1]
"""  # 54 px are padded to 56 for a network of two levels
Transform = Callable[[np.ndarray], np.ndarray]  # of a restored uint8 H×W×3


def suite(folder: Path, seeds: tuple[int, ...] = (0, 1, 2), pictures: int = 16, images: int = 960) -> str:
    """A suite file of one task and one network, with drawn pictures; returns its path."""
    for half, first, count in (("train", 0, 12), ("test", 100, pictures)):
        (folder / half).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            Image.fromarray(draw(number, 64)).save(folder / half / f"photo_{number:03}.png")
    path = folder / "gate.toml"
    path.write_text(SUITE.format(folder=folder, seeds=list(seeds), images=images))
    return str(path)


def trained(folder: Path, seeds: tuple[int, ...] = (0, 1, 2), pictures: int = 16, images: int = 960) -> Path:
    """A runs folder with these seeds trained and scored."""
    api.run(suite(folder, seeds, pictures, images), api.Settings(runs=folder / "runs", device="cpu"))
    return folder / "runs"


@dataclass(frozen=True)
class Faulty:
    """A restorer whose pictures go through a fault on their way out."""

    inner: MethodRestorer
    fault: Transform

    def __call__(self, level, cases):
        return [self.fault(each) if isinstance(each, np.ndarray) else each for each in self.inner(level, cases)]

    def masks(self, cases):
        return self.inner.masks(cases)


def restored_again(
    runs: Path, folder: Path, fault: Transform = lambda each: each, spoil: Callable[[Method, Path], None] | None = None
) -> Path:
    """The same checkpoints restored and scored anew: `spoil` changes a loaded method, `fault` each picture."""
    root = folder / "runs"
    shutil.copytree(runs, root)
    plan = plan_suite(load_suite(str(runs.parent / "gate.toml")), discover(), CPU)[0]
    for place in list(store.find_runs(root)):
        run = store.read_run(place)
        method = discover().method(run.method).override(run.config["method"]["config"]).build()
        checkpoint.load_weights(place, method, CPU.device)
        if spoil is not None:
            spoil(method, place)
        shutil.rmtree(place / "images")
        battery = Battery.of(("psnr", "ssim"), CPU.device)
        restorer = Faulty(MethodRestorer(method, False, CPU), fault)
        gallery = Gallery(root, place, run, plan.plan.kept)
        record(run, place, score(plan.plan.exam, restorer, battery, gallery), battery)
    return root


def six_bits(method: Method, _: Path) -> None:
    """Round every weight to 6 bits of its tensor's range."""
    with torch.no_grad():
        for weight in method.parameters():
            step = weight.abs().max() / 31
            weight.copy_((weight / step).round() * step)


def left_behind(monkeypatch, updates: int) -> None:
    """From now on trainings forget their average (EMA) after so many updates."""
    update = WeightAverage.update

    def forgetful(average: WeightAverage, method: Method, step: int) -> None:
        if step <= updates:
            update(average, method, step)

    monkeypatch.setattr(WeightAverage, "update", forgetful)


def latest_weights(method: Method, place: Path) -> None:
    """Load the weights of the last step instead of their average."""
    stored = checkpoint.read(place, CPU.device)
    method.load_state_dict(stored["model"])


def moved(picture: np.ndarray) -> np.ndarray:
    """One pixel to the right, the edge repeated."""
    return np.concatenate([picture[:, :1], picture[:, :-1]], axis=1)


def swapped(picture: np.ndarray) -> np.ndarray:
    """BGR for RGB."""
    return np.ascontiguousarray(picture[..., ::-1])


def jpeg(picture: np.ndarray) -> np.ndarray:
    """Stored as JPEG of quality 75 on the way."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=75)
    return np.asarray(Image.open(buffer))


def gamma(picture: np.ndarray) -> np.ndarray:
    """A gamma of 1.02."""
    return np.rint(255 * (picture / 255) ** 1.02).astype(np.uint8)


def studio(picture: np.ndarray) -> np.ndarray:
    """16 to 235 instead of 0 to 255."""
    return np.rint(16 + picture * (219 / 255)).astype(np.uint8)


def padded_with_zeros(images: torch.Tensor, multiple: int) -> torch.Tensor:
    """What restoring.pad_to_multiple must not be."""
    height, width = images.shape[-2:]
    return torch.nn.functional.pad(images, (0, -width % multiple, 0, -height % multiple))


def wrongly_padded(runs: Path, folder: Path, monkeypatch) -> Path:
    """Restored with zeros beyond the border instead of reflections."""
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "pad_to_multiple", padded_with_zeros)
        return restored_again(runs, folder)


def rewrite(root: Path, change: Callable[[store.Run], dict]) -> None:
    """Change what run.json says of each run."""
    for place in store.find_runs(root):
        run = store.read_run(place)
        store.write_run(place, replace(run, **change(run)))
