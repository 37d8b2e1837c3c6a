from spectune.search.strategy.confirm import finalists


def test_complete_trials_are_confirmed_before_stopped_ones_and_failed_ones_never(trial, study):
    found = study(trial(0, 0.9, status="stopped"), trial(1, 0.5), trial(2, 0.99, status="failed"), trial(3, 0.6))
    assert [one.number for one in finalists(found, 4)] == [3, 1, 0]


def test_equal_values_are_told_apart_by_the_loss(trial, study):
    found = study(trial(0, 0.5, loss=2.0), trial(1, 0.5, loss=1.0))
    assert [one.number for one in finalists(found, 1)] == [1]


def test_one_config_is_confirmed_once_and_the_baselines_not_at_all(trial, study):
    same = {"network": {"family": "cnn", "filters": 8}, "training": {}}
    base = {"network": {"family": "cnn", "filters": 9}, "training": {}}
    found = study(trial(0, 0.9, config=same), trial(1, 0.8, config=same), trial(2, 0.7, config=base), trial(3, 0.6))
    assert [one.number for one in finalists(found, 3, base)] == [0, 3]


def test_what_is_on_the_front_of_several_objectives_comes_before_the_others(trial, study):
    found = study(
        trial(0, 0.9, values=[0.9, 100]),
        trial(1, 0.8, values=[0.8, 10]),
        trial(2, 0.7, values=[0.7, 50]),  # beaten by 1
        trial(3, 0.9, values=[0.9, 200]),  # beaten by 0
        objectives=(("accuracy", "max"), ("parameters", "min")),
    )
    assert [one.number for one in finalists(found, 3)] == [0, 1, 3]


def test_what_has_no_value_is_not_confirmed(trial, study):
    nothing = trial(0, None, values=[None]), trial(1, None, status="stopped", values=[None])
    assert [one.number for one in finalists(study(*nothing, trial(2, 0.3)), 3)] == [2]
