"""Shared by all tests: seeded generators, small pictures, a small suite."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("RESTOREBENCH_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _seeded():
    if "torch" in sys.modules:  # the board's tests run without it
        sys.modules["torch"].manual_seed(0)


def draw(seed: int, height: int = 48, width: int = 48) -> np.ndarray:
    """A smooth coloured picture with an edge and some grain, uint8 H×W×3."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(rng.uniform(2, 9) * x + rng.uniform(2, 9) * y + rng.uniform(0, 6)) for _ in range(3)]
    picture = 128 + 70 * np.stack(waves, axis=-1) + 40 * (x + y > rng.uniform(0.5, 1.2))[..., None]
    return np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """A folder of twelve small pictures."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(12):
        Image.fromarray(draw(number)).save(folder / f"photo_{number:02}.png")
    return folder


TINY = """
description = "for tests"
[data.photos]
source = "folder:{photos}"
[train]
images = 320
batch = 4
crop = 32
seeds = [0]
checkpoint_seconds = 0.001
[score]
size = 48
keep = 2
metrics = ["psnr", "ssim"]
[tasks.jpeg]
data = "photos"
levels = ["jpeg_q10"]
methods = ["identity", "dncnn", "pix2pix"]
[tasks.hole]
data = "photos"
levels = ["hole_box"]
methods = ["telea", "unet_l1"]
[methods.pix2pix]
levels = 4
base = 4
patch_layers = 1
critic_base = 4
dropout_blocks = 1
[methods.unet_l1]
levels = 4
base = 4
[methods.dncnn]
depth = 3
width = 8
"""


@pytest.fixture
def tiny_suite(tmp_path, photos) -> Path:
    """A suite file of two tasks that runs in seconds."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(photos=photos))
    return path


@pytest.fixture
def no_weights(tmp_path, monkeypatch) -> Path:
    """No weights are to be had; returns the empty folder that RESTOREBENCH_WEIGHTS names."""
    torch = pytest.importorskip("torch")
    from pretrained import trunk
    from pretrained.perceptual import lpips_features, lpips_network

    named, hub = tmp_path / "named", tmp_path / "hub"
    for folder in (named, hub / "checkpoints"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("RESTOREBENCH_WEIGHTS", str(named))
    monkeypatch.setenv("RESTOREBENCH_OFFLINE", "1")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(hub))
    for cached in (trunk, lpips_network, lpips_features):
        cached.cache_clear()
    yield named
    for cached in (trunk, lpips_network, lpips_features):
        cached.cache_clear()


@pytest.fixture
def toy(no_weights, tmp_path, monkeypatch) -> dict[str, Path]:
    """Weights 'toy', known and looked for in three places that are all empty; and where they would be downloaded."""
    from pretrained import KNOWN, Weights, resolve

    places = {"explicit": tmp_path / "explicit", "upstream": tmp_path / "upstream"}
    for place in places.values():
        place.mkdir()
    url = (places["upstream"] / "toy_full.pth").as_uri()
    monkeypatch.setitem(KNOWN, "toy", Weights("a toy", ("toy_full.pth", "toy_features.pth"), url))
    resolve._unreachable.cache_clear()
    return places | {"named": no_weights, "cache": tmp_path / "hub" / "checkpoints"}


@pytest.fixture
def shared_data() -> Path:
    """The folder of real pictures, where one is given."""
    if "RESTOREBENCH_DATA" not in os.environ:
        pytest.skip("RESTOREBENCH_DATA names no folder of real pictures")
    return Path(os.environ["RESTOREBENCH_DATA"])
