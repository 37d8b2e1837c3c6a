"""Intervals over seeds and spectra, against formulas of the literature and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from spectune.search.records.uncertainty import EXACT, gap, pairs, plain, share, spread

Z = stats.norm.ppf(0.975)


def wilson(right, count):
    found = stats.binomtest(right, count).proportion_ci(method="wilson")
    return found.low, found.high


def answers(right, count, seeds=1):
    return np.tile((np.arange(count) < right).astype(float), (seeds, 1))


@pytest.mark.parametrize(("right", "count"), [(9, 9), (5, 9), (48, 50), (450, 500), (0, 20)])
def test_one_seed_on_single_spectra_is_wilsons(right, count):
    found = share(spread(answers(right, count), units=count))
    assert found == pytest.approx(wilson(right, count), abs=0.015)


def test_nothing_wrong_on_nine_spectra_is_not_certainty():
    low, high = share(spread(answers(9, 9, seeds=5), units=9))
    assert low < 0.75 and high == 1.0


def test_more_seeds_with_the_same_answers_say_no_more_of_the_spectra():
    one, five = (share(spread(answers(40, 50, seeds), units=50)) for seeds in (1, 5))
    assert five == pytest.approx(one, abs=0.005)


def test_seeds_that_differ_widen_the_interval_more_than_their_number_narrows_it():
    rows = np.stack([answers(right, 100)[0] for right in (95, 80, 65)])
    low, high = share(spread(rows, units=100))
    alike = share(spread(answers(80, 100, 3), units=100))
    assert low < alike[0] - 0.1 and high > alike[1]


def test_groups_that_are_right_or_wrong_as_a_whole_count_once():
    whole = np.repeat([1.0] * 7 + [0.0] * 3, 20)
    single = share(spread(whole[None], units=200))
    grouped = share(spread(whole.reshape(10, 20).mean(axis=1)[None], units=10, grouped=True))
    assert grouped[1] - grouped[0] > 3 * (single[1] - single[0])


def test_a_loss_has_the_interval_of_a_mean():
    values = np.random.default_rng(0).gamma(2, size=(1, 400))
    expected = stats.norm.interval(0.95, loc=values.mean(), scale=stats.sem(values[0]))
    assert plain(spread(values, units=400)) == pytest.approx(expected)


@pytest.mark.parametrize(("only", "other"), [(14, 3), (3, 14), (1, 0), (5, 5)])
def test_pairs_of_one_seed_are_mcnemars_exact_mid_p(only, other):
    count, fewer = only + other, min(only, other)
    expected = 2 * stats.binom.cdf(fewer, count, 0.5) - stats.binom.pmf(fewer, count, 0.5)
    if only == other:
        expected = 1 - stats.binom.pmf(fewer, count, 0.5) / 2
    assert pairs([1] * only + [-1] * other + [0] * 30) == pytest.approx(expected)


def test_pairs_of_several_seeds_are_all_flips_of_signs():
    values = np.array([3, -1, 2, 2, 0, -3, 1])
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(values))).reshape(len(values), -1)
    sums = np.abs(values @ signs)
    expected = (sums > abs(values.sum())).mean() + (sums == abs(values.sum())).mean() / 2
    assert pairs(values) == pytest.approx(expected)


def test_pairs_are_near_the_exact_ones_where_they_are_too_many():
    few = [1] * (EXACT // 2 + 20) + [-1] * (EXACT // 2 - 20)
    assert pairs([*few, 1, -1]) == pytest.approx(pairs(few), rel=0.05)
    assert pairs([0, 0]) == 1.0


def test_networks_that_answer_alike_are_not_certainly_equal():
    low, high = gap(spread(np.zeros((1, 9)), units=9))
    assert low < -0.1 and high > 0.1


def test_a_difference_is_that_of_agresti_and_min():
    """Wald's of the 2 x 2 counts with half a spectrum more in every cell."""
    values = np.array([1.0] * 14 + [-1.0] * 3 + [0.0] * 83)
    b, c, total = 14.5, 3.5, 102
    centre = (b - c) / total
    half = Z * math.sqrt(b + c - (b - c) ** 2 / total) / total
    assert gap(spread(values[None], units=100)) == pytest.approx((centre - half, centre + half), abs=0.002)


def covered(accuracy, spectra, seeds, *, times, alike=0.7, apart=0.01, group=1, together=0.0):
    """How often the interval holds the accuracy: a network answers right where a normal value is above a bound.

    Its variance is in parts: ``alike`` of the spectrum for all seeds, ``apart`` of the seed for all spectra,
    ``together`` of the group of ``group`` spectra, the rest of each answer. One seed's own accuracy is what counts.
    """
    random = np.random.default_rng([spectra, seeds, round(100 * accuracy), group])
    bound, groups = stats.norm.ppf(accuracy), spectra // group
    block = np.arange(spectra) // group if group > 1 else np.arange(spectra) % 100
    sizes, hits = np.bincount(block), 0
    for _ in range(times):
        seed = random.normal(0, math.sqrt(apart), (seeds, 1))
        values = bound + seed + random.normal(0, math.sqrt(alike), spectra)
        values = values + np.repeat(random.normal(0, math.sqrt(together), groups), group)
        right = values + random.normal(0, math.sqrt(1 - alike - apart - together), (seeds, spectra)) > 0
        table = np.stack([np.bincount(block, weights=row) / sizes for row in right])
        low, high = share(spread(table, units=groups, grouped=group > 1))
        truth = accuracy if seeds > 1 else stats.norm.cdf((bound + seed[0, 0]) / math.sqrt(1 - apart))
        hits += low <= truth <= high
    return hits / times


def test_the_interval_covers_what_it_says():
    assert 0.93 <= covered(0.9, 50, 3, times=500) <= 0.985
    assert 0.93 <= covered(0.6, 50, 1, times=500) <= 0.975
    assert 0.93 <= covered(0.6, 300, 1, times=300, alike=0.3, group=10, together=0.3) <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize("spectra", [9, 50, 500])
def test_the_interval_covers_what_it_says_over_all_accuracies(spectra, seeds):
    """Single cells of few spectra go up and down, as so few answers can be given; none is far too narrow."""
    found = [covered(accuracy, spectra, seeds, times=2000) for accuracy in (0.6, 0.7, 0.8, 0.9, 0.95, 0.99)]
    assert 0.93 <= np.mean(found) <= 0.975 and min(found) > 0.91


def test_the_interval_of_a_difference_covers_it_where_most_mistakes_are_shared():
    random, bound, hits = np.random.default_rng(3), stats.norm.ppf(0.8), 0
    for _ in range(300):
        common = random.normal(0, math.sqrt(0.7), 500)
        first, second = (bound + common + random.normal(0, math.sqrt(0.3), 500) > 0 for _ in range(2))
        blocks = (first * 1.0 - second).reshape(5, 100).mean(axis=0)
        low, high = gap(spread(blocks[None], units=500))
        hits += low <= 0 <= high
    assert 0.91 <= hits / 300 <= 0.985
