"""Work spread over the cores: the same results in the same order, and torch's threads as they were."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from bench.metrics import METRICS, apply, perceptual, structure
from bench.metrics.cores import on_cores
from bench.scoring import measure as measuring
from bench.scoring.measure import Folders, measure
from tests.conftest import draw
from tests.pictures import crops, grainy
from tests.test_metrics import need


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_order_and_torch_has_one_thread_in_each(threads):
    found = on_cores(lambda item: (item * item, torch.get_num_threads()), range(7))
    assert [value for value, _ in found] == [0, 1, 4, 9, 16, 25, 36]
    assert {inside for _, inside in found} == {1}
    assert torch.get_num_threads() == threads


def test_cores_work_at_once():
    """Two that wait for each other can only end together."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    meeting = threading.Barrier(2, timeout=20)
    try:
        assert sorted(on_cores(lambda _: meeting.wait(), range(2))) == [0, 1]
    finally:
        torch.set_num_threads(before)


def test_an_error_comes_through_and_threads_are_put_back(threads):
    with pytest.raises(ZeroDivisionError):
        on_cores(lambda item: 1 / item, (1, 0, 2))
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("metric", ["ssim", "ms_ssim", "ssim_uniform8"])
def test_ssim_is_the_same_on_any_number_of_cores(threads, metric):
    """To the bit."""
    truth = crops(200, 208)
    restored = grainy(truth, 0.1)
    ours = getattr(structure, metric)(restored, truth, torch.ones_like(truth[:, :1]))
    torch.set_num_threads(1)
    assert torch.equal(ours, getattr(structure, metric)(restored, truth, torch.ones_like(truth[:, :1])))


def test_lpips_of_a_batch_is_that_of_its_pictures(threads):
    need("lpips_squeeze")
    truth = crops(64, 70)
    restored = grainy(truth, 0.1)
    regions = torch.ones(len(truth), 2, 64, 70)
    regions[:, 1, 20:] = 0
    ours = perceptual.lpips_squeeze(restored, truth, regions)
    each = [
        perceptual.lpips_squeeze(*one) for one in zip(*(e.split(1) for e in (restored, truth, regions)), strict=True)
    ]
    assert torch.allclose(ours, torch.cat(each), rtol=0, atol=1e-7), "convolutions on more threads sum otherwise"
    assert (perceptual.lpips_squeeze(truth, truth, regions) == 0).all()


@pytest.fixture
def folders(tmp_path):
    """Seven pairs of two sizes, and one that does not fit its reference."""
    for number in range(8):
        height, width = (48, 48) if number % 3 else (40, 56)
        for name, seed in (("restored", number), ("reference", number + 20)):
            (tmp_path / name).mkdir(exist_ok=True)
            odd = 8 if (name, number) == ("restored", 5) else 0
            Image.fromarray(draw(seed, height + odd, width)).save(tmp_path / name / f"{number}.png")
    return Folders(tmp_path / "restored", tmp_path / "reference")


def test_measure_is_the_same_on_any_number_of_cores(folders, threads, monkeypatch):
    """Values, order, and what sets are judged by, whose pictures must stay in order."""
    sets = METRICS["fid_squeeze"]
    seen: list[np.ndarray] = []

    def distance(ours, theirs):
        seen.append(ours.numpy())
        return float((ours - theirs).square().sum())

    known = METRICS | {"fid_squeeze": measuring.replace(sets, features=lambda x: x.mean((2, 3)), distance=distance)}
    apply._probe.cache_clear()
    found = measure(folders, ("psnr", "ssim", "fid_squeeze"), known=known)
    truth = np.stack([draw(n, *((48, 48) if n % 3 else (40, 56))).mean((0, 1)) / 255 for n in range(8) if n != 5])
    assert np.allclose(seen[0], truth, atol=1e-6)
    assert [each["image"] for each in found.images] == list("01234567")
    assert found.summary["psnr"]["n"] == 7 and "5: " in found.problems[0]
    torch.set_num_threads(1)
    again = measure(folders, ("psnr", "ssim", "fid_squeeze"), known=known)
    assert found == again
