"""One training divided over processes, or into parts where memory runs out: it comes to the undivided weights."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import api
from bench.discovery import discover
from bench.errors import UserError
from bench.launchers import Launcher
from bench.results import store
from bench.seeds import seed_for
from bench.training.engine import Engine
from bench.training.share import Share
from bench.training.step import SharedStep
from methods.base import Batch
from tests.conftest import TINY
from tests.small_methods import small, striped

REPOSITORY = str(Path(__file__).parents[1])
NEAR = 1e-4  # of how far the training moved the pictures, and of a loss: float32 sums in another order
PLUGIN = """
import os
import torch
from torch import distributed
from methods.pix2pix import Pix2Pix

class Trouble(Pix2Pix):
    '''Fills the memory with more than `most` pictures, once its critic has been updated; or fails in one process.'''
    from dataclasses import dataclass
    @dataclass(frozen=True)
    class Config(Pix2Pix.Config):
        most: int = 99
        fails: str = ""

    def _update_generator(self, condition, truth, fake):
        if len(truth) > self.config.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        if self.config.fails and distributed.get_rank() == 1:
            os._exit(9) if self.config.fails == "dies" else [][1]
        return super()._update_generator(condition, truth, fake)

SMALL = {"levels": 4, "base": 4, "dropout_blocks": 0, "patch_layers": 1, "critic_base": 4}
METHODS = {
    "roomy": Trouble.Config(**SMALL),
    "tight": Trouble.Config(most=1, **SMALL),
    "too_large": Trouble.Config(most=0, **SMALL),
    "raises": Trouble.Config(fails="raises", **SMALL),
    "dies": Trouble.Config(fails="dies", **SMALL),
}
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory, photos) -> Path:
    """Forty steps, a checkpoint after each twenty; with the plug-in's methods beside pix2pix."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "trouble.py").write_text(PLUGIN)
    text = TINY.format(photos=photos).replace("images = 320", "images = 160").replace("dropout_blocks = 1", "")
    path = folder / "tiny.toml"
    path.write_text(text.replace('"dncnn", "pix2pix"', '"roomy", "tight", "too_large", "raises", "dies"'))
    return path


def train(suite: Path, runs: Path, *methods: str, devices: int = 1) -> dict[str, store.Run]:
    """Train some of the methods; the runs by method."""
    launcher = Launcher(devices=devices)
    plugins = (suite.with_name("trouble.py"),)
    settings = api.Settings(runs, "cpu", plugins, ("jpeg",), methods, launcher=launcher)
    return {run.method: run for run in api.train(str(suite), settings)}


def command(suite: Path, runs: Path, *options: str) -> list[str]:
    """The command line for the method without troubles."""
    plugin = str(suite.with_name("trouble.py"))
    start = [sys.executable, "-m", "bench", "train", str(suite), "--device", "cpu", "--runs", str(runs)]
    return [*start, "--plugin", plugin, "--tasks", "jpeg", "--methods", "roomy", *options]


def environment(**more: str) -> dict[str, str]:
    """That of this process, with the repository to import from."""
    return {**os.environ, "PYTHONPATH": REPOSITORY, **more}


def weights(runs: Path, method: str) -> dict[str, torch.Tensor]:
    """All weights at the end of a training."""
    [path] = runs.glob(f"jpeg/{method}/*/checkpoint.pt")
    return torch.load(path, weights_only=True)["model"]


def losses(runs: Path, method: str) -> np.ndarray:
    """The logged curve."""
    [path] = runs.glob(f"jpeg/{method}/*/train.jsonl")
    return store.read_scalars(path.parent).to_numpy()


def restored(suite: Path, weights: dict[str, torch.Tensor] | None) -> torch.Tensor:
    """Four pictures restored with these weights, or with those that trainings start from."""
    torch.manual_seed(seed_for("weights", "jpeg", 0))
    method = discover((suite.with_name("trouble.py"),)).method("roomy").build().eval()
    if weights is not None:
        method.load_state_dict(weights)
    with torch.inference_mode():
        return method.restore(striped(4, 64, seed=9).degraded, None)


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    """Root of the mean squared difference."""
    return float((one - other).square().mean().sqrt())


def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], start: dict[str, torch.Tensor]) -> float:
    """Distance of two ends, as a part of the way from the start."""
    way = sum(float((one[name] - start[name]).square().sum()) for name in start)
    return (sum(float((one[name] - other[name]).square().sum()) for name in start) / way) ** 0.5


@pytest.fixture(scope="module")
def ended(suite, tmp_path_factory) -> dict[int, Path]:
    """Runs folders of one training by one process and by two."""
    folder = tmp_path_factory.mktemp("ended")
    for devices in (1, 2):
        run = train(suite, folder / str(devices), "roomy", devices=devices)["roomy"]
        assert run.status == store.TRAINED, run.reason
        assert ("trained by 2 processes at once" in " ".join(run.notes)) == (devices == 2)
    return {1: folder / "1", 2: folder / "2"}


def test_two_processes_equal_one(suite, ended):
    """A GAN with two optimizers, the same pictures in every global batch: what they restore and log agrees."""
    pictures = [restored(suite, weights(ended[devices], "roomy")) for devices in (1, 2)]
    assert far(*pictures) < NEAR * far(pictures[0], restored(suite, None))
    np.testing.assert_allclose(losses(ended[2], "roomy"), losses(ended[1], "roomy"), rtol=NEAR)
    [folder] = store.find_runs(ended[2])
    assert len(list(folder.glob("*tfevents*"))) == 1, "one process writes"


def test_killed_with_all_its_processes_it_goes_on_to_the_same_bits(suite, ended, tmp_path):
    process = subprocess.Popen(command(suite, tmp_path, "--devices", "2"), env=environment(), start_new_session=True)
    while not list(tmp_path.glob("jpeg/roomy/*/checkpoint.pt")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command(suite, tmp_path, "--devices", "2"), env=environment(), check=True)
    expected, found = weights(ended[2], "roomy"), weights(tmp_path, "roomy")
    assert all(torch.equal(found[name], each) for name, each in expected.items())


def test_two_machines_equal_two_processes(suite, ended, tmp_path):
    """Each as a process of its own, which meet at an address; the second ends with the first."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    line = command(suite, tmp_path, "--nodes", "2", "--address", address)
    nodes = [subprocess.Popen(line, env=environment(NODE_RANK=str(node))) for node in range(2)]
    assert [node.wait(timeout=300) for node in nodes] == [0, 0]
    expected, found = weights(ended[2], "roomy"), weights(tmp_path, "roomy")
    assert all(torch.equal(found[name], each) for name, each in expected.items())


def test_one_process_that_fails_is_a_row_and_the_others_are_ended(suite, tmp_path):
    runs = train(suite, tmp_path, "raises", "dies", devices=2)
    assert runs["raises"].status == runs["dies"].status == store.ERROR
    assert "process 1: IndexError" in runs["raises"].reason
    assert "process 1 died (exit code 9)" in runs["dies"].reason


def test_memory_that_runs_out_means_smaller_parts_of_the_same_batch(suite, ended, tmp_path):
    """The method fails in the middle of its step, when the critic has moved; it ends where the roomy one does."""
    runs = train(suite, tmp_path, "tight", "too_large")
    assert runs["tight"].status == store.TRAINED, runs["tight"].reason
    assert "memory ran out: every batch was trained in 4 parts of less memory" in runs["tight"].notes
    pictures = [restored(suite, each) for each in (weights(ended[1], "roomy"), weights(tmp_path, "tight"), None)]
    assert far(pictures[0], pictures[1]) < NEAR * far(pictures[0], pictures[2])
    assert runs["too_large"].status == store.ERROR
    assert "not even one picture of 32 pixels fits; set a smaller train.crop" in runs["too_large"].reason


def doubled(batch: Batch) -> Batch:
    """A batch in float64: what differs then is no rounding."""
    return Batch(batch.clean.double(), batch.degraded.double(), batch.mask.double())


def after_two_steps(name: str, parts: int, count: int = 4) -> dict[str, torch.Tensor]:
    """All weights of a method after two steps on the first pictures of two batches of four."""
    method = small(name, **({"dropout_blocks": 0} if name == "pix2pix" else {})).double().train()
    step = SharedStep(method, Engine(torch.device("cpu"), share=Share(parts=parts)), seed=0)
    for number in range(2):
        batch = doubled(striped(4, 64, seed=number))
        step(Batch(batch.clean[:count], batch.degraded[:count], batch.mask[:count]), 0.9, number)
    return {key: each.detach() for key, each in method.named_parameters()}


@pytest.mark.parametrize("name", ["pix2pix", "nafnet", "glcic_seed"])
def test_a_step_in_parts_is_the_step(name):
    """Equal parts and unequal ones, one optimizer and two; half a batch alone would be another step."""
    start = {key: each.detach().double() for key, each in small(name).named_parameters()}
    whole = after_two_steps(name, 1)
    for parts in (2, 3):
        assert apart(whole, after_two_steps(name, parts), start) < 1e-5
    assert apart(whole, after_two_steps(name, 1, count=2), start) > 0.01


def test_what_cannot_be_meant_is_refused(suite, tmp_path):
    with pytest.raises(UserError, match="a batch of 4 cannot be shared equally by 3 processes"):
        train(suite, tmp_path, "roomy", devices=3)
    for launcher, said in (
        (Launcher(devices=0), "must be 1 or more"),
        (Launcher(devices=2, jobs=2), "one run at a time"),
        (Launcher(nodes=2), "needs --address HOST:PORT"),
        (Launcher(address="127.0.0.1:1"), "--launcher ray or --nodes"),
    ):
        with pytest.raises(UserError, match=said):
            launcher.check()
    assert dataclasses.replace(Launcher(), nodes=2).follows is False
