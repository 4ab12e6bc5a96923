"""SSIM's family, PSNR, piq's other measures, LPIPS: our time, the peer's, the ratio, the largest difference in value.

`tox -e performance -- tests/performance/test_structure.py`; on Kodak24 where RESTOREBENCH_DATA holds it. Nothing here
asserts a time.
"""

from __future__ import annotations

import functools

import piq
import pytest
import torch

from bench.metrics import METRICS
from pretrained import Unavailable, trunk
from pretrained.perceptual import build_lpips
from tests.performance.races import Race, kodak, run

ROUNDS = 3


def ours(metric_id: str):
    """A metric as the battery calls it, on pictures that are on the grid already."""
    return lambda first, second: METRICS[metric_id].compute(first, second, torch.ones_like(first[:, :1]))


@torch.no_grad()
def lpips_package(first, second):
    """The package's own forward pass, in its own memory layout."""
    return _lpips()(first * 2 - 1, second * 2 - 1)


@functools.cache
def _lpips():
    try:
        return build_lpips("squeeze", trunk("squeezenet1_1").tensors)
    except Unavailable as error:
        pytest.skip(str(error))


def race(metric_id: str, peer, tolerance: float, why: str) -> Race:
    return Race(f"{metric_id} against piq", ours(metric_id), peer, tolerance, why, exact=peer)


RACES = [
    Race("psnr against piq", ours("psnr"), piq.psnr, 1e-4, "piq adds 1e-8 to the error"),
    race("ssim", functools.partial(piq.ssim, downsample=False), 3e-5, "float32"),
    race("ms_ssim", piq.multi_scale_ssim, 3e-5, "float32"),
    race("fsim", piq.fsim, 3e-5, "float32"),
    race("vif", piq.vif_p, 1e-9, "float64"),
    race("gmsd", piq.gmsd, 3e-5, "float32"),
    race("haarpsi", piq.haarpsi, 3e-5, "float32"),
    Race("lpips_squeeze against lpips", ours("lpips_squeeze"), lpips_package, 1e-5, "float32 in another order"),
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_race(race, threads, benchmark, capsys):
    line = run(race, kodak(), benchmark, ROUNDS)
    with capsys.disabled():
        print(f"\n{threads} thread{'s' * (threads > 1)}, {line}")


@pytest.mark.parametrize("metric_id", ["ssim", "ms_ssim"])
def test_race_against_torchmetrics(metric_id, threads, benchmark, capsys):
    """Where it is installed; it is none of our dependencies. It mirrors the borders and scores them, too."""
    image = pytest.importorskip("torchmetrics.functional.image")
    if metric_id == "ssim":
        whole = functools.partial(image.structural_similarity_index_measure, data_range=1.0, return_full_image=True)

        def peer(x, y):
            return whole(x, y)[1][..., 5:-5, 5:-5].mean()

        within, why = 1e-4, "float32"
    else:
        peer = functools.partial(image.multiscale_structural_similarity_index_measure, data_range=1.0, normalize="relu")
        within, why = 2e-2, "of the coarsest scale, 31 pixels a side, ten are its mirrored borders"
    race = Race(f"{metric_id} against torchmetrics", ours(metric_id), peer, within, why)
    line = run(race, kodak()[:4], benchmark, ROUNDS)
    with capsys.disabled():
        print(f"\n{threads} threads, {line}")


def test_regions_cost_little(benchmark, capsys):
    """Four regions against the whole picture alone: the map is the same."""
    first, second = kodak()[0]
    regions = torch.ones(1, 4, *first.shape[2:])
    regions[:, 1, 100:300, 100:300] = 0
    regions[:, 2, 50:400] = 0
    regions[:, 3] = 1 - regions[:, 1]
    race = Race(
        "ssim of one region against four",
        lambda x, y: METRICS["ssim"].compute(x, y, regions[:, :1])[0, 0],
        lambda x, y: METRICS["ssim"].compute(x, y, regions)[0, 0],
        1e-12,
        "the same map",
    )
    line = run(race, [(first, second)], benchmark, 20)
    with capsys.disabled():
        print("\n" + line)
