"""One full G+D step of pix2pix-256 beside the public reference's, in one run: `tox -e performance`.

RESTOREBENCH_PEERS names a folder that holds the reference as `pytorch-CycleGAN-and-pix2pix` (junyanz), brought beside
the checkout for measuring only: its models/networks.py, pix2pix_model.py and base_model.py are used as they are, at
their defaults. Both sides begin with equal weights. That their losses agree is asserted, a time never is.
RESTOREBENCH_BATCHES says which batches are raced (default 1; on a GPU 1,16,64).
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bench.data.batches import PictureCache, Recipe, TrainingData
from bench.data.sources import open_source
from bench.discovery import discover
from bench.training.engine import Engine, choose_engine
from bench.training.log import TrainingLog
from bench.training.loop import Budget, train
from bench.training.step import SharedStep
from methods.base import Batch
from methods.pix2pix import Pix2Pix
from tests.conftest import draw

SIDE, ROUNDS, STEPS = 256, 5, 4
GPU = torch.cuda.is_available()
BATCHES = [int(each) for each in os.environ.get("RESTOREBENCH_BATCHES", "1,16,64" if GPU else "1").split(",")]
DEFAULTS = {
    "isTrain": True, "checkpoints_dir": "", "name": "", "preprocess": "none", "input_nc": 3, "output_nc": 3, "ngf": 64,
    "ndf": 64, "netG": "unet_256", "netD": "basic", "n_layers_D": 3, "norm": "batch", "init_type": "normal",
    "init_gain": 0.02, "gan_mode": "vanilla", "lr": 2e-4, "beta1": 0.5, "lambda_L1": 100.0, "direction": "AtoB",
}  # fmt: skip


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    """The module models.pix2pix_model of the reference."""
    folder = Path(os.environ.get("RESTOREBENCH_PEERS", "missing"), "pytorch-CycleGAN-and-pix2pix")
    if not (folder / "models" / "pix2pix_model.py").exists():
        pytest.skip("RESTOREBENCH_PEERS names no folder with pytorch-CycleGAN-and-pix2pix")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("models.pix2pix_model")
    sys.path.remove(str(folder))


def sides(reference: ModuleType, engine: Engine, dropout: bool) -> tuple[Pix2Pix, SimpleNamespace]:
    """Ours with batch norm as theirs, and theirs with our weights."""
    torch.manual_seed(0)
    method = Pix2Pix(Pix2Pix.Config(norm="batch", dropout_blocks=3 if dropout else 0))
    theirs = reference.Pix2PixModel(
        SimpleNamespace(**DEFAULTS, no_dropout=not dropout, gpu_ids=[0] if engine.device.type == "cuda" else [])
    )
    for ours, peer in ((method.generator, theirs.netG), (method.critic, theirs.netD)):
        assert ours is not None
        with torch.no_grad():  # the same layers in the same order, under other names
            for weight, other in zip(ours.parameters(), peer.parameters(), strict=True):
                assert weight.shape == other.shape
                joined = any(weight is up[1].weight for up in method.generator.ups[1:])
                # theirs has the encoder's map in front of what comes from below, ours behind it
                other.copy_(torch.cat(weight.chunk(2)[::-1]) if joined else weight)
    engine.place(method).train()
    return method, theirs


def batch_of(count: int) -> Batch:
    """Drawn pictures and their 8-pixel mosaics."""
    clean = torch.from_numpy(np.stack([draw(seed, SIDE, SIDE) for seed in range(count)])).permute(0, 3, 1, 2) / 255
    degraded = torch.nn.functional.avg_pool2d(clean, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    return Batch(clean, degraded, torch.ones(count, 1, SIDE, SIDE))


def steps(method: Pix2Pix, theirs: SimpleNamespace, engine: Engine, batch: Batch) -> dict[str, Callable[[], Tensor]]:
    """One update of each side on a batch: critic's loss, adversarial loss, L1."""
    ours = SharedStep(method, engine, seed=0)

    def step_ours() -> Tensor:
        found = ours(batch, 0.0, 0)
        return torch.stack([found[name].float() for name in ("critic", "adversarial", "l1")])

    def step_theirs() -> Tensor:
        theirs.set_input({"A": batch.degraded * 2 - 1, "B": batch.clean * 2 - 1, "A_paths": []})
        theirs.optimize_parameters()
        return torch.stack([theirs.loss_D, theirs.loss_G_GAN, theirs.loss_G_L1 / 100.0]).detach()

    return {"ours": step_ours, "theirs": step_theirs}


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, on the device too."""
    began = time.perf_counter()
    work()
    if GPU:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def peak(engine: Engine) -> float:
    """Operations per second of large matrix products, in the precision of training: the machine's own best."""
    side = 8192 if GPU else 1024
    kind = torch.bfloat16 if engine.precision == "bf16" else torch.float32
    left, right = (torch.rand(side, side, device=engine.device, dtype=kind) for _ in range(2))
    return 2 * side**3 / min(seconds(lambda: left @ right) for _ in range(5))


def operations(method: Pix2Pix, engine: Engine) -> float:
    """Of one picture's step: convolutions of generator (forward once, backward twice) and critic (forward three times,
    backward for its own update twice two, for the generator's one).
    """
    counted = {"generator": 0.0, "critic": 0.0}
    hooks = []
    for name, network in (("generator", method.generator), ("critic", method.critic)):
        for layer in network.modules() if network is not None else ():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):

                def count(layer, given, out, name=name):
                    places = (given[0] if isinstance(layer, torch.nn.ConvTranspose2d) else out).shape[2:].numel()
                    counted[name] += 2.0 * layer.weight.numel() * places

                hooks.append(layer.register_forward_hook(count))
    with torch.no_grad():
        picture = torch.zeros(1, 3, SIDE, SIDE, device=engine.device)
        method.generator(picture)
        method.critic(torch.cat([picture, picture], 1))
    for hook in hooks:
        hook.remove()
    return 3 * counted["generator"] + 8 * counted["critic"]


@pytest.mark.parametrize("precision", ["float32", "bf16"] if GPU else ["float32"])
@pytest.mark.parametrize("count", BATCHES)
def test_step_beside_the_reference(reference, capsys, count, precision):
    engine = choose_engine("auto", precision)
    method, theirs = sides(reference, engine, dropout=True)
    batch = batch_of(count)
    work = steps(method, theirs, engine, batch)
    memory = {}
    for name, step in work.items():  # the first step allocates
        if GPU:
            torch.cuda.reset_peak_memory_stats()
        step()
        memory[name] = torch.cuda.max_memory_allocated() / 2**20 if GPU else float("nan")
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for turn in range(ROUNDS):
        for name in sorted(work, reverse=bool(turn % 2)):
            times[name].append(seconds(work[name]))
    ours, peer = (count / float(np.median(times[name])) for name in ("ours", "theirs"))
    pairs = np.median(np.array(times["theirs"]) / np.array(times["ours"]))
    share = ours * operations(method, engine) / peak(engine)
    with capsys.disabled():
        print(
            f"\npix2pix-256 batch {count} {precision}: ours {ours:.3f}, theirs {peer:.3f} images/s, {ours / peer:.2f}x"
            f" (median of paired ratios {pairs:.2f}x); {100 * share:.0f} % of the measured matrix-product peak;"
            f" peak GPU memory ours {memory['ours']:.0f}, theirs {memory['theirs']:.0f} MB"
        )


def test_losses_are_those_of_the_reference(reference, capsys):
    """A few steps in float32 from equal weights without dropout, which ours has in other layers (the paper's)."""
    engine = choose_engine("auto", "float32")
    method, theirs = sides(reference, engine, dropout=False)
    work = steps(method, theirs, engine, batch_of(1))
    curves = np.array([[work[name]().tolist() for name in ("ours", "theirs")] for _ in range(STEPS)])
    with capsys.disabled():
        for number, (ours, peer) in enumerate(curves):
            print(
                f"\nstep {number}: ours {np.round(ours, 5)}, theirs {np.round(peer, 5)} (critic, adversarial, l1)",
                end="",
            )
    np.testing.assert_allclose(curves[0, 0, [0, 2]], curves[0, 1, [0, 2]], rtol=1e-5)  # before anything has moved
    np.testing.assert_allclose(curves[0, 0, 1], curves[0, 1, 1], rtol=1e-3)  # after Adam's first step of the critic
    np.testing.assert_allclose(curves[:, 0], curves[:, 1], rtol=0.02)


def test_share_of_time_that_training_waits_for_data(tmp_path, capsys):
    """From the end of a step to the beginning of the next: waiting for the batch, and logging."""
    (tmp_path / "pictures").mkdir()
    for seed in range(4):
        Image.fromarray(draw(seed, 300, 300)).save(tmp_path / "pictures" / f"{seed}.png")
    engine = choose_engine("auto")
    count = BATCHES[-1] if GPU else 1
    cache = PictureCache(open_source(f"folder:{tmp_path / 'pictures'}", "all"), "scenes")
    data = TrainingData(cache, Recipe(discover().levels["mosaic"]["mosaic_c8"], SIDE, count), 0)
    began, ended = [], []

    class Timed(Pix2Pix):
        def step(self, batch, progress):
            began.append(time.perf_counter())
            found = super().step(batch, progress)
            if GPU:
                torch.cuda.synchronize()
            ended.append(time.perf_counter())
            return found

    number = 60 if GPU else 4
    budget = Budget(images=number * count, batch=count, checkpoint_seconds=1e9)
    outcome = train(Timed(Pix2Pix.Config(norm="batch")), data, budget, engine, TrainingLog(tmp_path / "run"))
    assert outcome.images_seen == number * count and len(ended) == number
    with capsys.disabled():
        waited = sum(np.subtract(began[1:], ended[:-1])) / (ended[-1] - began[0])
        print(f"\nbetween steps, over {number} steps of {count}: {waited:.2%} of the time")
