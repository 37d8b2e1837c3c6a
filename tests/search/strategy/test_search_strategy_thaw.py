"""Trials that are paused and go on: whole lives of studies in simulated time, whose trials are as good as is said."""

import json
import random
from collections import Counter

import pytest

from spectune.search.planning.simulate import Clock, Curve, simulate
from spectune.search.records import JOURNAL, Journal, Options, Study, read
from spectune.search.strategy import thaw as module
from spectune.search.strategy.agenda import Agenda
from spectune.search.strategy.director import Director
from spectune.search.strategy.halving import Halving
from spectune.search.strategy.thaw import Held, thaw
from spectune.spaces import Sizes

SIZES = Sizes(500, 5)
FALLING = [0.9, 0.5, 0.4, 0.3, 0.2, 0.1]  # when six are there the second one is among the best third
SETTINGS = {"epochs": 9, "trials": 6, "top": 1, "seeds": 1, "baseline": ("none",), "max_macs": 2_000_000}


class Silent:
    def update(self, study): ...

    def ended(self, trial): ...

    def apart(self, reason): ...


class Life:
    """Sessions of one study in a folder, one trial at a time; ``spare`` are the trials that lost their checkpoints."""

    def __init__(self, folder, values):
        self.folder, self.values = folder, values
        self.spare, self.thawed = [], []

    def go(self, *, die_after=None, workers=1, **changes):
        settings = {**SETTINGS, "start_from": ("cnn2",), "sampler": "random", **changes}
        options = Options(name="s", studies=str(self.folder.parent), **settings)
        journal, clock = Journal(self.folder), Clock()
        study = read(self.folder) if journal.begun else Study(self.folder)
        header = {"name": "s", "session": len(study.sessions) + 1, "objectives": [["accuracy", "max"]]}
        study.apply(journal.append("study", **header, options=options.to_dict()))
        agenda = Agenda.of(options, options, study, sizes=SIZES, folder=self.folder, clock=clock)
        self.director = Director(agenda, study, journal, progress=Silent())
        for step, _ in enumerate(simulate(self.director, self.curve, workers=workers, clock=clock), start=1):
            self.spare += sorted(self.director.spare())
            if step == die_after:
                break
        journal.close()
        return read(self.folder)

    def curve(self, task):
        value = self.values[task.number] if task.number < len(self.values) else 0.5
        metrics = [{"accuracy": value, "loss": 1 - value, "train_loss": 1.0}] * 9
        return Curve(metrics, list(range(1, 10)))

    def events(self, *kinds):
        lines = [json.loads(line) for line in (self.folder / JOURNAL).read_text().splitlines()]
        return [line for line in lines if line["event"] in kinds]

    def epochs(self, trial):
        """Those that were reported of a trial, in order."""
        return [line["epoch"] for line in self.events("report") if line["trial"] == trial]


@pytest.fixture
def life(tmp_path):
    return Life(tmp_path / "s", FALLING)


def test_what_was_held_back_goes_on_where_it_was_when_it_is_among_the_best_third(life):
    study = life.go()
    assert [line["trial"] for line in life.events("start")] == [0, 1, 2, 3, 4, 5, 1, 6]
    first, last = [line for line in life.events("end") if line["trial"] == 1]
    assert (first["status"], first["reason"], first["epochs"]) == ("paused", "asha", 1)
    assert (last["status"], last["reason"], last["epochs"]) == ("paused", "asha", 3)  # behind at the next rung
    assert life.epochs(1) == [1, 2, 3]
    gone = study.trials[1]
    assert (gone.status, gone.paused, gone.epochs, gone.seconds) == ("paused", 3, 3, 3.0)
    assert (study.begun["explore"], study.begun["confirm"]) == (6, 1)
    assert sorted(study.paused) == [1, 2, 3, 4, 5] and study.finished is False


def test_a_trial_that_goes_on_counts_the_time_that_it_trains_and_not_the_time_that_it_waited(life):
    study = life.go()
    assert study.trials[1].started == 13.0  # it was begun at 9 and waited for 4
    assert study.trials[1].ended - study.trials[1].started == study.trials[1].seconds == 3.0


def test_it_counts_once_at_every_rung_and_is_judged_at_new_ones_only(life):
    life.go()
    halving = life.director._agenda.halving
    assert [list(losses) for losses in halving.rungs.values()] == [[0, 1, 2, 3, 4, 5], [0, 1]]


@pytest.mark.parametrize(("die_after", "status"), [(14, "paused"), (15, "running"), (16, "paused")])
def test_a_driver_that_is_killed_between_pause_and_end_thaws_it_all_the_same(life, die_after, status):
    """After the pauses, while it goes on, and when it was paused once more. Its worker has no checkpoint: it begins
    anew."""
    assert life.go(die_after=die_after).trials[1].status == status
    study = life.go()
    gone = study.trials[1]
    assert Counter(line["trial"] for line in life.events("start"))[1] == (3 if status == "running" else 2)
    assert (gone.status, gone.paused, gone.epochs) == ("paused", 3, 3)
    assert (list(gone.reports.epochs), life.epochs(1).count(1)) == ([1, 2, 3], 1)
    assert study.begun["explore"] == 6
    rungs = life.director._agenda.halving.rungs
    assert [sorted(losses) for losses in rungs.values()] == [[0, 1, 2, 3, 4, 5], [0, 1]]


def test_nothing_goes_on_from_a_journal_in_which_halving_stopped_trials(life):
    life.go(die_after=14)
    text = (life.folder / JOURNAL).read_text()
    (life.folder / JOURNAL).write_text(text.replace('"status":"paused"', '"status":"stopped"').replace(":3,", ":2,", 1))
    study = life.go()
    assert Counter(line["trial"] for line in life.events("start"))[1] == 1
    assert {trial.status for trial in study.stage("explore")} == {"complete", "stopped"}
    assert study.confirmed()


def test_what_begins_anew_keeps_what_it_had_when_its_time_is_up(life):
    life.go(die_after=14)
    life.values = [0.0] * 6
    study = life.go(time=14.5)  # over at its first epoch
    gone = study.trials[1]
    assert (gone.status, gone.reason, gone.epochs, gone.metrics["accuracy"]) == ("stopped", "time", 1, 0.5)
    assert [metrics["accuracy"] for _, metrics in gone.reports] == [0.5]


def test_nothing_goes_on_when_the_time_is_up(life):
    life.go(die_after=14)
    study = life.go(time=13.9)
    assert study.trials[1].status == "paused" and study.trials[1].paused == 1
    assert study.confirmed()


def test_checkpoints_of_the_best_are_kept_until_exploring_is_over(life, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 2)
    life.go(die_after=14)
    assert life.spare == [0, 3, 4, 5]
    assert life.director._kept == {1, 2}
    life.go()
    assert sorted(life.spare[4:]) == [1, 2, 3, 4, 5, 6]  # also what a killed driver may have left behind
    assert life.director._kept == set()


def test_many_go_on_and_the_study_ends(life):
    life.values = [random.Random(number).random() for number in range(90)]
    study = life.go(trials=90, workers=4)
    begun = [line["trial"] for line in life.events("start") if line["stage"] == "explore"]
    starts = Counter(begun)
    assert max(Counter(begun[: begun.index(45)]).values()) > 1, "before the last one is proposed"
    assert len(starts) == study.begun["explore"] == 90
    assert sum(count > 1 for count in starts.values()) > 1 and max(starts.values()) <= 3  # a start and two rungs
    assert all(life.epochs(trial) == list(range(1, study.trials[trial].epochs + 1)) for trial in starts)
    assert {trial.status for trial in study.stage("explore")} == {"complete", "paused"}


@pytest.fixture
def paused(trial):
    """``paused(number, epochs, value)``: a trial that was held back there, and a halving that knows it."""
    halving = Halving((1, 3), eta=3, direction="max")

    def make(number, epochs, value):
        one = trial(number, value, status="paused")
        one.paused = epochs
        halving.good(number, epochs, value)
        return one

    return make, halving


def test_the_one_at_the_highest_rung_goes_on_first_then_the_best(paused):
    make, halving = paused
    low = [make(number, 1, value) for number, value in enumerate([0.9, 0.8, 0.1, 0.1, 0.1, 0.1])]
    high = [make(number, 3, value) for number, value in enumerate([0.7, 0.6, 0.5], start=6)]
    assert thaw([*low, *high], halving).number == 6
    assert thaw(low, halving).number == 0
    assert thaw(low[1:], halving).number == 1
    assert thaw([*low[2:], *high[1:]], halving) is None


def test_of_those_held_back_a_few_of_the_best_may_go_on(paused, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    make, halving = paused
    values = [0.1, 0.6, 0.3, 0.9, 0.2, 0.6]
    held = Held([make(number, 1, value) for number, value in enumerate(values)], halving)
    assert [one.number for one in held.trials] == [3, 1, 5]
    held.remove(held.next())
    assert [one.number for one in held.trials] == [1, 5]
    held.add(make(6, 1, 0.7))
    assert [one.number for one in held.trials] == [6, 1, 5]


def test_only_the_newest_at_a_rung_are_outranked(paused):
    make, halving = paused
    for number in range(40):
        make(number, 1, 0.1)
    back = make(40, 1, 0.5)
    for number in range(50, 59):
        make(number, 1, 0.9)
    assert halving.promotes(back), "nine of the newest 32 are better"
    make(59, 1, 0.9)
    assert not halving.promotes(back), "ten are, and of all 51 that would not be too many"


def test_one_without_a_value_never_goes_on(trial):
    halving = Halving((1, 3), eta=1, direction="max")
    for number in range(4):
        halving.good(number, 1, 0.5)
    unknown = trial(9, None, status="paused")
    unknown.paused = 1
    assert not halving.promotes(unknown)
