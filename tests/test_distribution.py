"""The mathematics of distances between sets: closed forms, the packages' values, and intervals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import piq
import pytest
import torch

from bench.metrics import distribution
from bench.results import store
from bench.scoring.battery import Battery, Pictures
from bench.scoring.score import record


def gaussians(count, size, shift=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn((count, size), generator=generator, dtype=torch.float64)
    return rows @ torch.randn((size, size), generator=generator, dtype=torch.float64) / size**0.5 + shift


@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")
@pytest.mark.parametrize("count", [9, 20, 32, 33, 34, 200])
def test_frechet_equals_pytorch_fid_and_eigenvalues(count):
    """Fewer pictures than features, about as many, and more. 1e-6: square roots of nearly singular matrices."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    x, y = gaussians(count, 32), gaussians(count + 5, 32, 0.2, seed=1)
    mean, spread, other_mean, other = moments = [
        part for rows in (x.numpy(), y.numpy()) for part in (rows.mean(0), np.cov(rows.T))
    ]
    roots = np.sqrt(np.clip(np.linalg.eigvals(spread @ other).real, 0, None)).sum()
    wanted = np.square(mean - other_mean).sum() + np.trace(spread) + np.trace(other) - 2 * roots
    ours = distribution.frechet(x, y)
    assert ours == pytest.approx(wanted, rel=1e-6)
    assert ours == pytest.approx(distribution.frechet(y, x), rel=1e-12)
    try:
        theirs = calculate_frechet_distance(*moments)
    except TypeError:
        pytest.skip("pytorch-fid 0.3.0 does not run on this SciPy (sqrtm lost `disp`); the eigenvalues agreed")
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_frechet_closed_forms():
    x = gaussians(40, 64)
    assert distribution.frechet(x, x) == pytest.approx(0, abs=1e-10)
    assert distribution.frechet(x, x + 0.5) == pytest.approx(64 * 0.25, rel=1e-10), "a shift: D d²"
    assert distribution.frechet(x, 3 * x) == pytest.approx(
        4 * (x.var(0).sum() + x.mean(0).square().sum()).item(), rel=1e-10
    ), "S to 9 S: tr S (3 - 1)², and the mean moves by twice itself"
    assert math.isnan(distribution.frechet(x[:1], x))


def test_kernel_distance():
    x, y = gaussians(30, 16), gaussians(25, 16, 0.3, seed=1)
    theirs = piq.KID(n_subsets=1, subset_size=25).compute_metric(x[:25], y)
    assert distribution.kernel(x[:25], y) == pytest.approx(theirs.item(), rel=1e-9)
    within = [
        torch.stack([(a @ b / 16 + 1) ** 3 for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]).mean()
        for rows in (x, y)
    ]
    cross = torch.stack([(a @ b / 16 + 1) ** 3 for a in x for b in y]).mean()
    assert distribution.kernel(x, y) == pytest.approx((sum(within) - 2 * cross).item(), rel=1e-9), "unequal numbers"
    assert distribution.kernel(x, x) < 0, "unbiased: equal sets fall below zero by the diagonal that is left out"
    assert math.isnan(distribution.kernel(x[:1], y))


def correlated(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of a truth and of what was restored from it, count×24 each."""
    spread = torch.linspace(2, 0.1, 24)
    truth = torch.randn((count, 24), generator=generator) * spread
    return 0.9 * truth + 0.05 + 0.3 * torch.randn((count, 24), generator=generator) * spread, truth


@pytest.mark.parametrize("distance", [distribution.frechet, distribution.kernel], ids=["frechet", "kernel"])
@pytest.mark.parametrize("count", [24, 90])
def test_the_interval_of_a_set_is_as_wide_as_sets_vary(distance, count):
    """torch-fidelity#45, pyiqa#188: is a difference of FID real, or the choice of pictures?"""
    generator = torch.Generator().manual_seed(0)
    values = [distance(*correlated(count, generator)) for _ in range(200)]
    errors = [
        distribution.standard_error(distribution.jackknife(distance, *correlated(count, generator))) for _ in range(30)
    ]
    assert 0.8 < np.mean(errors) / np.std(values) < 1.5


def test_sets_without_an_interval():
    """Two pictures leave nothing to leave out; hundreds would take long."""
    generator = torch.Generator().manual_seed(0)
    for count, finite in ((2, False), (3, True), (distribution.MOST, True), (distribution.MOST + 1, False)):
        moves = distribution.jackknife(lambda x, _: x.mean().item(), *correlated(count, generator))
        assert math.isfinite(distribution.standard_error(moves)) == finite
        assert len(moves) == (min(count, distribution.GROUPS) if finite else 0)
        assert moves.sum() == pytest.approx(0, abs=1e-6)
    pictures = correlated(31, generator)[0]
    moves = distribution.jackknife(lambda x, _: x[:, 0].mean().item(), pictures[:30], pictures[:30])
    assert moves == pytest.approx((pictures[:30, 0] - pictures[:30, 0].mean()).numpy(), abs=1e-5), "of a mean: itself"
    mean_error = distribution.standard_error(moves)
    assert mean_error == pytest.approx((pictures[:30, 0].std() / 30**0.5).item(), rel=1e-4), "of a mean: the usual one"


def test_scoring_stores_the_jackknife_beside_the_scores(tmp_path):
    """Six pictures, a network that takes means of channels: what a board reads back makes the same standard error."""
    rng = np.random.default_rng(1)
    reference = rng.integers(0, 200, (6, 8, 8, 3), np.uint8)
    restored = reference + rng.integers(0, 50, reference.shape, np.uint8)
    squeeze = next(each for each in distribution.METRICS if each.id == "fid_squeeze")
    metric = replace(squeeze, id="toy", min_side=1, network="toy", features=lambda pictures: pictures.mean((2, 3)))
    battery = Battery([metric], torch.device("cpu"))
    battery.add(Pictures([f"photo_{index}" for index in range(6)], restored, reference, None))
    rows = [{**each, "level": "hole_box"} for each in battery.finish()]
    record(store.Run("1", "small", "hole", "any", 0, "a"), tmp_path, rows, battery)
    assert list(store.read_scores(tmp_path).columns) == list(store.SCORE_COLUMNS)
    stored = store.read_sets(tmp_path)
    assert (set(stored["level"]), set(stored["metric"])) == ({"hole_box"}, {"toy"})
    features = [torch.from_numpy(each.mean((1, 2)) / 255) for each in (restored, reference)]
    wanted = distribution.standard_error(distribution.jackknife(distribution.frechet, *features))
    assert distribution.standard_error(stored["move"].to_numpy()) == pytest.approx(wanted, rel=1e-4)
    assert store.read_sets(tmp_path / "elsewhere").empty
