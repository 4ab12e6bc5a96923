"""Methods that break the contract, and a folder half empty: each is a row or a line, and the rest goes on."""

from __future__ import annotations

import pandas as pd
import pytest

from bench import api
from bench.discovery import discover
from bench.results import store
from bench.verify import CHECKS
from bench.verify.subject import Subject
from tests.test_cli import command  # noqa: F401  (a fixture)

PLUGIN = """
from dataclasses import dataclass
import torch
from methods.base import Method

class Bad(Method):
    '''Breaks a clause of the contract.'''
    tasks = frozenset({"jpeg"})
    @dataclass(frozen=True)
    class Config:
        fault: str = "range"
    def __init__(self, config):
        super().__init__(config)
        self.seen = 0
    def optimizers(self): return {}
    def step(self, batch, progress): return {}
    def restore(self, degraded, mask):
        return getattr(self, self.config.fault)(degraded, mask)
    def range(self, degraded, mask): return degraded * 3 - 1
    def moves(self, degraded, mask): return degraded.mul_(0.5)
    def keeps(self, degraded, mask):
        self.seen += 1
        return degraded / self.seen
    def opens(self, degraded, mask): return degraded * (1 - mask)

METHODS = {name: Bad.Config(name) for name in ("range", "moves", "keeps", "opens")}
"""
SUITE = """
[data.scenes]
source = "embedded:scenes"
short_side = 64
[score]
size = 64
pictures = 4
keep = 1
metrics = ["psnr"]
[tasks.jpeg]
data = "scenes"
levels = ["jpeg_q10"]
methods = METHODS
"""
NAMED = {  # method -> the check of `verify` that names it, and part of its sentence
    "range": ("restores pictures", "clamp to [0, 1]"),
    "moves": ("restores pictures", "work on a copy"),
    "keeps": ("repeats itself", "keep nothing between pictures"),
    "opens": ("works with and without a mask", "without a mask"),
}


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "bad.py").write_text(PLUGIN)
    return tmp_path / "bad.py"


def rows(folder, methods: list[str], plugins=()) -> tuple[dict[str, store.Run], pd.DataFrame]:
    """Runs by method, and the scores of identity."""
    folder.mkdir()
    (folder / "bad.toml").write_text(SUITE.replace("METHODS", str(methods).replace("'", '"')))
    runs = api.run(str(folder / "bad.toml"), api.Settings(folder / "runs", "cpu", plugins=plugins))
    (place,) = [each for each in store.find_runs(folder / "runs") if each.parent.name == "identity"]
    scores = store.read_scores(place)
    return {run.method: run for run in runs}, scores[scores["metric"] == "psnr"].reset_index(drop=True)


def test_methods_that_break_the_contract_harm_themselves_alone(tmp_path, plugin):
    """Restored in an order with the honest one last, and in the same process."""
    _, alone = rows(tmp_path / "alone", ["identity"])
    runs, beside = rows(tmp_path / "beside", [*NAMED, "identity"], (plugin,))
    pd.testing.assert_frame_equal(alone, beside)
    assert runs["opens"].status == store.ERROR and runs["opens"].reason
    assert "\n" not in runs["opens"].reason
    assert {runs[name].status for name in ("identity", "range", "moves", "keeps")} == {store.DONE}


@pytest.mark.parametrize("name", NAMED)
def test_verify_names_each_in_one_line(plugin, name):
    check, says = NAMED[name]
    found = discover((plugin,))
    problem = next(each for each in CHECKS if each.name == check).problem(Subject(found.method(name)))
    assert says in problem and "\n" not in problem


def test_a_folder_with_half_of_the_pictures_is_scored_by_half(tmp_path, command):  # noqa: F811
    (tmp_path / "half.toml").write_text(SUITE.replace("METHODS", '["identity"]'))
    assert command("degrade", "jpeg", tmp_path / "in", "--evaluation", tmp_path / "half.toml")[0] == 0
    pictures = sorted((tmp_path / "in").glob("*/degraded/*.png"))
    (tmp_path / "out" / "jpeg_q10").mkdir(parents=True)
    for path in pictures[::2]:
        path.rename(tmp_path / "out" / "jpeg_q10" / path.name)
    code, out, _ = command("lint", tmp_path / "out", "--task", "jpeg", "--suite", tmp_path / "half.toml")
    assert code == 1 and out.count("missing") == 1 and "2 of 4" in out
    words = ("--task", "jpeg", "--predictions", tmp_path / "out", "--name", "half", "--runs", tmp_path / "runs")
    assert command("score", tmp_path / "half.toml", *words)[0] == 0
    (place,) = store.find_runs(tmp_path / "runs")
    scores = store.read_scores(place).query("metric == 'psnr' and region == 'whole'")
    assert scores["status"].value_counts().to_dict() == {"ok": 2, "missing": 2}
