"""The rule for retrained methods, by simulation and closed forms."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.gate.rules import Noise, Size, estimate, needed, power
from bench.gate.thresholds import Thresholds
from tests.test_scale import load

simulation = load("gate_power")
TRIALS = 1000
ALPHA, MATTERS, FIND = simulation.ALPHA, simulation.MATTERS, simulation.FIND
SLACK = 3 * math.sqrt(0.05 * 0.95 / TRIALS)  # three standard errors of a rate of 5 %


def sides(seed: int, **setting):
    return simulation.sides(np.random.default_rng(seed), simulation.Setting(**setting))


def rates(**setting):
    return simulation.rates(simulation.Setting(**setting), TRIALS)


@pytest.mark.parametrize(
    "setting",
    [{}, {"own": 0.5}, {"luck": 0.3}, {"luck": 0.0}, {"seeds": (5, 1)}, {"seeds": (1, 1), "measured": 10},
     {"seeds": (2, 2)}, {"images": 20}, {"images": 10, "luck": 0.0, "own": 1.0}],
    ids=str,
)  # fmt: skip
def test_false_alarms_are_at_most_five_percent(setting):
    assert rates(**setting)[0] <= 0.05 + SLACK


def test_a_loss_of_0_3_db_is_found_with_three_seeds_and_200_images():
    """The setting of docs/design.md: trainings differ by 0.08 dB, single scores by 0.5 dB. 96 %; 90 % are asked."""
    regressed, passed = rates(loss=0.3)
    assert regressed >= 0.9
    assert passed <= 0.02
    assert rates()[1] >= 0.9  # and nothing lost passes


@pytest.mark.parametrize("setting", [{"luck": 0.3}, {"images": 20}, {"seeds": (2, 2)}, {"seeds": (5, 1)}], ids=str)
def test_what_cannot_be_found_does_not_pass(setting):
    """A loss of `find` passes in at most 5 % of checks, however noisy: it is found, or said to be out of sight."""
    assert rates(loss=FIND, **setting)[1] <= 0.05 + SLACK


def test_noise_measured_beforehand_finds_more():
    assert rates(loss=0.3, seeds=(2, 2), measured=10)[0] > rates(loss=0.3, seeds=(2, 2))[0] + 0.1


def test_power_is_what_simulation_says():
    """The closed form (noncentral t) against the trials, in a setting where seeds are the main noise."""
    found = estimate(*sides(3))
    error = math.sqrt((0.08**2 + 0.25 / 200) * 2 / 3)
    assert power(FIND, error, 4.0, ALPHA, MATTERS) == pytest.approx(rates(loss=FIND)[0], abs=0.03)
    assert found.freedom < 6


def test_what_would_do_does():
    """As many seeds as `needed` says find the loss as often as asked, and half as many do not."""
    noisy = estimate(*sides(4, luck=0.2, seeds=(20, 20)))
    size = needed(noisy, FIND, MATTERS, ALPHA, 0.9)
    assert size is not None and size.images == 200
    assert rates(loss=FIND, luck=0.2, seeds=(size.before,) * 2)[0] >= 0.86
    assert rates(loss=FIND, luck=0.2, seeds=(size.before // 2,) * 2)[0] < 0.86


def test_images_are_asked_for_where_seeds_do_not_help():
    noisy = estimate(*sides(5, images=20, luck=0.01, own=1.0))
    size = needed(noisy, FIND, MATTERS, ALPHA, 0.9)
    assert size is not None and size.images > 20
    hopeless = estimate(*sides(5, images=4, luck=9.0))
    assert needed(hopeless, FIND, MATTERS, ALPHA, 0.9) is None


def test_without_trainings_it_is_the_paired_t_test():
    rng = np.random.default_rng(6)
    before, after = rng.normal(size=(1, 30)), rng.normal(size=(1, 30))
    found = estimate(before, after, trained=False)
    known = stats.ttest_rel(before[0], after[0], alternative="greater")
    assert found.p_value() == pytest.approx(known.pvalue, rel=1e-9)


def test_with_one_image_it_is_the_two_sample_t_test():
    rng = np.random.default_rng(7)
    before, after = rng.normal(size=(4, 1)), rng.normal(size=(5, 1))
    known = stats.ttest_ind(before[:, 0], after[:, 0], alternative="greater")
    assert estimate(before, after).p_value() == pytest.approx(known.pvalue, rel=1e-9)


def test_one_training_a_side_says_nothing_without_measured_noise():
    before, after = sides(8, seeds=(1, 1), loss=5)
    alone = estimate(before, after)
    assert math.isnan(alone.p_value()) and alone.bounds(ALPHA) == (-math.inf, math.inf)
    assert estimate(before, after, noise=Noise(0.1, 5)).p_value() < 1e-3


def test_no_noise_at_all_is_decided_by_the_sign():
    still = np.ones((2, 3))
    assert estimate(still, still).p_value() == 1
    assert estimate(still, still - 0.5).p_value() == 0
    assert estimate(still, still - 0.5).size == Size(2, 2, 3)


def test_equal_losses_on_every_image_leave_the_bounds_to_the_trainings():
    """One training again and another set against them: the images tell nothing, and must not widen the bounds."""
    rng = np.random.default_rng(9)
    before = rng.normal(size=(2, 1)) * 0.01 + rng.normal(size=(2, 40))
    found = estimate(before, before)
    assert found.freedom == 2
    low, high = found.bounds(ALPHA)
    assert high == -low == pytest.approx(stats.t.ppf(1 - ALPHA, 2) * np.std(before.mean(axis=1), ddof=1))


def test_defaults_are_those_of_the_simulations():
    rule = Thresholds().rule("any", "psnr", {"matters": 0.1, "kind": "pair"})
    assert (Thresholds().alpha, Thresholds().power, rule.matters, rule.find) == (
        ALPHA,
        0.9,
        MATTERS,
        pytest.approx(FIND),
    )


def test_the_page_shows_the_settings_that_are_simulated():
    """docs/gate.md has the command's own table; few trials here, so its figures are compared where noise allows it."""
    page = (Path(__file__).parent.parent / "docs" / "gate.md").read_text()
    rows = simulation.table(trials=50).splitlines()
    after = page[page.index(rows[0]) :].splitlines()
    shown = after[: after.index("")]
    assert [row.split("|")[1] for row in shown] == [row.split("|")[1] for row in rows]
    for row, printed in zip(rows[2:], shown[2:], strict=True):
        for few, many in zip(figures(row), figures(printed), strict=True):
            assert abs(few - many) <= 4 * math.sqrt(max(many * (1 - many), 0.02) / 50), row


def figures(row: str) -> list[float]:
    return [float(each) / 100 for each in re.findall(r"([\d.]+) %", row)]
