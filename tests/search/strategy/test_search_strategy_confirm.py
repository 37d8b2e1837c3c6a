from spectune.search.records.reports import Reports
from spectune.search.strategy.confirm import finalists, simplest, whole


def test_the_best_are_confirmed_also_if_they_were_paused_or_stopped_and_failed_ones_never(trial, study):
    stopped = [trial(0, 0.9, status="paused"), trial(4, 0.6, status="stopped")]
    found = study(*stopped, trial(1, 0.5), trial(2, 0.99, status="failed"), trial(3, 0.6))
    assert [one.number for one in finalists(found, 5)] == [0, 3, 4, 1]


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


def ran(one, *, epochs, seconds, macs=1, now=None):
    one.reports = Reports((epoch, {"loss": 1.0}) for epoch in range(1, epochs + 1))
    one.epochs, one.seconds, one.macs, one.ended = epochs, seconds, macs, now
    return one


def test_a_whole_training_takes_what_it_took_or_what_its_pace_says(trial, study):
    whole_one = ran(trial(0, 0.9), epochs=5, seconds=8.0, now=9.0)
    part = ran(trial(1, 0.9, status="stopped"), epochs=2, seconds=6.0, macs=100, now=9.0)
    found = study(whole_one, part)
    assert whole(found, whole_one.config, 1, epochs=10) == 8.0, "it ended by itself"
    assert whole(found, part.config, 100, epochs=10) == 30.0
    assert whole(found, {}, 10_000, epochs=10) == 10 * 30.0, "an unknown one: by the root of 100 times the work"
    assert whole(study(), {}, 1, epochs=10) == 0.0


def test_the_best_simple_method_is_one_that_ended(trial, study):
    rows = (("complete", 0.5, 1.0), ("complete", 0.5, 0.9), ("failed", 0.9, 1.0))
    trials = [trial(n, value, stage="simple", status=status, loss=loss) for n, (status, value, loss) in enumerate(rows)]
    assert simplest(study(*trials)).number == 1
    assert simplest(study(trial(0, 0.9))) is None
