"""Our time, the peer's time, their ratio and the largest difference in value, in one run: `tox -e performance`.

Each round times ours and the peer's one after the other, and the medians are compared, so that a slow spell of the
machine meets both. Nothing here asserts a time; that the values agree is asserted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import piq
import pytest
import torch

from bench.metrics import METRICS, load
from bench.metrics.distribution import frechet
from tests.conftest import draw

ROUNDS = 7


def pictures(size: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Two drawn pairs 2×3×size×size on the uint8 grid, the first side with noise."""
    clean = np.stack([draw(seed, size, size) for seed in (1, 2)])
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 10, clean.shape), 0, 255).astype(np.uint8)
    first, second = (torch.from_numpy(each).permute(0, 3, 1, 2).float() / 255 for each in (noisy, clean))
    return first, second


def features() -> tuple[torch.Tensor, torch.Tensor]:
    """Features of 300 pictures, 2048 each, of two sets a little apart."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(300, 2048, generator=generator, dtype=torch.float64)
    return first, first + 0.1 * torch.randn(300, 2048, generator=generator, dtype=torch.float64) + 0.05


def peer_frechet(first: torch.Tensor, second: torch.Tensor) -> float:
    """pytorch-fid's distance from its own statistics."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    sides = [(each.numpy().mean(axis=0), np.cov(each.numpy(), rowvar=False)) for each in (first, second)]
    return float(calculate_frechet_distance(*sides[0], *sides[1]))


def each_of(function: Callable) -> Callable:
    """A piq function over a pair, one score per picture."""
    return lambda first, second: function(first, second, reduction="none")


@dataclass(frozen=True)
class Race:
    """Something of ours beside a peer's. The tolerance is relative, with its reason in `why`."""

    name: str
    inputs: Callable
    ours: Callable
    peer: Callable
    tolerance: float
    why: str


RACES = [
    Race("psnr against piq", pictures, load("psnr"), each_of(piq.psnr), 1e-4, "piq computes in float32 and adds 1e-8"),
    Race("ssim against piq", pictures, load("ssim"),
         lambda a, b: piq.ssim(a, b, downsample=False, reduction="none"), 1e-4, "piq computes in float32"),
    Race("ms_ssim against piq", pictures, load("ms_ssim"), each_of(piq.multi_scale_ssim), 1e-4, "float32 in piq"),
    Race("fréchet distance of 300 × 2048 against pytorch-fid", features, frechet, peer_frechet, 1e-5,
         "pytorch-fid takes the root of a singular matrix, with 1e-6 added to its diagonal where that fails"),
]  # fmt: skip


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_race(race, benchmark, capsys):
    first, second = race.inputs()
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    values = {}

    def lap() -> None:
        for side, function in (("ours", race.ours), ("peer", race.peer)):
            began = time.perf_counter()
            values[side] = np.asarray(function(first, second), dtype=np.float64)
            times[side].append(time.perf_counter() - began)

    rounds = 2 if "fréchet" in race.name else ROUNDS
    benchmark.pedantic(lap, rounds=rounds, warmup_rounds=0 if rounds == 2 else 1)
    ours, peer = np.median(times["ours"]) * 1e3, np.median(times["peer"]) * 1e3
    apart = float(np.max(np.abs(values["ours"] - values["peer"]) / np.abs(values["peer"])))
    line = f"{race.name}: ours {ours:.1f} ms, peer {peer:.1f} ms, {peer / ours:.1f}x, largest difference {apart:.1e}"
    benchmark.extra_info.update({"ours_ms": ours, "peer_ms": peer, "ratio": peer / ours, "difference": apart})
    with capsys.disabled():
        print("\n" + line)
    assert apart < race.tolerance, race.why


def test_every_pair_metric_has_a_time(benchmark, capsys):
    """What the whole battery costs on one pair of 500×500, metric by metric, where it can be had."""
    from bench.metrics import unavailable

    first, second = (each[:1] for each in pictures())
    names = [name for name, each in METRICS.items() if each.kind in ("pair", "single") and unavailable(each) is None]
    rows = {}

    def lap() -> None:
        for name in names:
            began = time.perf_counter()
            load(name)(first) if METRICS[name].kind == "single" else load(name)(first, second)
            rows[name] = (time.perf_counter() - began) * 1e3

    benchmark.pedantic(lap, rounds=3, warmup_rounds=1)
    with capsys.disabled():
        print("\n" + "  ".join(f"{name} {ms:.1f}" for name, ms in rows.items()) + "  ms a picture")
    assert set(rows) == set(names)
