import random

import numpy as np

from spectune.search.strategy.forest import ENOUGH, JUDGED, Forest


def rows(count, seed=0):
    return np.random.default_rng(seed).random((count, 6)).astype(np.float32)


def told(count, loss, seed=0):
    """A forest that was asked before it was told each of its trials."""
    forest = Forest(seed)
    for number, row in enumerate(rows(count, seed)):
        if number > 4:
            forest.gain(rows(3, number))
        forest.learn(number, row, loss(row))
    return forest


def test_more_is_expected_of_what_is_like_good_trials():
    forest = told(60, lambda row: float((row[0] - 0.7) ** 2))
    good, bad = rows(40, 1), rows(40, 2)
    good[:, 0], bad[:, 0] = 0.7, 0.1
    assert np.median(forest.gain(list(good))) > 3 * np.median(forest.gain(list(bad)))


def test_a_failed_trial_is_the_worst():
    forest = told(60, lambda row: float("inf") if row[1] > 0.5 else float(row[0]))
    fine, failing = rows(40, 1), rows(40, 2)
    fine[:, 1], failing[:, 1] = 0.1, 0.9
    assert forest.gain(list(fine)).mean() > forest.gain(list(failing)).mean()


def test_a_model_is_trusted_while_it_ranks_better_than_chance():
    assert told(60, lambda row: float(row[0])).trusted
    assert told(ENOUGH, lambda row: float(row[0])).trusted  # too few to say


def test_a_model_that_ranks_the_wrong_way_is_retired_and_comes_back():
    forest = told(40, lambda row: float(row[0]))
    for number, row in enumerate(rows(JUDGED, 3), start=40):  # the other way round from now on
        if not forest.trusted:
            break
        forest.learn(number, row, -float(row[0]) - 1)
    assert not forest.trusted
    for number, row in enumerate(rows(200, 4), start=100):
        forest.gain(rows(2, number))
        forest.learn(number, row, float(row[0]))
    assert forest.trusted


def test_what_only_chance_decides_is_trusted_about_half_of_the_time():
    chance = random.Random(0)
    trusted = [told(30, lambda row: chance.random(), seed).trusted for seed in range(30)]
    assert 5 < sum(trusted) < 25
