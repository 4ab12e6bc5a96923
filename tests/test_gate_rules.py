"""The rule for retrained methods, by simulation and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.gate.rules import Noise, Size, estimate, needed, power
from bench.gate.thresholds import Thresholds

TRIALS = 1000
ALPHA, MATTERS, FIND = 0.05, 0.1, 0.3  # dB
SLACK = 3 * math.sqrt(0.05 * 0.95 / TRIALS)  # three standard errors of a rate of 5 %


def sides(rng, seeds=(3, 3), images=200, luck=0.08, noise=0.5, loss=0.0, own=0.0):
    """Seeds × images before and after: images of 3 dB spread, trainings of `luck`, single scores of `noise`.

    own: how far images differ in what they lose, beside the mean.
    """
    hard, taste = rng.normal(scale=3, size=images), rng.normal(scale=own, size=images)

    def side(count, extra):
        return hard + extra + rng.normal(scale=luck, size=(count, 1)) + rng.normal(scale=noise, size=(count, images))

    return side(seeds[0], 0), side(seeds[1], taste - loss)


def rates(measured=0, **setting):
    """(regressed, passed) of TRIALS checks of one comparison; measured: trainings that measured noise beforehand."""
    rng = np.random.default_rng(1)
    spread = math.hypot(setting.get("luck", 0.08), 0.5 / math.sqrt(setting.get("images", 200)))
    regressed = passed = 0
    for _ in range(TRIALS):
        known = Noise(float(rng.normal(scale=spread, size=measured).std(ddof=1)), measured - 1) if measured else None
        found = estimate(*sides(rng, **setting), noise=known)
        if found.p_value() <= ALPHA and found.loss > MATTERS:
            regressed += 1
        elif found.bounds(ALPHA)[1] < FIND:
            passed += 1
    return regressed / TRIALS, passed / TRIALS


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
    found = estimate(*sides(np.random.default_rng(3)))
    error = math.sqrt((0.08**2 + 0.25 / 200) * 2 / 3)
    assert power(FIND, error, 4.0, ALPHA, MATTERS) == pytest.approx(rates(loss=FIND)[0], abs=0.03)
    assert found.freedom < 6


def test_what_would_do_does():
    """As many seeds as `needed` says find the loss as often as asked, and half as many do not."""
    noisy = estimate(*sides(np.random.default_rng(4), luck=0.2, seeds=(20, 20)))
    size = needed(noisy, FIND, MATTERS, ALPHA, 0.9)
    assert size is not None and size.images == 200
    assert rates(loss=FIND, luck=0.2, seeds=(size.before,) * 2)[0] >= 0.86
    assert rates(loss=FIND, luck=0.2, seeds=(size.before // 2,) * 2)[0] < 0.86


def test_images_are_asked_for_where_seeds_do_not_help():
    noisy = estimate(*sides(np.random.default_rng(5), images=20, luck=0.01, own=1.0))
    size = needed(noisy, FIND, MATTERS, ALPHA, 0.9)
    assert size is not None and size.images > 20
    hopeless = estimate(*sides(np.random.default_rng(5), images=4, luck=9.0))
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
    before, after = sides(np.random.default_rng(8), seeds=(1, 1), loss=5)
    alone = estimate(before, after)
    assert math.isnan(alone.p_value()) and alone.bounds(ALPHA) == (-math.inf, math.inf)
    assert estimate(before, after, noise=Noise(0.1, 5)).p_value() < 1e-3


def test_no_noise_at_all_is_decided_by_the_sign():
    still = np.ones((2, 3))
    assert estimate(still, still).p_value() == 1
    assert estimate(still, still - 0.5).p_value() == 0
    assert estimate(still, still - 0.5).size == Size(2, 2, 3)


def test_defaults_are_those_of_the_simulations():
    rule = Thresholds().rule("any", "psnr", {"matters": 0.1, "kind": "pair"})
    assert (Thresholds().alpha, Thresholds().power, rule.matters, rule.find) == (
        ALPHA,
        0.9,
        MATTERS,
        pytest.approx(FIND),
    )
