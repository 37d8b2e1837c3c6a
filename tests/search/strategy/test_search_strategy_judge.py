"""What may go on: the judge alone, on trials of a study in memory."""

import math

import pytest

from spectune.search.records import Budget
from spectune.search.records.study import Study
from spectune.search.strategy.clock import TimeLimit
from spectune.search.strategy.halving import Halving
from spectune.search.strategy.judge import Judge

BUDGET = Budget(epochs=27, grace=1)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def study():
    found = Study(folder=None)
    found.apply({"event": "study", "time": 0.0, "name": "s", "objectives": [["accuracy", "max"]]})
    return found


def begin(study, number, *, stage="explore", label=""):
    config = {"network": {"family": "cnn"}, "training": {}}
    about = {"seed": 0, "candidate": None, "parameters": 1, "macs": 1}
    study.apply(
        {"event": "start", "time": 0.0, "trial": number, "stage": stage, "config": config, "label": label, **about}
    )
    return study.trials[number]


def hear(judge, study, trial, epoch, accuracy, *, loss=1.0, done=False, fold=0):
    metrics = {"accuracy": accuracy, "loss": loss, "train_loss": 1.0}
    study.apply({"event": "report", "time": 0.0, "trial": trial.number, "epoch": epoch, "metrics": metrics})
    return judge.verdict(trial, {"epoch": epoch, "metrics": metrics, "done": done, "fold": fold})


@pytest.fixture
def judge(study):
    return Judge(BUDGET, study, Halving.of(BUDGET, study), lambda stage: False)


def test_what_is_behind_at_a_rung_is_stopped_and_what_leads_goes_on(study, judge):
    leading = [begin(study, number) for number in range(3)]
    assert [hear(judge, study, one, 1, 0.8) for one in leading] == ["", "", ""]
    assert hear(judge, study, begin(study, 3), 1, 0.2) == "asha"
    assert hear(judge, study, begin(study, 4), 2, 0.2) == "", "no rung is at two epochs"


def test_a_known_network_is_judged_at_the_last_rung_only(study, judge):
    for number in range(3):
        for epoch in (1, 3, 9):
            hear(judge, study, begin(study, number), epoch, 0.8)
    slow = begin(study, 3, label="cnn2")
    assert [hear(judge, study, slow, epoch, 0.1) for epoch in (1, 3, 9)] == ["", "", "asha"]


@pytest.mark.parametrize("lacking", [{"accuracy": math.nan}, {"accuracy": 0.5, "loss": math.inf}])
def test_what_diverged_is_stopped_in_every_stage(study, judge, lacking):
    for number, stage in enumerate(("explore", "confirm")):
        assert hear(judge, study, begin(study, number, stage=stage), 2, **lacking) == "nan"


def test_a_confirmation_and_a_last_epoch_are_never_stopped(study, judge):
    for number in range(3):
        hear(judge, study, begin(study, number), 1, 0.8)
    assert hear(judge, study, begin(study, 3, stage="confirm"), 1, 0.1) == ""
    assert hear(judge, study, begin(study, 4), 1, 0.1, done=True) == ""


def test_exploring_ends_when_its_time_is_up(study):
    clock = Clock()
    limit = TimeLimit(100.0, before=60.0, clock=clock)
    judge = Judge(BUDGET, study, Halving.of(BUDGET, study), lambda stage: stage == "explore" and limit.up())
    trial = begin(study, 0)
    clock.now = 39.0
    assert hear(judge, study, trial, 2, 0.5) == ""
    clock.now = 41.0
    assert hear(judge, study, trial, 4, 0.5) == "time"
    assert hear(judge, study, begin(study, 1, stage="confirm"), 4, 0.5) == ""


def test_trials_of_earlier_sessions_stand_on_their_rungs_again(study, judge):
    for number in range(3):
        hear(judge, study, begin(study, number), 1, 0.8)
        end = {"status": "stopped", "reason": "asha", "metrics": {}, "best_epoch": 1, "epochs": 1, "seconds": 1.0}
        study.apply({"event": "end", "time": 0.0, "trial": number, "values": None, **end})
    again = Judge(BUDGET, study, Halving.of(BUDGET, study), lambda stage: False)
    assert hear(again, study, begin(study, 3), 1, 0.2) == "asha"


def test_what_was_paused_is_judged_only_where_it_was_not_before(study, judge):
    for number in range(3):
        for epoch in (1, 3):
            hear(judge, study, begin(study, number), epoch, 0.8)
    weak = begin(study, 3)
    assert hear(judge, study, weak, 1, 0.2) == "asha"
    weak.paused = 1
    assert [hear(judge, study, weak, epoch, 0.2) for epoch in (1, 2, 3)] == ["", "", "asha"]
    late = Judge(BUDGET, study, Halving.of(BUDGET, study), lambda stage: True)
    assert hear(late, study, weak, 1, 0.2) == "time"


def test_a_trial_that_got_to_its_second_fold_is_behind_nobody(study, judge):
    """Early stopping ended its first fold at a rung, which others reached later with better values."""
    weak = begin(study, 0)
    assert hear(judge, study, weak, 3, 0.2) == ""
    assert [hear(judge, study, begin(study, number), 3, 0.8) for number in (1, 2, 3)] == [""] * 3
    assert hear(judge, study, weak, 3, 0.1, fold=1) == ""
    late = Judge(BUDGET, study, Halving.of(BUDGET, study), lambda stage: True)
    assert hear(late, study, weak, 3, 0.1, fold=2) == "time"
    assert hear(late, study, weak, 3, math.nan, fold=2) == "nan"
