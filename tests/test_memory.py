"""A GPU whose memory runs out: batches are halved, a picture that does not fit alone is a row, and the others go on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bench import api
from bench.data.batches import Case
from bench.metrics import METRICS
from bench.results import store
from bench.scoring import memory
from bench.scoring.battery import Battery, Pictures
from bench.scoring.cost import Load, cost
from bench.scoring.score import MethodRestorer
from bench.training.engine import Engine
from methods.identity import Identity
from tests.conftest import draw
from tests.pictures import shifted
from tests.test_metrics import need

CPU = torch.device("cpu")


class Tight(Identity):
    """Takes two pictures at once, and none whose top left pixel is black."""

    def restore(self, degraded, mask):
        if len(degraded) > 2 or (degraded[:, :, 0, 0] == 0).all(1).any():
            raise torch.OutOfMemoryError("CUDA out of memory")
        return degraded

    def predict_mask(self, degraded):
        return (self.restore(degraded, None) > 2)[:, :1]


def cases(count: int, black: tuple[int, ...] = ()) -> list[Case]:
    """Cases of undamaged pictures, some with a black pixel at the top left."""
    found = []
    for number in range(count):
        picture = draw(number)
        picture[0, 0] = 0 if number in black else 99
        found.append(Case(str(number), picture, picture, np.zeros((48, 48), np.uint8), number, None))
    return found


@pytest.mark.parametrize(("count", "sizes"), [(8, [8, 4, 2, 2, 2, 2]), (5, [5, 2, 2, 1]), (1, [1])])
def test_a_batch_is_halved_until_it_fits(count, sizes):
    """No peer's issue, but everyone's evening: out of memory ends an evaluation, and the batch size is guessed."""
    tried = []

    def work(part):
        tried.append(part.stop - part.start)
        if tried[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(range(part.start, part.stop))

    assert memory.in_parts(work, lambda index: [-1], count) == list(range(count))
    assert tried == sizes


def test_other_errors_are_not_taken_for_a_full_memory():
    def work(part):
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        memory.in_parts(work, lambda index: [-1], 4)


def test_restoring_goes_on_in_smaller_batches():
    """A method whose memory holds two pictures restores seven; the one that never fits says so."""
    restorer = MethodRestorer(Tight(Tight.Config()), False, Engine(CPU))
    given = cases(7, black=(3,))
    outcomes, masks = restorer("level", given), restorer.masks(given)
    assert [isinstance(each, str) for each in outcomes] == [number == 3 for number in range(7)]
    assert outcomes[3] == masks[3] == "out_of_memory"
    assert all(np.array_equal(outcomes[n], given[n].clean) and not masks[n].any() for n in range(7) if n != 3)


def test_scoring_goes_on_in_smaller_batches(monkeypatch):
    """The same rows as with memory for all, and one metric's failure is no other's."""
    from dataclasses import replace

    names = ("psnr", "ssim", "brisque", "fid_squeeze")
    need("fid_squeeze")
    given = cases(6)
    clean = np.stack([case.clean for case in given])
    pictures = Pictures([case.image_id for case in given], shifted(clean, 20), clean, None)
    roomy = Battery.of(names, CPU)
    wanted = {(each["image_id"], each["metric"]): each["value"] for each in (*roomy.add(pictures), *roomy.finish())}

    def full(compute, most):
        def tight(given, *rest):
            if len(given) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return compute(given, *rest)

        return tight

    for name, most in (("psnr", 2), ("ssim", 0), ("brisque", 1)):
        monkeypatch.setitem(METRICS, name, replace(METRICS[name], compute=full(METRICS[name].compute, most)))
    squeeze = METRICS["fid_squeeze"]
    monkeypatch.setitem(METRICS, "fid_squeeze", replace(squeeze, features=full(squeeze.features, 2)))
    battery = Battery([METRICS[name] for name in names], CPU)
    rows = [*battery.add(pictures), *battery.finish()]
    assert {each["status"] for each in rows if each["metric"] == "ssim"} == {"out_of_memory"}
    found = {(each["image_id"], each["metric"]): each["value"] for each in rows if each["metric"] != "ssim"}
    assert found == pytest.approx({key: value for key, value in wanted.items() if key[1] != "ssim"}, rel=1e-4)

    monkeypatch.setitem(METRICS, "fid_squeeze", replace(squeeze, features=full(squeeze.features, 0)))
    battery = Battery([METRICS["fid_squeeze"]], CPU)
    battery.add(pictures)
    [row] = battery.finish()
    assert row["status"] == "out_of_memory", "no set with pictures left out unsaid"
    assert math.isnan(row["value"]) and "jackknife" not in row


def test_cost_is_taken_at_the_batch_that_fits():
    found = cost(Tight(Tight.Config()), Load(32, 8, False), Engine(CPU))
    assert found["images_per_second"] > 0 and found["latency_ms"] > 0


PLUGIN = """
import torch
from methods.identity import Identity

class Tight(Identity):
    '''Takes one picture at once.'''
    class Config(Identity.Config):
        pass
    def restore(self, degraded, mask):
        if len(degraded) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return degraded

METHODS = {"tight": Tight.Config()}
"""


def test_a_run_of_a_method_that_fills_the_memory_is_scored(tmp_path, tiny_suite):
    """From the suite to stored scores, which are those of a method that takes any batch."""
    plugin = tmp_path / "tight.py"
    plugin.write_text(PLUGIN)
    tiny_suite.write_text(tiny_suite.read_text().replace('["identity", "dncnn", "pix2pix"]', '["identity", "tight"]'))
    settings = api.Settings(tmp_path / "runs", "cpu", plugins=(plugin,), tasks=("jpeg",))
    runs = {run.method: run for run in api.run(str(tiny_suite), settings)}
    assert runs["tight"].status == store.DONE, runs["tight"].reason
    frames = {
        folder.parent.name: store.read_scores(folder).query("level != ''").drop(columns=["method"])
        for folder in store.find_runs(tmp_path / "runs")
    }
    assert frames["tight"].equals(frames["identity"]) and len(frames["tight"]) > 2
