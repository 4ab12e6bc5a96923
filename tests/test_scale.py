"""scripts/plan.py and scripts/simulate_scheduler.py: their sums by hand, and what must hold whatever happens."""

import dataclasses
import importlib.util
import sys
from pathlib import Path

import pytest


def load(name: str):
    """A script as a module."""
    path = Path(__file__).parent.parent / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


simulator, planner = load("simulate_scheduler"), load("plan")
QUIET = simulator.Setting(12, 2, 3, 1.0, 0.5, 0.0, 0.0, 1.0, 0.25, 0.1, 3, 0)


def test_without_losses_equal_jobs_go_in_rounds():
    outcome = simulator.Simulation(QUIET).run()
    assert outcome.hours == pytest.approx(2 * (0.25 + 1.0 + 0.5)), "12 jobs on 6 workers: two rounds"
    assert (outcome.finished, outcome.useful, outcome.redone) == (12, pytest.approx(18.0), 0.0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("retries", [0, 3, 1000])
def test_every_job_ends_once_whatever_is_lost(seed, retries):
    setting = dataclasses.replace(QUIET, jobs=300, lost_every=4.0, spread=0.5, seed=seed, retries=retries)
    simulation = simulator.Simulation(setting)
    before = sum(job.train + job.score for job in simulation.jobs)
    outcome = simulation.run()
    assert outcome.finished + outcome.given_up == 300 and outcome.losses > 5
    assert (outcome.given_up > 0) or retries > 0
    assert outcome.given_up == 0 or retries < 1000
    if retries == 1000:
        assert outcome.useful == pytest.approx(before), "training kept at a loss plus what was done at the end"
        assert outcome.hours > before / 6


def test_a_loss_costs_what_came_after_the_last_checkpoint():
    simulation = simulator.Simulation(dataclasses.replace(QUIET, jobs=1))
    job = simulation.jobs[0]
    simulation._restart(job, 0, 0.57)
    assert job.train == pytest.approx(0.5) and simulation.outcome.redone == pytest.approx(0.07)
    simulation._restart(job, 0, 0.5 + 0.3)
    assert job.train == pytest.approx(0.0) and simulation.outcome.redone == pytest.approx(0.07 + 0.3), (
        "scores: all anew"
    )


def test_a_plan_adds_up():
    given = {name: value for name, value, _ in planner.OPTIONS}
    given |= {"methods": 2, "seeds": 3, "pictures": 3600, "levels": 2, "images": 7200, "workers": 3, "price": 10}
    given |= {"train_rate": 1, "restore_rate": 2, "score_rate": 4, "rows": 5, "row_bytes": 10, "kept": 1}
    given |= {"checkpoint_bytes": 1e9, "picture_bytes": 5e8, "disk": 2}
    table = dict(planner.plan(given))
    assert table["runs"] == "6" and table["scores"] == "216,000"
    assert table["worker-hours, all"] == "21", "6 runs of 2 h training, 1 h restoring, half an hour of metrics"
    assert table["cost at 10 a worker-hour"] == "210"
    assert table["GB, all"] == "12.0"


def test_a_plan_takes_its_rates_from_stored_runs_and_measures_the_rest(tmp_path, tiny_suite):
    from bench import api

    api.run(str(tiny_suite), api.Settings(tmp_path / "runs", "cpu", methods=("dncnn",)))
    rates = dict(planner.from_runs(tmp_path / "runs"))
    assert set(rates) == {"train_rate", "checkpoint_bytes", "restore_rate", "picture_bytes"}
    assert rates["checkpoint_bytes"] == next((tmp_path / "runs").glob("*/*/*/checkpoint.pt")).stat().st_size
    lines: list[str] = []
    planner.main(
        ["--runs", str(tmp_path / "runs"), "--measure", "psnr", "--size", "32", "--workers", "5"], lines.append
    )
    text = "".join(lines)
    assert f"from {tmp_path / 'runs'}" in text and "measured" in text and "days on 5 workers" in text
