import numpy as np
import pytest
from scipy import stats

from spectune.search.records.ranking import difference, front, interval, ranking, winner
from spectune.search.records.study import Study, Trial
from spectune.search.strategy.confirm import finalists


def trial(number, value, *, stage="explore", status="complete", loss=1.0, config=None, values=None, **more):
    return Trial(
        number=number,
        stage=stage,
        config=config or {"network": {"family": "cnn", "filters": number}, "training": {}},
        label="",
        seed=more.pop("seed", 0),
        candidate=more.pop("candidate", None),
        parameters=1,
        macs=1,
        started=0.0,
        status=status,
        metrics={} if status == "failed" else {"accuracy": value, "loss": loss},
        values=None if status == "failed" else values or [value],
    )


def study(*trials, objectives=(("accuracy", "max"),)):
    found = Study(folder=None)
    found.sessions.append({"name": "s", "objectives": [list(row) for row in objectives]})
    found.trials = {one.number: one for one in trials}
    return found


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


def test_complete_trials_are_confirmed_before_stopped_ones_and_failed_ones_never():
    found = study(trial(0, 0.9, status="stopped"), trial(1, 0.5), trial(2, 0.99, status="failed"), trial(3, 0.6))
    assert [one.number for one in finalists(found, 4)] == [3, 1, 0]


def test_equal_values_are_told_apart_by_the_loss():
    found = study(trial(0, 0.5, loss=2.0), trial(1, 0.5, loss=1.0))
    assert [one.number for one in finalists(found, 1)] == [1]


def test_one_config_is_confirmed_once_and_the_baselines_not_at_all():
    same = {"network": {"family": "cnn", "filters": 8}, "training": {}}
    base = {"network": {"family": "cnn", "filters": 9}, "training": {}}
    found = study(trial(0, 0.9, config=same), trial(1, 0.8, config=same), trial(2, 0.7, config=base), trial(3, 0.6))
    assert [one.number for one in finalists(found, 3, base)] == [0, 3]


def test_the_front_holds_what_nothing_beats_in_every_objective():
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
    assert [one.number for one in finalists(found, 3)] == [0, 1, 3]


def test_the_winner_has_the_best_confirmed_mean_even_if_it_is_the_baseline():
    rows = [(5, 0.7, 1), (5, 0.9, 2), (6, 0.95, 1), (6, 0.5, 2), ("cnn2", 0.75, 1), ("cnn2", 0.8, 2)]
    trials = [
        trial(10 + index, value, stage="confirm", candidate=candidate, seed=seed)
        for index, (candidate, value, seed) in enumerate(rows)
    ]
    assert [candidate for candidate, _ in ranking(study(*trials))] == [5, "cnn2", 6]
    assert winner(study(*trials)) == 5
    assert winner(study(*trials[2:])) == "cnn2"
    assert winner(study()) is None
