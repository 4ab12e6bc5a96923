"""FSIM, VIF, GMSD and HaarPSI against piq in float64, their own parts, and their properties."""

from __future__ import annotations

import numpy as np
import piq
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.metrics import METRICS, gradients, phase
from tests.pictures import crops, grainy, grid, pairs, tones

PIQ = {"fsim": piq.fsim, "vif": piq.vif_p, "gmsd": piq.gmsd, "haarpsi": piq.haarpsi}
# Largest difference from piq run in float64: ours is float32 but for VIF's, and FSIM divides small responses.
TOLERANCE = {"fsim": 5e-6, "vif": 1e-10, "gmsd": 1e-6, "haarpsi": 2e-6}
IDENTICAL = {"fsim": 1, "vif": 1, "gmsd": 0, "haarpsi": 1}


def score(metric, x, y):
    return METRICS[metric].compute(x, y, torch.ones_like(x[:, :1]))[:, 0]


def definition(metric, x, y):
    return PIQ[metric](x.double(), y.double(), reduction="none")


@pytest.mark.parametrize("size", [(200, 208), (163, 170), (171, 161), (64, 65), (41, 50), (400, 431)])
@pytest.mark.parametrize("metric", PIQ)
def test_equals_piq_in_float64(metric, size):
    """Even and odd sides; 400 px and up are pooled before FSIM."""
    truth = crops(*size)
    for strength in (0.01, 0.2):
        restored = grainy(truth, strength)
        ours = score(metric, restored, truth)
        assert ours.dtype == torch.float64
        assert torch.allclose(ours, definition(metric, restored, truth), rtol=0, atol=TOLERANCE[metric])


@pytest.mark.parametrize("metric", PIQ)
def test_equals_piq_as_it_is_called(metric):
    truth = crops(200, 208)
    theirs = PIQ[metric](grainy(truth, 0.1), truth, reduction="none").double()
    assert torch.allclose(score(metric, grainy(truth, 0.1), truth), theirs, rtol=0, atol=3e-5), "piq's float32"


@pytest.mark.parametrize("metric", PIQ)
def test_whole_picture_measures_have_no_region(metric):
    truth = crops(64, 64)
    maps = torch.ones(2, 2, 64, 64)
    maps[:, 1, :, 63] = 0
    scores = METRICS[metric].compute(grainy(truth, 0.1), truth, maps)
    assert scores[:, 0].isfinite().all() and scores[:, 1].isnan().all()


@pytest.mark.parametrize("metric", ["vif", "gmsd", "haarpsi"])
@pytest.mark.parametrize("pair", [(tones(0, 0), tones(1, 1)), (tones(0.2, 0.7), tones(0.7, 0.2)),
                                  (tones(0.5, 0.5), tones(0.2, 0.7)), (tones(0.2, 0.7), tones(0.5, 0.5))])  # fmt: skip
def test_flat_and_inverted_pictures_equal_piq(metric, pair):
    """No variance, and contrast turned round: the branches of VIF. Float32 shows in HaarPSI's logit near 0 and 1."""
    assert torch.allclose(score(metric, *pair), definition(metric, *pair), rtol=0, atol=1e-5)


def test_haarpsi_of_equal_pictures_is_not_above_one():
    black = torch.zeros(1, 3, 32, 32)
    assert score("haarpsi", black, black).item() == 1
    truth = crops(64, 64)
    assert (score("haarpsi", truth, truth) <= 1).all()


# --- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taps", [gradients.PREWITT, gradients.SCHARR])
def test_gradient_equals_its_convolution(taps):
    planes = crops(40, 33)[:, 0].double()
    kernel = torch.tensor(taps, dtype=torch.float64)[:, None] * torch.tensor([-1.0, 0, 1]) / sum(taps)
    wanted = F.conv2d(planes[:, None], torch.stack([kernel, kernel.T])[:, None], padding=1).square().sum(1).sqrt()
    assert torch.allclose(gradients.gradient(planes, taps), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("side", [2, 4, 8])
def test_haar_equals_its_convolution(side):
    planes = crops(40, 33)[:, 0].double()
    kernel = torch.full((side, side), 1 / side, dtype=torch.float64)
    kernel[side // 2 :] *= -1
    padded = F.pad(planes[:, None], (side // 2 - 1, side // 2) * 2)
    wanted = F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None]).abs()
    for ours, theirs in zip(gradients._haar(planes, side), wanted.unbind(1), strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(24, 31), (33, 40)])
def test_filters_equal_piq_s(size):
    from piq.fsim import _construct_filters

    wanted = _construct_filters(torch.zeros(1, 1, *size, dtype=torch.float64)).view(4, 4, *size)
    made = phase.log_gabor(*size, torch.device("cpu"))
    assert torch.allclose(made.bank.double(), wanted, rtol=0, atol=1e-6)
    assert phase.log_gabor(*size, torch.device("cpu")) is made, "made once for a size"


@pytest.mark.parametrize("size", [(3, 5), (4, 6)])
def test_lower_median(size):
    plane = torch.rand(size)
    assert phase._median(plane) == plane.median().item() == np.sort(plane.ravel())[(plane.numel() - 1) // 2]


# --- properties ------------------------------------------------------------------------------------------------------

quick = settings(max_examples=15, deadline=None)


@pytest.mark.parametrize("metric", PIQ)
@quick
@given(data=st.data())
def test_identity_symmetry_and_range(metric, data):
    x, y = data.draw(pairs(METRICS[metric].min_side))
    assert score(metric, x, x).item() == pytest.approx(IDENTICAL[metric], abs=1e-6)
    forth, back = score(metric, x, y).item(), score(metric, y, x).item()
    assert forth >= 0 and (metric == "vif" or forth <= 1 + 1e-6)
    assert metric == "vif" or forth == pytest.approx(back, abs=1e-6)


@pytest.mark.parametrize("metric", PIQ)
@quick
@given(strength=st.sampled_from([0.004, 0.05, 0.4]), seed=st.integers(0, 1000))
def test_a_picture_s_score_does_not_depend_on_its_batch(metric, strength, seed):
    truth = crops(70, 62)
    x, y = grainy(truth, strength, seed), grid(truth.flip(0) * 0.5 + truth * 0.5)
    alone = torch.cat([score(metric, x[i : i + 1], y[i : i + 1]) for i in range(2)])
    assert torch.allclose(score(metric, x, y), alone, rtol=0, atol=1e-6), "vectorised float32 loops end elsewhere"
