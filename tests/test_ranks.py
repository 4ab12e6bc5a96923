"""Rank intervals, detectable differences and the rank over tasks: closed cases, all orders tried, and simulation."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from bench.results.borda import SLACK, Place, Standing, _bounds, _implied, overall
from bench.results.ranks import Pairs, detectable, pairwise, rank_intervals
from bench.results.stats import column, student


def methods(rng, truths, images=80, luck=0.1, noise=0.5, seeds=3):
    """Scores of methods with these true means: seeds × images each, over images that all share."""
    hard = rng.normal(scale=3, size=images)
    return [
        hard + mean + rng.normal(scale=luck, size=(seeds, 1)) + rng.normal(scale=noise, size=(seeds, images))
        for mean in truths
    ]


def spans(values, higher=True):
    found = column(values)
    return rank_intervals(pairwise(found), found.ranks(higher), higher)


def true_ranks(truths):
    """Best and worst rank of each, the same only where none is equal."""
    means = np.asarray(truths)
    return [(1 + int((means > each + SLACK).sum()), len(means) - int((means < each - SLACK).sum())) for each in means]


def holds(found, wanted):
    return [span[0] <= best and worst <= span[1] for span, (best, worst) in zip(found, wanted, strict=True)]


# ----------------------------------------------------------------------------------------------------------- pairs


def test_pairs_are_the_differences_of_the_column():
    """With images that nobody, one, or several have; a method of few seeds; and one scored nowhere."""
    values = methods(np.random.default_rng(1), [0, 0.1, 0.3, 0.2, 0.5], images=20)
    for each in values:
        each[:, 5] = np.nan
    values[2][0, 3] = np.nan
    values[3] = values[3][:1]
    values[4][:, [3, 7]] = np.nan
    whole = column([*values, np.full((3, 20), np.nan)], ("mosaic",))
    pairs = pairwise(whole)
    for reference in range(5):
        wanted = whole.differences(reference)
        rest = [index for index in range(5) if index != reference]
        for ours, theirs in ((pairs.means, wanted.means), (pairs.errors, wanted.errors)):
            assert ours[rest, reference] == pytest.approx(theirs[rest], rel=1e-9)
        assert pairs.freedom[rest, reference] == pytest.approx(wanted.freedom[rest], rel=1e-9)
        assert pairs.p_values()[rest, reference] == pytest.approx(wanted.p_values(rest), rel=1e-6)
    assert np.isnan(pairs.means[5]).all() and (pairs.p_values()[5] == 1).all()


def test_one_image_tells_nothing():
    assert spans([np.array([[1.0]]), np.array([[2.0]])]) == [None, None]
    assert np.isnan(detectable(pairwise(column([np.array([[1.0]]), np.array([[2.0]])]))))


# ------------------------------------------------------------------------------------------------------- intervals


def test_intervals_are_single_ranks_where_methods_are_far_apart_and_open_where_they_are_equal():
    values = methods(np.random.default_rng(2), [0, 5, 10, 10])
    assert spans(values) == [(4, 4), (3, 3), (1, 2), (1, 2)]
    assert spans(values, higher=False) == [(1, 1), (2, 2), (3, 4), (3, 4)]


def test_a_method_without_a_score_has_no_interval_and_widens_none():
    values = methods(np.random.default_rng(3), [0, 5])
    assert spans([*values, np.full((1, 80), np.nan)]) == [(2, 2), (1, 1), None]


def test_the_rank_that_is_shown_is_always_inside():
    """The leader's own noise ties it with a method that is surely worse than another of the group."""
    rng = np.random.default_rng(4)
    hard = rng.normal(size=60)
    steady = [hard + mean + rng.normal(scale=0.01, size=60) for mean in (0.0, -0.2)]
    wild = hard + 0.1 + rng.normal(scale=3, size=60)
    wild += 0.1 - (wild - hard).mean()
    values = [each[None] for each in (wild, *steady)]
    found = column(values)
    assert found.ranks(True) == [1, 1, 1]
    assert pairwise(found).p_values()[1, 2] < 1e-6
    assert spans(values) == [(1, 3), (1, 2), (1, 3)]


@pytest.mark.parametrize(
    ("truths", "luck"),
    [([0.0] * 5, 0.1), ([0.0, 0.0], 0.1), ([0, 0, 0.5, 0.5, 1, 1], 0.1), ([0.0] * 5, 0.0)],
    ids=["all equal", "two", "pairs", "no luck"],
)
def test_intervals_hold_the_true_rank_at_least_as_often_as_they_say(truths, luck):
    """Nominal 95 %, three standard errors of 200 trials; equal methods, the hardest case, must all be held."""
    rng = np.random.default_rng(5)
    covered = [np.mean(holds(spans(methods(rng, truths, luck=luck)), true_ranks(truths))) for _ in range(200)]
    assert np.mean(covered) >= 0.95 - 0.046 / np.sqrt(len(truths) / 2)


def test_ranks_of_bootstrap_draws_would_claim_too_much():
    """Why they are not used: of five equal methods they hold the whole set of ranks in two cases of three."""
    rng, plain, ours = np.random.default_rng(6), [], []
    for _ in range(100):
        found = column(methods(rng, [0.0] * 5))
        drawn = np.argsort(np.argsort(-(found.means + found.moved), axis=1), axis=1) + 1
        ends = np.percentile(drawn, [2.5, 97.5], axis=0).T
        plain.append(np.mean(holds([tuple(each) for each in ends], [(1, 5)] * 5)))
        ours.append(np.mean(holds(rank_intervals(pairwise(found), found.ranks(True), True), [(1, 5)] * 5)))
    assert np.mean(plain) < 0.8
    assert np.mean(ours) > 0.93


# ------------------------------------------------------------------------------------------------------ detectable


def test_detectable_difference_is_the_textbook_one():
    """Cohen, two-sided paired t test, 30 pictures: 80 % power at a difference of 0.53 standard deviations."""
    rng = np.random.default_rng(7)
    change = rng.normal(size=30)
    change = (change - change.mean()) / change.std(ddof=1)
    base = rng.normal(size=30)
    found = detectable(pairwise(column([base[None], (base + change)[None]])))
    assert found == pytest.approx(0.53, rel=0.04)


def test_detectable_difference_is_that_of_the_median_pair():
    errors = np.array([[0, 1, 2], [1, 0, 9], [2, 9, 0]], float)
    freedom = np.full((3, 3), 1e6)
    found = detectable(Pairs(np.zeros((3, 3)), errors, freedom))
    assert found == pytest.approx(2 * (student(np.array(1e6)) + 0.8416), rel=1e-3)
    blind = detectable(Pairs(np.full((2, 2), np.nan), np.full((2, 2), np.nan), np.ones((2, 2))))
    assert np.isnan(blind)


@pytest.mark.parametrize(("images", "luck"), [(200, 0.08), (80, 0.2), (30, 0.05), (80, 0.0)])
def test_a_detectable_difference_is_found_in_about_80_of_100_cases(images, luck):
    """Planted as large as it says. 72 to 90 %: the standard error is known from three seeds only; 200 trials."""
    rng = np.random.default_rng(8)
    said = [detectable(pairwise(column(methods(rng, [0, 0, 0], images, luck)))) for _ in range(60)]
    planted = float(np.median(said))
    trials = [pairwise(column(methods(rng, [planted, 0], images, luck))) for _ in range(200)]
    found = np.mean([each.p_values()[0, 1] < 0.05 and each.means[0, 1] > 0 for each in trials])
    assert 0.72 <= found <= 0.9


# --------------------------------------------------------------------------------------------------------- overall


def standing(members, ranks, apart=True, failed=()):
    """A task in which all pairs are told apart, or none; ranks follow the means."""
    size = len(members)
    means = np.array([0 if rank is None else -rank for rank in ranks], float)
    means[list(failed)] = np.nan
    errors = np.full((size, size), 1e-6 if apart else 1e3)
    errors[list(failed)] = np.nan
    errors[:, list(failed)] = np.nan
    pairs = Pairs(means[:, None] - means, errors, np.full((size, size), 100.0))
    return Standing(tuple(members), tuple(ranks), pairs, True)


def test_points_are_the_share_of_rivals_beaten_and_ties_count_half():
    places = overall([standing([0, 1, 2], [1, 1, 3]), standing([0, 1, 2], [1, 2, 3])], 3)
    assert [each.points for each in places] == pytest.approx([(0.75 + 1) / 2, (0.75 + 0.5) / 2, 0])
    assert [each.rank for each in places] == [1, 2, 3]
    assert [each.tasks for each in places] == [2, 2, 2]


def test_the_size_of_a_difference_and_the_number_of_methods_weigh_nothing():
    many = standing(range(5), [5, 1, 2, 3, 4])
    few = standing([0, 1], [1, 2])
    places = overall([many, few], 5)
    assert places[0].points == places[1].points == pytest.approx(0.5)
    assert places[0].rank == places[1].rank == 1


def test_what_serves_half_the_tasks_or_fewer_has_no_rank_but_is_a_rival():
    first, second = standing([0, 1, 2], [2, 3, 1]), standing([0, 1], [1, 2])
    places = overall([first, second], 3)
    assert places[2] == Place(1.0, 1, None, None)
    assert places[0].points == pytest.approx((0.5 + 1) / 2)
    assert [(each.rank, each.span) for each in places[:2]] == [(1, (1, 1)), (2, (2, 2))]


def test_who_failed_was_beaten_and_that_is_sure():
    failed = standing([0, 1, 2, 3], [1, None, 2, None], failed=(1, 3))
    fine = standing([0, 1, 2, 3], [1, 3, 2, 4])
    places = overall([failed, fine], 4)
    assert [each.points for each in places] == pytest.approx([1, (1 / 6 + 1 / 3) / 2, (2 / 3 + 2 / 3) / 2, 1 / 12])
    assert [each.span for each in places] == [(1, 1), (3, 3), (2, 2), (4, 4)]


def test_nothing_is_sure_where_no_task_tells_methods_apart():
    places = overall([standing([0, 1, 2], [1, 1, 1], apart=False)] * 3, 3)
    assert [(each.rank, each.span) for each in places] == [(1, (1, 3))] * 3


def test_one_task_or_lonely_methods_make_no_overall_rank():
    assert overall([standing([0, 1], [1, 2])], 2)[0].rank is None
    assert overall([standing([0, 1], [1, 2]), standing([0], [1])], 2)[0].rank is None
    assert overall([], 1) == [Place(pytest.approx(float("nan"), nan_ok=True), 0, None, None)]


def test_bounds_hold_for_every_order_that_what_is_known_allows():
    """All orders of five methods, with and without known pairs; points and differences reach no further."""
    rng = np.random.default_rng(9)
    for _ in range(30):
        quality = rng.normal(size=5)
        known = (rng.random((5, 5)) < rng.uniform(0, 1)) & (quality[:, None] > quality)
        low, high, gap = _bounds(_implied(known.astype(float)))
        reached = np.full((5, 5), -np.inf)
        for order in permutations(range(5)):
            place = np.argsort(order)
            beats = place[:, None] < place
            if (beats >= known).all():
                points = beats.sum(axis=1) / 4
                assert (low <= points).all() and (points <= high).all()
                reached = np.maximum(reached, points[:, None] - points)
        off = ~np.eye(5, dtype=bool)
        assert (gap >= reached - 1e-9)[off].all()
        assert np.mean((gap - reached)[off]) < 0.02, "and hardly further than orders go"


@pytest.mark.parametrize("gap", [0.0, 0.3, 1.0])
def test_overall_intervals_hold_the_true_ranks_all_at_once(gap):
    """Six methods, five tasks; two serve some tasks only. 95 % nominal, 40 trials: none or one may fail."""
    rng = np.random.default_rng(10)
    served = [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4], [0, 2, 3, 4], [0, 1, 3, 4, 5], [0, 2, 4]]
    wrong, widths = 0, []
    for _ in range(40):
        quality = gap * (np.arange(6) + (rng.normal(size=(5, 6)) if gap else 0))
        standings = []
        for task, members in enumerate(served):
            found = column(methods(rng, quality[task][members] if gap else [0.0] * len(members), images=60), (task,))
            standings.append(Standing(tuple(members), tuple(found.ranks(True)), pairwise(found), True))
        places = overall(standings, 6)
        ranked = [index for index in range(6) if places[index].rank is not None]
        assert ranked == [0, 1, 2, 3, 4]
        points = np.zeros((5, 6))
        for task, members in enumerate(served):
            means = np.broadcast_to(quality, (5, 6))[task][members]
            beats = (means[:, None] > means) + 0.5 * (means[:, None] == means)
            points[task, members] = (beats.sum(axis=1) - 0.5) / (len(members) - 1)
        counts = np.array([sum(index in members for members in served) for index in range(6)])
        wanted = true_ranks((points.sum(axis=0) / counts)[ranked])
        wrong += not all(holds([places[index].span for index in ranked], wanted))
        widths += [places[index].span[1] - places[index].span[0] for index in ranked]
    assert wrong <= 1
    assert np.mean(widths) < 1.2 or gap < 1, "clear differences must show"
