"""What a person is told of the time that is left."""

from __future__ import annotations

from collections import Counter

import pytest

from spectune.search.options import Options
from spectune.search.progress import seconds_left
from spectune.search.record import Study, Trial

OPTIONS = Options(name="x", trials=2, epochs=100, seeds=5, top=1, baseline="none")


def ended(number, *, epochs, seconds, status="complete", accuracy=0.5):
    reports = [(epoch, {"loss": 1.0}) for epoch in range(1, epochs + 1)]
    return Trial(
        number=number, stage="explore", config={"number": number}, label="", seed=0, candidate=None, parameters=1,
        macs=1, started=0.0, reports=reports, status=status, epochs=epochs, seconds=seconds, ended=1.0,
        metrics={"loss": 1.0, "accuracy": accuracy},
    )  # fmt: skip


def left(*trials):
    study = Study(None, trials={trial.number: trial for trial in trials}, begun=Counter(one.stage for one in trials))
    study.sessions.append({"objectives": [["accuracy", "max"]]})
    return seconds_left(study, OPTIONS, 1)


def test_a_confirmation_is_expected_to_take_as_long_as_a_whole_training_did():
    assert left(ended(0, epochs=1, seconds=2.0), ended(1, epochs=1, seconds=2.0)) == pytest.approx(5 * 2.0)


def test_before_a_training_ran_to_its_end_every_epoch_is_expected():
    stopped = [ended(number, epochs=10, seconds=20.0, status="stopped") for number in (0, 1)]
    assert left(*stopped) == pytest.approx(5 * 100 * 2.0)


def test_of_networks_that_take_unequal_times_the_best_one_is_expected_to_be_confirmed():
    others = [ended(number, epochs=1, seconds=2.0) for number in range(3)]
    assert left(*others, ended(3, epochs=100, seconds=300.0, accuracy=0.9)) == pytest.approx(5 * 300.0)


def test_the_time_between_two_sessions_is_not_taken_for_training():
    study, header = Study(None), {"event": "study", "objectives": [["accuracy", "max"]]}
    asked = {"stage": "explore", "config": {}, "label": "", "seed": 0, "candidate": None, "parameters": 1, "macs": 1}
    for began, epoch in ((1000.0, 1), (90_000.0, 2)):
        study.apply({**header, "time": began})
        study.apply({"event": "start", "time": began, "trial": 0, **asked})
        report = {"event": "report", "trial": 0, "epoch": epoch, "metrics": {"loss": 1.0}}
        study.apply({**report, "time": began + 10.0})

    running, another, confirmed = 98 * 10.0, 100 * 10.0, 5 * 100 * 10.0
    assert seconds_left(study, OPTIONS, 1) == pytest.approx(running + another + confirmed)
