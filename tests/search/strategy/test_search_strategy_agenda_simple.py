"""Simple methods and the total time in the life of a study, simulated: no training, and a clock of its own."""

import zlib

import pytest

from spectune.search.planning.simulate import Clock, Curve, director, simulate
from spectune.search.records import Options
from spectune.search.records.ranking import ranking, remark, winner
from spectune.search.session.run import shortened
from spectune.spaces import KNOWN, SIMPLE, Sizes

SIZES = Sizes(500, 5)
BEST = list(SIMPLE)[-1]


def trained(task, *, seconds=1.0, fit=1.0, level=0.0):
    """Networks reach 0 to 0.5 by chance and take some seconds per epoch, simple methods 0.4 plus a ``level``."""
    name = task.label if task.label in SIMPLE else ""
    quality = zlib.crc32(repr((task.network, task.training)).encode()) % 1000 / 2000
    value = 0.4 + level + (0.1 if name == BEST else 0.0) if name else quality
    count = 9 if task.network.by_steps else 1
    row = {"accuracy": value, "loss": 2 - value, "train_loss": 1.0}
    each = seconds if task.network.by_steps else fit
    return Curve([row] * count, [each * epoch for epoch in range(1, count + 1)])


def go(workers=1, curve=trained, **options):
    """The agenda of a simulated study that has ended, the study, and the seconds that it took."""
    asked = {"trials": 6, "epochs": 9, "seeds": 3, "top": 2, **options}
    made = Options(name="s", **asked)
    clock = Clock()
    directing = director(made, clock, SIZES, workers=workers)
    directing.study.header["options"].update(made.to_dict())
    for _ in simulate(directing, curve, workers=workers, clock=clock):
        pass
    return directing._agenda, directing.study, clock.now


def rounds(study):
    """Candidate -> the seeds that count."""
    return {candidate: [trial.seed for trial in trials] for candidate, trials in ranking(study)}


@pytest.mark.parametrize("exploring", [{}, {"model": "cnn6", "trials": 0}])
def test_every_study_measures_the_simple_methods_first_and_confirms_the_best(exploring):
    _, study, _ = go(**exploring)
    measured = study.stage("simple")
    assert [trial.label for trial in measured] == list(SIMPLE)
    assert [trial.number for trial in measured] == list(range(len(SIMPLE)))
    assert len(study.stage("explore")) == exploring.get("trials", 6), "they count as no trial"
    assert [key for key in rounds(study) if str(key).startswith("simple")] == [f"simple:{BEST}"]
    assert len(rounds(study)[f"simple:{BEST}"]) == 3


@pytest.mark.parametrize(("level", "wins"), [(0.6, True), (-0.4, False)])
def test_a_simple_method_wins_where_it_is_best_and_the_verdict_says_so(level, wins):
    _, study, _ = go(curve=lambda task: trained(task, level=level))
    assert (winner(study) == f"simple:{BEST}") == wins
    assert (f"simple method {BEST} wins" in remark(study)) == wins
    assert f"simple:{BEST}" in rounds(study), "it is ranked either way"


def test_a_network_that_is_trained_stays_the_result_and_a_better_simple_method_is_named():
    _, study, _ = go(curve=lambda task: trained(task, level=0.6), model="cnn6", trials=0)
    assert winner(study) == "cnn6"
    assert f"simple method {BEST} is better" in remark(study)


@pytest.mark.parametrize("baseline", [("none",), ("cnn6",)])
def test_who_is_not_asked_for_takes_no_part(baseline):
    _, study, _ = go(baseline=baseline)
    assert not study.stage("simple")
    assert {key for key in rounds(study) if isinstance(key, str)} == {*baseline} - {"none"}


def test_both_are_compared_with_in_any_order():
    _, study, _ = go(baseline=("simple", "cnn6"))
    assert {key for key in rounds(study) if isinstance(key, str)} == {"cnn6", f"simple:{BEST}"}


@pytest.mark.parametrize("fit", [31.0, 61.0])
def test_the_time_of_the_simple_methods_is_limited_and_what_is_left_out_is_said(fit):
    """One that would take as long as the one before it does not begin where it would not end in time."""
    agenda, study, _ = go(curve=lambda task: trained(task, fit=fit))
    assert [trial.label for trial in study.stage("simple")] == list(SIMPLE)[:1]
    (line,) = shortened(agenda)
    assert line == f"simple methods that were left out: {', '.join(list(SIMPLE)[1:])} (no time for more in 60 s)"


def test_several_labels_per_spectrum_leave_out_all_simple_methods(monkeypatch):
    monkeypatch.setitem(globals(), "SIZES", Sizes(500, 5, multilabel=True))
    agenda, study, _ = go()
    assert not study.stage("simple")
    assert f"left out: {', '.join(SIMPLE)} (several labels per spectrum" in next(shortened(agenda))


def test_limits_hold_for_simple_methods_as_they_may_win():
    agenda, study, _ = go(model="cnn6", trials=0, max_params=20)
    assert not study.stage("simple")
    assert list(shortened(agenda)) == [f"simple methods that were left out: {', '.join(SIMPLE)} (--max-params is 20)"]


def test_the_time_of_exploring_begins_behind_the_simple_methods():
    def clocked(task):
        return trained(task, fit=20.0)

    _, without, _ = go(curve=clocked, time=100.0, trials=1000, baseline=("none",))
    _, study, _ = go(curve=clocked, time=100.0, trials=1000, baseline=("simple",))
    assert study.stage("simple")
    assert len(study.stage("explore")) == len(without.stage("explore"))


@pytest.mark.parametrize("workers", [1, 3])
def test_exploring_ends_early_enough_that_the_confirmation_fits(workers):
    agenda, study, took = go(workers, total_time=600.0, trials=1000)
    assert took <= 600.0
    assert study.begun["explore"] > 10
    assert {len(seeds) for seeds in rounds(study).values()} == {3}
    assert len(rounds(study)) == 4
    assert not list(shortened(agenda))


def late(task, seconds):
    """What exploring cannot foresee: confirming takes longer."""
    return trained(task, seconds=seconds if task.stage == "confirm" else 1.0)


def test_what_the_total_time_cuts_off_leaves_a_comparison_on_the_same_seeds():
    agenda, study, took = go(curve=lambda task: late(task, 2.0), total_time=400.0, trials=1000)
    assert took <= 400.0
    (seeds,) = {tuple(seeds) for seeds in rounds(study).values()}
    assert 1 <= len(seeds) < 3
    assert len(rounds(study)) == 4
    assert {trial.reason for trial in study.stage("confirm") if trial.status == "stopped"} == {"time"}
    (line,) = shortened(agenda)
    assert f"--total-time 400s is short for the confirmation, configs are compared on {len(seeds)} of 3 seeds" in line


def test_a_total_time_without_room_for_one_round_says_so():
    agenda, study, took = go(curve=lambda task: late(task, 4.0), total_time=80.0, trials=1000)
    assert took <= 80.0
    assert study.begun["explore"], "exploring has its share"
    assert "no seed was trained on by all: give more, and --resume" in list(shortened(agenda))[-1]


def test_the_names_of_candidates_do_not_meet():
    assert not {f"simple:{name}" for name in SIMPLE} & KNOWN.keys()
