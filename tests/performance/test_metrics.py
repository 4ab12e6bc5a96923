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
    """Features of 300 pictures, 2048 each, of two sets a little apart."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(300, 2048, generator=generator, dtype=torch.float64)
    return first, first + 0.1 * torch.randn(300, 2048, generator=generator, dtype=torch.float64) + 0.05


def peer_frechet(first: torch.Tensor, second: torch.Tensor) -> float:
    """pytorch-fid's distance from its own statistics."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    sides = [(each.numpy().mean(axis=0), np.cov(each.numpy(), rowvar=False)) for each in (first, second)]
    return float(calculate_frechet_distance(*sides[0], *sides[1]))


FRECHET = Race(
    "fréchet distance of 300 × 2048 against pytorch-fid", frechet, peer_frechet, 1e-5,
    "pytorch-fid takes the root of a singular matrix, with 1e-6 added to its diagonal where that fails", relative=True,
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
