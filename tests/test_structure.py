"""SSIM's family: the definition in float64 by other means, piq, extremes, windows, regions, properties."""

from __future__ import annotations

import numpy as np
import piq
import pytest
import skimage.metrics
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.metrics import structure, windows
from bench.metrics.quantise import studio_luma
from bench.metrics.regions import region_mean
from tests.pictures import crops, grainy, grid, pairs, tones

LIMIT = 3e-5  # what issue 4 allows between a fast form and the definition
USUAL = 1e-6  # on photographs; float32 moments are that near
SMALLEST = {"ssim": 11, "ssim_y": 11, "ssim_uniform8": 8, "ms_ssim": 161}
ODD = [(200, 208), (161, 175), (163, 162)]


def whole(pictures):
    return torch.ones_like(pictures[:, :1])


def score(metric, x, y, regions=None):
    return getattr(structure, metric)(x, y, whole(x) if regions is None else regions)[:, 0]


def by_skimage(x, y):
    """N×C×H×W twice -> N, in float64."""
    values = []
    for first, second in zip(x.double().numpy(), y.double().numpy(), strict=True):
        _, maps = skimage.metrics.structural_similarity(
            first, second, channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, full=True,
        )  # fmt: skip
        values.append(maps[:, 5:-5, 5:-5].mean())
    return torch.tensor(values)


def by_formula(x, y):
    """Uniform 8×8 windows from variances that are computed about their own mean: N×C×H×W twice -> N, in float64."""
    a, b = (F.unfold(each.double().flatten(0, 1).unsqueeze(1), 8) for each in (x, y))  # P×64×windows
    mean_a, mean_b = a.mean(1), b.mean(1)
    covariance = ((a - mean_a.unsqueeze(1)) * (b - mean_b.unsqueeze(1))).mean(1)
    spread = a.var(1, correction=0) + b.var(1, correction=0)
    light = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    return (light * (2 * covariance + 9e-4) / (spread + 9e-4)).unflatten(0, x.shape[:2]).mean((1, 2))


DEFINITION = {  # none of them shares code with ours
    "ssim": by_skimage,
    "ssim_y": lambda x, y: by_skimage(studio_luma(x)[:, None], studio_luma(y)[:, None]),
    "ssim_uniform8": by_formula,
    "ms_ssim": lambda x, y: piq.multi_scale_ssim(x.double(), y.double(), reduction="none"),
}


# --- the definition --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ODD)
@pytest.mark.parametrize("metric", DEFINITION)
def test_equals_its_definition(metric, size):
    truth = crops(*size)
    for strength in (0.005, 0.1):
        restored = grainy(truth, strength)
        wanted = DEFINITION[metric](restored, truth)
        ours, precise = score(metric, restored, truth), score(metric, restored.double(), truth.double())
        assert ours.dtype == precise.dtype == torch.float64
        assert torch.allclose(ours, wanted, rtol=0, atol=USUAL)
        assert torch.allclose(precise, wanted, rtol=0, atol=1e-10), "float64 in, float64 throughout"


@pytest.mark.parametrize("size", ODD)
def test_equals_piq(size):
    truth = crops(*size)
    restored = grainy(truth, 0.1)
    ssim = piq.ssim(restored, truth, downsample=False, reduction="none")
    multi = piq.multi_scale_ssim(restored, truth, reduction="none")
    assert torch.allclose(score("ssim", restored, truth), ssim.double(), rtol=0, atol=LIMIT), "piq's float32"
    assert torch.allclose(score("ms_ssim", restored, truth), multi.double(), rtol=0, atol=LIMIT), "piq's float32"


EXTREMES = {
    "white and a level below": (tones(1, 1), tones(254 / 255, 254 / 255)),
    "bright and half as bright": (tones(1, 1), tones(64 / 255, 64 / 255)),
    "far apart both ways": (tones(0.25, 0.75), tones(0.75, 0.25)),
    "just below FAR": (tones(1, 0.5), tones(0.81, 0.31)),
    "just above FAR": (tones(1, 0.5), tones(0.79, 0.29)),
    "black hole": (tones(0, 0.9), tones(0.8, 0.9)),
    "bright grain": (grainy(tones(1, 1), 0.02), grainy(tones(1, 1), 0.02, seed=1)),
}


@pytest.mark.parametrize("metric", DEFINITION)
@pytest.mark.parametrize("extreme", EXTREMES)
def test_extremes_equal_the_definition(metric, extreme):
    """Flat and bright is where a plain float32 E[x²] - E[x]² fails."""
    x, y = EXTREMES[extreme]
    assert torch.allclose(score(metric, x, y), DEFINITION[metric](x, y), rtol=0, atol=LIMIT)


def test_bands_of_far_means_need_float64(monkeypatch):
    """What FAR is for: without it the same pictures miss the limit."""
    x, y = EXTREMES["bright and half as bright"]
    wanted = by_skimage(x, y)
    kept = (score("ssim", x, y) - wanted).abs().item()
    monkeypatch.setattr(windows, "FAR", 2)
    assert kept < 1e-6 < (score("ssim", x, y) - wanted).abs().item()


# --- windows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("taps", [windows.gaussian(), windows.UNIFORM], ids=["gaussian", "uniform"])
def test_opencv_and_torch_agree(taps, light):
    """The CPU takes OpenCV, other devices torch's convolution."""
    truth = crops(31, 40).double()
    x, y = grainy(truth.float(), 0.1).double().flatten(0, 1), truth.flatten(0, 1)
    ours, theirs = windows.similarity(x, y, taps, light), windows._torch_map(x, y, taps, light)
    assert ours.shape == theirs.shape == (6, 32 - len(taps), 41 - len(taps))
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_torch_s_means_equal_opencv_s():
    planes = crops(31, 40).double()[0]
    meta = windows.window_means(planes, windows.gaussian())
    row = torch.tensor(windows.gaussian(), dtype=torch.float64)
    wanted = torch.einsum("pijab,a,b->pij", planes.unfold(1, 11, 1).unfold(2, 11, 1), row, row)
    assert torch.allclose(meta, wanted, rtol=0, atol=1e-14)


def test_bands_change_nothing(monkeypatch):
    """Windows over a seam between bands see both sides."""
    truth = crops(200, 208)
    x, y = grainy(truth, 0.1).flatten(0, 1), truth.flatten(0, 1)
    maps = []
    for band, rows in ((1 << 30, 64), (1, 7), (1, 64), (1, 50)):
        monkeypatch.setattr(windows, "BAND", band)
        monkeypatch.setattr(windows, "ROWS", rows)
        maps.append(windows.similarity(x, y, windows.gaussian()))
    assert all(torch.equal(each, maps[0]) for each in maps[1:])


@pytest.mark.parametrize(("side", "size"), [(1, (5, 6)), (2, (8, 6)), (2, (9, 7)), (3, (11, 9)), (4, (15, 16))])
def test_block_means_equal_avg_pool(side, size):
    planes = torch.rand((2, 3, *size), dtype=torch.float64)
    assert torch.allclose(windows.block_means(planes, side), F.avg_pool2d(planes, side), rtol=0, atol=1e-15)


# --- regions ---------------------------------------------------------------------------------------------------------


def test_region_mean_equals_numpy():
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand((2, 3, 20, 30), generator=generator)
    weights = torch.stack(
        [torch.ones(2, 20, 30), torch.zeros(2, 20, 30), torch.rand((2, 20, 30), generator=generator)], 1
    )
    weights[0, 0, 3, 4] = 0  # one picture's region is whole, the other's is not
    means = region_mean(maps, weights)
    assert means.dtype == torch.float64 and means.shape == (2, 3, 3) and means[:, :, 1].isnan().all()
    for picture, channel, region in ((0, 0, 0), (1, 2, 0), (0, 1, 2), (1, 0, 2)):
        wanted = np.average(maps[picture, channel].double().numpy(), weights=weights[picture, region].double().numpy())
        assert means[picture, channel, region].item() == pytest.approx(wanted, abs=1e-7), "rows summed in float32"


def test_a_region_is_the_mean_of_one_map(monkeypatch):
    """However many regions, the map is computed once."""
    calls = []
    monkeypatch.setattr(structure, "similarity", lambda *given: calls.append(1) or windows.similarity(*given))
    truth = crops(64, 70)
    regions = (torch.rand(2, 4, 64, 70) > 0.5).float()
    scores = structure.ssim(grainy(truth, 0.1), truth, regions)
    assert len(calls) == 1 and scores.shape == (2, 4)
    monkeypatch.undo()
    alone = torch.cat([structure.ssim(grainy(truth, 0.1), truth, regions[:, i : i + 1]) for i in range(4)], 1)
    assert torch.equal(scores, alone)


# --- properties ------------------------------------------------------------------------------------------------------

METRICS = sorted(DEFINITION)
quick = settings(max_examples=15, deadline=None)


@pytest.mark.parametrize("metric", METRICS)
@quick
@given(data=st.data())
def test_identity_symmetry_range_and_definition(metric, data):
    x, y = data.draw(pairs(SMALLEST[metric]))
    forth = score(metric, x, y)
    assert score(metric, x, x).item() == pytest.approx(1, abs=1e-12)
    assert torch.equal(forth, score(metric, y, x)), "sums and squared differences do not know the order"
    assert -1 <= forth.item() <= 1
    assert torch.allclose(forth, DEFINITION[metric](x, y), rtol=0, atol=LIMIT)


@pytest.mark.parametrize("metric", METRICS)
@quick
@given(strength=st.sampled_from([0.004, 0.05, 0.4]), seed=st.integers(0, 1000))
def test_a_picture_s_score_does_not_depend_on_its_batch(metric, strength, seed):
    truth = crops(170, 162)
    x, y = grainy(truth, strength, seed), grid(truth.flip(0) * 0.5 + truth * 0.5)
    together = score(metric, x, y)
    alone = torch.cat([score(metric, x[i : i + 1], y[i : i + 1]) for i in range(2)])
    assert torch.allclose(together, alone, rtol=0, atol=USUAL), "a band that two pictures share may need float64"
