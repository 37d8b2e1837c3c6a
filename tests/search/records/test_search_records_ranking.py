import numpy as np
import pytest
from scipy import stats

from spectune.search.records.ranking import best, difference, front, interval, ranking, winner


def test_the_interval_is_students_t():
    values = [0.61, 0.58, 0.66, 0.6, 0.63]
    found = interval(values)
    low, high = stats.t.interval(0.95, 4, loc=found["mean"], scale=stats.sem(values))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert found["std"] == pytest.approx(stats.tstd(values))


def test_an_interval_ends_where_the_metric_does():
    found = interval([0.98, 1.0, 0.99], "accuracy")
    assert found["high"] == 1.0 and found["low"] == interval([0.98, 1.0, 0.99])["low"] > 0
    assert interval([0.02, 0.0, 0.01], "calibration_error")["low"] == 0.0
    assert interval([0.9, 1.4, 1.0], "loss")["high"] == interval([0.9, 1.4, 1.0])["high"] > 1


def test_one_value_has_no_interval():
    assert interval([0.5]) == {"mean": 0.5, "std": None, "low": None, "high": None}


def test_the_difference_is_welchs():
    random = np.random.default_rng(1)
    first, second = random.normal(0.9, 0.01, 5), random.normal(0.6, 0.04, 4)
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    mean = first.mean() - second.mean()
    assert difference(first, second) == pytest.approx({"mean": mean, "low": expected.low, "high": expected.high})
    assert difference([0.9], [0.6, 0.7]) == {"mean": pytest.approx(0.25), "low": None, "high": None}
    assert difference([0.5, 0.5], [0.25, 0.25]) == {"mean": 0.25, "low": 0.25, "high": 0.25}


def test_the_front_holds_what_nothing_beats_in_every_objective(trial, study):
    two = (("accuracy", "max"), ("parameters", "min"))
    found = study(
        trial(0, 0.9, values=[0.9, 100]),
        trial(1, 0.8, values=[0.8, 10]),
        trial(2, 0.7, values=[0.7, 50]),  # beaten by 1
        trial(3, 0.9, values=[0.9, 200]),  # beaten by 0
        trial(4, 0.99, values=[0.99, 1], status="stopped"),
        objectives=two,
    )
    assert front(found) == [0, 1]


def test_the_winner_has_the_best_confirmed_mean_even_if_it_is_the_baseline(trial, study):
    rows = [(5, 0.7, 1), (5, 0.9, 2), (6, 0.95, 1), (6, 0.5, 2), ("cnn2", 0.75, 1), ("cnn2", 0.8, 2)]
    trials = [
        trial(10 + index, value, stage="confirm", candidate=candidate, seed=seed)
        for index, (candidate, value, seed) in enumerate(rows)
    ]
    assert [candidate for candidate, _ in ranking(study(*trials))] == [5, "cnn2", 6]
    assert winner(study(*trials)) == 5
    assert winner(study(*trials[2:])) == "cnn2"
    assert winner(study()) is None


def test_a_trial_without_a_value_is_neither_ranked_nor_best(trial, study):
    confirmed = [
        trial(10 + index, value, stage="confirm", candidate=candidate, seed=index)
        for index, (candidate, value) in enumerate([(5, None), (5, 0.5), (6, None), (6, None), ("cnn2", 0.6)])
    ]
    assert [(candidate, len(trials)) for candidate, trials in ranking(study(*confirmed))] == [("cnn2", 1), (5, 1)]
    assert best(study(*confirmed), confirmed[:2]).number == 11
    assert winner(study(*confirmed[2:4])) is None
