"""Our time, the peer's time, their ratio and the largest difference in value, in one run: `tox -e performance`.

Nothing here asserts a time; that the values agree is asserted. SSIM's family and piq's measures: test_structure.py.
"""

import time

import numpy as np
import torch

from bench.metrics import METRICS, load
from bench.metrics.distribution import frechet
from tests.performance.races import Race, kodak, run


def features() -> tuple[torch.Tensor, torch.Tensor]:
    """Features of 1,000 pictures, 2048 each, of two sets a little apart."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(1000, 2048, generator=generator, dtype=torch.float64)
    return first, first + 0.1 * torch.randn(1000, 2048, generator=generator, dtype=torch.float64) + 0.05


def peer_frechet(first: torch.Tensor, second: torch.Tensor) -> float:
    """pytorch-fid's distance from its own statistics."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    sides = [(each.numpy().mean(axis=0), np.cov(each.numpy(), rowvar=False)) for each in (first, second)]
    return float(calculate_frechet_distance(*sides[0], *sides[1]))


def exact_frechet(first: torch.Tensor, second: torch.Tensor) -> float:
    """The definition by eigenvalues, of which no more than the number of pictures less one are not zero."""
    sides = [each.numpy() for each in (first, second)]
    (one, two), gap = (np.cov(each, rowvar=False) for each in sides), sides[0].mean(0) - sides[1].mean(0)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.clip(np.linalg.eigvalsh(root @ two @ root)[1 - len(first) :], 0, None)
    return float(gap @ gap + np.trace(one) + np.trace(two) - 2 * np.sqrt(shared).sum())


FRECHET = Race(
    "fréchet distance of 1,000 × 2048 against pytorch-fid", frechet, peer_frechet, 1e-9,
    "pytorch-fid's root of a singular matrix turns a thousand zeros into 1e-8 each; ours never meets them",
    relative=True, exact=exact_frechet,
)  # fmt: skip


def test_frechet(benchmark, capsys):
    line = run(FRECHET, [features()], benchmark, rounds=1)
    with capsys.disabled():
        print("\n" + line)


def test_every_pair_metric_has_a_time(benchmark, capsys):
    """What the whole battery costs on one pair of 500×500, metric by metric, where it can be had."""
    from bench.metrics import unavailable

    first, second = kodak()[0]
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
