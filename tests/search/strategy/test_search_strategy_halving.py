import random

from spectune.search.records import Budget
from spectune.search.strategy.halving import Halving


def test_rungs_are_powers_of_eta_below_the_full_budget():
    assert Budget(grace=2, epochs=54).rungs == (2, 6, 18)
    assert Budget(grace=10, epochs=10).rungs == ()


def test_the_best_third_goes_on_at_a_rung():
    halving = Halving((1, 3), eta=3, direction="max")
    decisions = [halving.good(trial, 1, value) for trial, value in enumerate([0.5, 0.6, 0.4, 0.55, 0.59, 0.7, 0.1])]
    #                    first goes on; then only the best ceil(n / 3) of those seen so far
    assert decisions == [True, True, False, True, True, True, False]


def test_a_lower_loss_is_better_when_minimising():
    halving = Halving((1, 3), eta=2, direction="min")
    assert halving.good(0, 1, 1.0)
    assert not halving.good(1, 1, 2.0)
    assert halving.good(2, 1, 0.5)


def test_between_rungs_everything_goes_on():
    halving = Halving((3, 9), eta=3, direction="max")
    assert halving.good(0, 3, 0.9)
    assert all(halving.good(1, epoch, 0.0) for epoch in (1, 2, 4, 5, 8))
    assert halving.good(1, 9, 0.0)  # alone at its rung


def test_equal_values_go_on():
    halving = Halving((1, 3), eta=3, direction="max")
    assert all(halving.good(trial, 1, 0.5) for trial in range(10))


def test_a_report_that_arrives_twice_counts_once():
    halving = Halving((1, 3), eta=3, direction="max")
    for _ in range(5):
        halving.good(0, 1, 0.5)
    assert len(halving.rungs[1]) == 1


def test_about_a_third_survives_each_rung():
    chance = random.Random(0)
    halving = Halving((1, 3), eta=3, direction="max")
    survivors = sum(halving.good(trial, 1, chance.random()) for trial in range(3000))
    assert 900 < survivors < 1200


def test_only_the_newest_at_a_rung_count():
    halving = Halving((1, 3), eta=3, direction="max")
    for trial in range(200):
        halving.good(trial, 1, 0.1)
    better = [halving.good(200 + trial, 1, 0.5 + trial % 32 / 1000) for trial in range(128)]
    assert sum(better[32:]) < 48  # against all the bad ones before, every one would go on
