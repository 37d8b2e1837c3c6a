"""The statistics of ablations, against scipy and on simulated data with known effects."""

import itertools

import numpy as np
import pytest
from scipy import stats

from spectune.search.ablation.paired import bootstrap, effect, holm, least, permutation, seeds_needed


@pytest.mark.parametrize("count", [5, 8, 12])
def test_an_interval_misses_the_truth_as_often_as_it_says(count):
    random = np.random.default_rng(count)
    ends = [bootstrap(random.normal(1.0, 2.0, count)) for _ in range(1000)]
    missed = np.mean([not low <= 1.0 <= high for low, high in ends])
    assert 0.03 <= missed <= 0.07


def test_an_interval_is_that_of_scipy_when_values_are_many():
    values = np.random.default_rng(1).normal(0.5, 1.0, 400)
    found = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2))
    assert bootstrap(values) == pytest.approx(tuple(found.confidence_interval), abs=0.005)


def test_an_interval_is_the_same_every_time():
    values = np.random.default_rng(3).normal(size=9)
    assert bootstrap(values) == bootstrap(values)


@pytest.mark.parametrize("values", [[0.3], [0.1, 0.3], [0.2, 0.2, 0.2]])
def test_there_is_no_interval_without_a_spread_to_judge_by(values):
    assert bootstrap(values) is None


def test_no_difference_at_all_is_an_interval_of_zero():
    assert bootstrap([0.0, 0.0, 0.0]) == (0.0, 0.0)
    assert permutation([0.0, 0.0, 0.0]) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_the_permutation_test_counts_all_swaps(seed):
    values = np.random.default_rng(seed).normal(0.4, 1.0, 7)
    swaps = np.array(list(itertools.product([-1, 1], repeat=7)))
    as_far = np.abs((swaps * values).mean(axis=1)) >= abs(values.mean()) - 1e-12
    assert permutation(values) == pytest.approx(as_far.mean())


def test_the_permutation_test_agrees_with_student_when_values_are_many():
    values = np.random.default_rng(6).normal(0.25, 1.0, 60)
    assert permutation(values) == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue, abs=0.01)


def test_five_seeds_cannot_give_less_than_a_sixteenth():
    assert permutation([1.0, 1.1, 0.9, 1.2, 0.8]) == pytest.approx(least(5)) == 0.0625


@pytest.mark.parametrize("count", [5, 8, 10])
@pytest.mark.parametrize("variants", [1, 4])
def test_what_does_nothing_is_seldom_significant(count, variants):
    """In at least 93 of 100 ablations none of the variants is, whatever the number of seeds and variants."""
    random = np.random.default_rng(100 * count + variants)
    found = []
    for _ in range(300):
        reference = random.normal(size=count)
        differences = [random.normal(size=count) - reference for _ in range(variants)]
        found.append(min(holm([permutation(one) for one in differences])) > 0.05)
    assert np.mean(found) >= 0.93


def test_a_real_effect_is_found():
    random = np.random.default_rng(8)
    found = [permutation(random.normal(1.5, 1.0, 10)) <= 0.05 for _ in range(200)]
    assert np.mean(found) >= 0.9


def test_holm_is_that_of_the_textbook():
    """R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") and c(0.04, 0.001, 0.5)."""
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.04, 0.001, 0.5]) == pytest.approx([0.08, 0.003, 0.5])
    assert holm([]) == []


def test_the_effect_is_nearly_unbiased():
    random = np.random.default_rng(9)
    assert np.mean([effect(random.normal(0.8, 1.0, 6)) for _ in range(4000)]) == pytest.approx(0.8, abs=0.03)
    assert effect([0.1, 0.3]) is None and effect([0.2, 0.2, 0.2]) is None


@pytest.mark.parametrize("size", [0.5, 1.0])
def test_as_many_seeds_as_needed_find_the_effect_four_times_in_five(size):
    random, count = np.random.default_rng(10), seeds_needed(size)
    found = [stats.ttest_1samp(random.normal(size, 1.0, count), 0.0).pvalue <= 0.05 for _ in range(3000)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_seeds_needed_grow_with_comparisons_and_never_allow_an_impossible_test():
    assert seeds_needed(0.5, 5) > seeds_needed(0.5)
    assert seeds_needed(50.0) == 6  # 5 seeds cannot give 0.05
    assert seeds_needed(0.0) is None and seeds_needed(None) is None and seeds_needed(0.01) is None
