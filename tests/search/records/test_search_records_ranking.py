import numpy as np
import pytest
from scipy import stats

from spectune.search.records.ranking import (
    beside,
    best,
    difference,
    duel,
    front,
    interval,
    measured,
    members,
    mixture,
    ranking,
    rivals,
    scored,
    single,
    winner,
)


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


LINE = {"trials": [10, 11], "seeds": [1, 2], "intervals": {"accuracy": [0.4, 0.9]}, "over": "seeds and spectra"}


def test_an_interval_over_spectra_is_said_where_the_journal_has_it():
    assert measured("accuracy", [1, 2], [0.7, 0.8], LINE)["over"] == "seeds and spectra"
    found = measured("accuracy", [1, 2], [0.7, 0.8], LINE)
    assert (found["mean"], found["low"], found["high"]) == (pytest.approx(0.75), 0.4, 0.9)
    assert measured("accuracy", [1], [0.7], {**LINE, "seeds": [1], "over": "spectra"})["low"] == 0.4


def test_the_interval_of_an_old_journal_or_of_other_seeds_is_over_seeds_and_says_so():
    expected = {**interval([0.7, 0.8], "accuracy"), "over": "seeds"}
    old = {key: value for key, value in LINE.items() if key not in ("intervals", "over")}
    for line, seeds in ((None, [1, 2]), (old, [1, 2]), (LINE, [1, 3])):
        assert expected.items() <= measured("accuracy", seeds, [0.7, 0.8], line).items()
    assert measured("accuracy", [1], [0.7], None)["over"] is None


@pytest.fixture
def fought(trial, study):
    """``fought(...)``: the row of winner 5 against cnn2, both tested, and their study."""

    def make(metric="accuracy", **changes):
        trials = [trial(10, 0.8, stage="confirm", candidate=5), trial(11, 0.7, stage="confirm", candidate="cnn2")]
        found = study(*trials)
        for one in trials:
            line = {**LINE, "event": "test", "time": 1.0, "candidate": one.candidate, "trials": [one.number]}
            found.apply({**line, "seeds": [1], "metrics": [{"accuracy": 0.7}]})
        row = {"candidate": "cnn2", "trials": [11], "mean": 0.11, "low": 0.02, "high": 0.2, "over": "spectra"}
        row |= {"more": 14, "less": 3, "p": 0.0127, **changes}
        line = {"candidate": 5, "trials": [10], "split": "test", "metric": metric, "rows": [row]}
        found.apply({"event": "versus", "time": 2.0, **line})
        return found, row

    return make


def test_a_winner_beats_what_it_is_better_than_on_the_same_spectra(fought):
    found, row = fought()
    assert rivals(found) == [row]
    assert duel(found, row) == (
        "Trial 5 beats cnn2 on the blind test: +0.1100 accuracy, 95 % interval +0.0200 to +0.2000 over spectra; "
        "14 spectra only it gets right, 3 only the other; p = 0.013."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"low": -0.01}, "Trial 5 cannot be told apart from cnn2"),
        ({"p": 0.06}, "Trial 5 cannot be told apart from cnn2"),
        ({"mean": -0.11, "low": -0.2, "high": -0.02}, "Trial 5 is beaten by cnn2"),
        ({"over": "seeds and groups of spectra"}, "it is right more often on 14 spectra, the other on 3; p = 0.013."),
    ],
)
def test_a_winner_is_not_said_to_be_better_than_the_numbers_say(fought, changes, said):
    assert said in duel(*fought(**changes))


def test_pairs_of_other_trainings_than_the_tested_ones_are_not_said(fought):
    found, _ = fought()
    found.tests[1]["trials"] = [12]
    assert rivals(found) == []
    found.versus = None
    assert rivals(found) == []


def test_scores_are_found_by_candidate_and_split(fought):
    found, _ = fought()
    assert scored(found, 5, "validation")["values"] == [0.8]
    assert scored(found, 6, "validation") is None and scored(found, 6, "test") is None
    assert scored(found, 5, "test")["low"] == 0.4
    assert scored(found, 5, "test", "auc") is None


def test_other_scores_stand_beside_the_first_objective_where_classes_are_unequal(study):
    found = study()
    found.header["dataset"] = {}
    assert beside(found) == []
    found.header["dataset"] = {"unequal": True}
    assert beside(found) == ["balanced_accuracy", "macro_f1"]
    found.header["objectives"] = [["macro_f1", "max"]]
    assert beside(found) == ["accuracy", "balanced_accuracy"]


def mixed(trial, study, value):
    """Two configs on two seeds, and an ensemble of three of these trainings."""
    found = study(
        *(trial(10 + seed, 0.9, stage="confirm", seed=seed, candidate=1) for seed in (1, 2)),
        *(trial(20 + seed, 0.8, stage="confirm", seed=seed, candidate="cnn2") for seed in (1, 2)),
    )
    members = [{"trial": 11, "weight": 1}, {"trial": 22, "weight": 2}, {"trial": 12, "weight": 3}]
    config = {"network": {"family": "ensemble", "members": members}, "training": {}}
    found.trials[30] = trial(30, value, stage="ensemble", seed=1, candidate="ensemble", loss=0.1, config=config)
    found.trials[30].macs = 3
    found.apply({"event": "ensemble", "time": 0.0, "pool": [11, 12, 21, 22], "trial": 30, "reason": ""})
    return found


def test_an_ensemble_wins_by_its_mean_and_not_where_that_is_equal(trial, study):
    assert [key for key, _ in ranking(mixed(trial, study, 0.91))] == ["ensemble", 1, "cnn2"]
    assert [key for key, _ in ranking(mixed(trial, study, 0.9))] == [1, "ensemble", "cnn2"]
    assert single(mixed(trial, study, 0.91)) == 1


def test_an_ensemble_takes_the_place_of_a_config_where_it_is_better_by_a_standard_error(trial, study):
    found = mixed(trial, study, 0.91)
    selection = {"event": "ensemble", "time": 0.0, "pool": [11, 12, 21, 22], "trial": 30, "reason": ""}
    assert "standard error" not in mixture(found)
    found.apply({**selection, "error": 0.02})
    assert [key for key, _ in ranking(found)] == [1, "ensemble", "cnn2"]
    assert "it wins where it is better by more than the standard error of the difference, 0.0200." in mixture(found)
    found.apply({**selection, "error": 0.005})
    assert [key for key, _ in ranking(found)] == ["ensemble", 1, "cnn2"]
    found.sessions[-1]["objectives"] = [["accuracy", "min"]]
    found.trials[30].metrics["accuracy"] = 0.79
    found.apply({**selection, "error": 0.02})
    assert [key for key, _ in ranking(found)] == ["cnn2", "ensemble", 1]


def test_the_members_of_an_ensemble_and_its_cost_are_said(trial, study):
    found = mixed(trial, study, 0.91)
    assert members(found) == [
        {"trial": 12, "candidate": 1, "seed": 2, "weight": 3},
        {"trial": 22, "candidate": "cnn2", "seed": 2, "weight": 2},
        {"trial": 11, "candidate": 1, "seed": 1, "weight": 1},
    ]
    assert "3 trainings (67% trial 1, 33% cnn2) for 3 times the multiply-adds of trial 1" in mixture(found)
    found.apply({"event": "ensemble", "time": 0.0, "pool": [11], "trial": None, "reason": "too few"})
    assert mixture(found) == "No ensemble was made: too few."
    assert "ensemble" not in found.confirmed() and members(found) == []


def test_a_new_ensemble_was_not_tested_where_the_one_before_was(trial, study):
    found = mixed(trial, study, 0.91)
    found.apply({"event": "test", "time": 0.0, "candidate": "ensemble", "trials": [30], "seeds": [1], "metrics": [{}]})
    assert found.tested("ensemble") is not None
    found.apply({"event": "ensemble", "time": 0.0, "pool": [11, 12], "trial": 30, "reason": ""})
    assert found.tested("ensemble") is not None  # the same one
    found.trials[31] = found.trials[30]
    found.apply({"event": "ensemble", "time": 0.0, "pool": [11, 12, 21], "trial": 31, "reason": ""})
    assert found.tested("ensemble") is None
