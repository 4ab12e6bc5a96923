"""Statistics against closed forms, published examples and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from bench.results.spread import Spread
from bench.results.stats import Differences, column, holm, interval, paired, ranks, resampling_weights, student


def scores(seed, images=100, seeds=1, shift=0.0, noise=1.0):
    """Seeds × images: a difficulty per image that all methods share, plus noise of this method's own."""
    hard = np.random.default_rng(1).normal(scale=3, size=images)
    return hard + shift + np.random.default_rng(seed).normal(scale=noise, size=(seeds, images))


def test_weights_have_mean_one_and_undo_the_loss_of_variance():
    weights = resampling_weights(3, "any")
    assert np.allclose(weights.mean(axis=1), 1)
    values = np.array([1.0, 2.0, 6.0])
    assert (weights @ values / 3).std() == pytest.approx(values.std(ddof=1) / np.sqrt(3), rel=0.05)


def test_standard_error_is_the_textbook_one():
    values = scores(2)
    assert column([values]).moved.std() == pytest.approx(values.std(ddof=1) / 10, rel=0.06)


def test_same_names_same_interval_other_names_another():
    values = scores(3)
    assert interval(values, ("mosaic",)) == interval(values, ("mosaic",))
    assert interval(values, ("mosaic",)) != interval(values, ("jpeg",))


@pytest.mark.parametrize("luck", [0.0, 0.08, 0.2])
def test_interval_of_three_seeds_covers_the_truth_as_often_as_it_says(luck):
    """Nominal 95 %: 93 to 97 %, and three standard errors of 600 trials. luck: spread of trainings; images have 1."""
    rng = np.random.default_rng(5)
    draws = [
        rng.normal(scale=luck, size=(3, 1)) + rng.normal(size=(1, 80)) + rng.normal(scale=0.3, size=(3, 80))
        for _ in range(600)
    ]
    covered = np.mean([each.lo <= 0 <= each.hi for each in map(interval, draws)])
    assert 0.93 - 0.027 <= covered <= 0.97 + 0.027
    if luck == 0.2:
        images_only = np.mean([each.lo <= 0 <= each.hi for each in (interval(v.mean(axis=0)) for v in draws)])
        assert covered > images_only + 0.1  # what resampling images alone would claim


def equal_methods(rng, count, images=80, luck=0.1, loss=0.0, seeds=3):
    """Methods that differ by training luck alone, the first ahead of the rest by `loss`."""
    hard = rng.normal(scale=3, size=images)
    return [
        hard
        - loss * (index > 0)
        + rng.normal(scale=luck, size=(seeds, 1))
        + rng.normal(scale=0.5, size=(seeds, images))
        for index in range(count)
    ]


def test_a_true_loss_is_found_and_pairing_is_what_finds_it():
    """200 images of spread 3 dB, trainings of 0.08 dB, a loss of 0.3 dB: paired nearly always, unpaired hardly ever."""
    rng = np.random.default_rng(6)
    trials = [equal_methods(rng, 2, 200, 0.08, 0.3) for _ in range(200)]
    assert np.mean([paired(b, a).hi < 0 for a, b in trials]) > 0.7
    apart = [(interval(a), interval(b)) for a, b in trials]
    assert np.mean([b.hi < a.lo for a, b in apart]) < 0.02


def test_interval_is_the_textbook_one_for_images_alone():
    """Student's, 60 images: the bootstrap's standard error is within 2 % of the formula's."""
    values = np.random.default_rng(4).normal(size=60)
    found = interval(values)
    width = 2 * 2.00100 * values.std(ddof=1) / np.sqrt(60)
    assert found.hi - found.lo == pytest.approx(width, rel=0.04)


def test_degrees_of_freedom_follow_what_varies():
    rng = np.random.default_rng(7)
    images_vary = rng.normal(size=(1, 50)) + 1e-6 * rng.normal(size=(3, 50))
    seeds_vary = rng.normal(size=(3, 1)) + 1e-6 * rng.normal(size=(3, 50))
    spread = Spread.of([images_vary, seeds_vary])
    by_image = np.stack([each.mean(axis=0) for each in (images_vary, seeds_vary)])
    assert spread.freedom(by_image) == pytest.approx([49, 2], rel=1e-3)
    assert spread.against(1).freedom(by_image - by_image[1])[1] == pytest.approx(4)  # two independent trios
    assert student(np.array([2.0, np.inf])) == pytest.approx([4.30265, 1.95996], rel=1e-5)


def test_one_image_has_no_interval_and_none_has_no_mean():
    single = interval(np.array([[3.0], [4.0]]))
    assert (single.mean, single.n) == (3.5, 1)
    assert np.isnan([single.lo, single.hi]).all()
    nothing = interval(np.full((2, 5), np.nan))
    assert nothing.n == 0
    assert np.isnan([nothing.mean, nothing.lo, nothing.hi]).all()


def test_images_without_a_score_are_left_out_and_counted():
    values = np.array([1.0, np.nan, 3.0, np.inf, 5.0])
    found = interval(values)
    assert (found.mean, found.n) == (3.0, 3)
    assert -3 < found.lo < 0 < 6 < found.hi < 9  # Student's, two degrees of freedom


def test_pairing_cancels_what_images_share():
    a, b = scores(6, noise=0.1), scores(7, shift=0.3, noise=0.1)
    difference = paired(b, a)
    assert difference.lo > 0.2
    assert difference.hi < 0.4
    alone = interval(a)
    assert alone.hi - alone.lo > 10 * (difference.hi - difference.lo)


def test_paired_difference_uses_only_images_both_have():
    a, b = scores(8, images=30), scores(8, images=30) + 1
    a[0, :10] = np.nan
    b[0, 25:] = np.nan
    found = paired(b, a)
    assert found.n == 15
    assert (found.mean, found.lo, found.hi) == pytest.approx((1, 1, 1))


def test_seeds_need_not_be_equally_many():
    found = paired(scores(9, seeds=3, shift=2), scores(10, seeds=1))
    assert found.lo < 2 < found.hi


def test_unlike_images_are_refused():
    with pytest.raises(ValueError, match="same images"):
        column([np.zeros((1, 4)), np.zeros((1, 5))])


def test_holm_agrees_with_the_textbook():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])


def test_p_values_are_students():
    found = Differences(np.array([4.30265, -2.57583]), np.ones(2), np.array([2.0, np.inf]))
    assert found.p_values([0, 1]) == pytest.approx([0.05, 0.01], rel=1e-4)
    assert found.margins == pytest.approx([4.30265, 1.95996], rel=1e-5)
    still = Differences(np.array([0.0, 1.0]), np.zeros(2), np.array([5.0, 5.0]))
    assert still.p_values([0, 1]) == pytest.approx([1, 0])


def test_ranks_share_what_cannot_be_told_apart():
    values = [scores(11, seeds=3), scores(12, seeds=3, shift=0.01), scores(13, seeds=3, shift=-2)]
    assert ranks(values, higher_is_better=True) == [1, 1, 3]
    assert ranks(values, higher_is_better=False) == [2, 2, 1]


def test_ranks_follow_the_direction_and_skip_what_has_no_score():
    values = [scores(14), scores(15, shift=5), np.full((1, 100), np.nan), scores(16, shift=-5)]
    assert ranks(values, higher_is_better=True) == [2, 1, None, 3]
    assert ranks(values, higher_is_better=False) == [2, 3, None, 1]


def test_equal_methods_tie_at_any_precision():
    values = scores(17)
    assert ranks([values, values.copy(), values - 1e-9], higher_is_better=True) == [1, 1, 3]


def test_many_comparisons_need_more_evidence():
    """A difference of 2.5 standard errors counts alone, but not as one of forty comparisons (Holm)."""
    rng = np.random.default_rng(18)
    base = rng.normal(size=(1, 100))

    def behind(errors):
        noise = rng.normal(size=(1, 100))
        return base - errors / 10 + (noise - noise.mean()) / noise.std(ddof=1)

    assert ranks([base, behind(2.5)], higher_is_better=True) == [1, 2]
    undecided = [behind(2) for _ in range(39)]
    assert ranks([base, behind(2.5), *undecided], higher_is_better=True) == [1] * 41
    hopeless = [behind(100) for _ in range(39)]  # their evidence is spent first, and costs the close one nothing
    assert ranks([base, behind(2.5), *hopeless], higher_is_better=True)[:3] == [1, 2, 3]


def test_ranks_pair_over_common_images_when_some_are_missing():
    easy_only = scores(19, noise=0.01)
    easy_only[0, scores(19, noise=0.01)[0] < 0] = np.nan  # scored on easy images alone: a higher mean, no better
    found = ranks([scores(30, noise=0.01), easy_only], higher_is_better=True)
    assert found == [1, 1]


@pytest.mark.parametrize("count", [2, 5])
def test_false_alarms_between_equal_methods_are_rare(count):
    """At most 5 % with three seeds, over the whole column (Holm); and three standard errors of 300 trials."""
    rng = np.random.default_rng(8)
    alarms = [ranks(equal_methods(rng, count), True) != [1] * count for _ in range(300)]
    assert np.mean(alarms) <= 0.05 + 0.038


def test_another_row_changes_nothing_of_the_rest():
    rng = np.random.default_rng(9)
    first, second, third = equal_methods(rng, 3, luck=1.0)
    assert column([first, second]).intervals() == column([third, first, second]).intervals()[1:]
