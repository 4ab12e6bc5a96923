"""DnCNN: the published layers, its start, and the authors' weights in it."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.verify.subject import damaged
from methods.regressors import DnCnn, ResidualCnn
from tests.small_methods import weights_of


def test_dncnn3_has_the_published_layers():
    """20 layers of 64 channels, gray: the sum over the authors' own file."""
    assert weights_of(ResidualCnn(1, 20, 64)) == 665_921


def test_dncnn_starts_near_the_identity():
    torch.manual_seed(0)
    pictures = damaged().degraded
    with torch.no_grad():
        change = (ResidualCnn()(pictures) - pictures).abs()
    assert 0 < float(change.mean()) < 0.05


def test_dncnn_with_batch_norm_drops_the_hidden_biases():
    plain, normed = (weights_of(ResidualCnn(3, 17, 64, batch_norm)) for batch_norm in (False, True))
    assert normed == plain + 15 * 64  # scale and shift instead of a bias


def test_dncnn3_weights_reach_the_published_gain():
    """The authors' weights in our layers: classic5, JPEG quality 10, about 28.8 -> 29.4 dB (Zhang et al. 2017)."""
    folders = [os.environ.get(key, "") for key in ("RESTOREBENCH_WEIGHTS", "RESTOREBENCH_DATA")]
    weights, pictures = Path(folders[0], "dncnn3_gray.pth"), sorted(Path(folders[1], "classic5").glob("*.png"))
    if not (all(folders) and weights.exists() and pictures):
        pytest.skip("needs dncnn3_gray.pth in RESTOREBENCH_WEIGHTS and classic5 in RESTOREBENCH_DATA")
    network = ResidualCnn(1, 20, 64).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    gains = []
    for path in pictures[:2]:
        clean = Image.open(path).convert("L").crop((128, 128, 384, 384))
        file = io.BytesIO()
        clean.save(file, "JPEG", quality=10)
        clean, degraded = (torch.from_numpy(np.asarray(each, np.float32) / 255) for each in (clean, Image.open(file)))
        with torch.inference_mode():
            output = network(degraded[None, None])[0, 0].clamp(0, 1)
        errors = [(each - clean).square().mean() for each in (degraded, output)]
        gains.append(float(10 * torch.log10(errors[0] / errors[1])))
    assert min(gains) > 0.3 and sum(gains) / len(gains) > 0.5


@pytest.mark.parametrize(
    "build",
    [
        lambda: DnCnn(DnCnn.Config(loss="huber")),
        lambda: DnCnn(DnCnn.Config(depth=1)),
    ],
)
def test_impossible_settings_are_refused_in_one_line(build):
    with pytest.raises(ValueError, match=r"\A.*\d.*\Z|\A.*got.*\Z|\A.*must be.*\Z") as caught:
        build()
    assert "\n" not in str(caught.value)
