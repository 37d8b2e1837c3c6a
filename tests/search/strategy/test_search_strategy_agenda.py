"""What is trained next; whole lives of studies are in test_search_strategy_director.py."""

from dataclasses import replace
from itertools import islice

import pytest

from spectune.search.records.options import Options
from spectune.search.strategy.agenda import Agenda, first, planned, started
from spectune.search.strategy.clock import TimeLimit
from spectune.search.strategy.confirm import fastest, reachable
from spectune.search.strategy.sampler import Sampler
from spectune.spaces import CNN, KNOWN, Sizes
from spectune.spaces.config import hyperparameters
from spectune.spaces.preprocess import Preprocessed
from spectune.spaces.prior import Prior

SIZES = Sizes(500, 5)
OPTIONS = {"baseline": ("cnn2",), "name": "s", "max_macs": 2_000_000, "epochs": 9}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_time_limit_counts_what_earlier_sessions_took():
    clock = Clock()
    limit = TimeLimit(100.0, before=70.0, clock=clock)
    clock.now = 29.0
    assert not limit.up()
    assert limit.up(0.9)
    clock.now = 31.0
    assert limit.up()
    assert limit.passed() == 31.0
    assert not TimeLimit(None, before=1e9, clock=clock).up()


def test_what_is_trained_first_can_be_known_without_a_journal_or_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = Options(**OPTIONS, trials=12)
    baseline, *found = islice(first(options, options, SIZES), 14)
    assert (baseline.label, baseline.stage) == ("cnn2", "confirm")
    assert [task.number for task in found] == list(range(len(found)))
    assert found[0].origin == "portfolio"
    assert len([task for task in found if task.stage == "explore"]) == 12
    assert list(tmp_path.iterdir()) == []


def test_it_is_what_a_director_begins_with():
    options = Options(**{**OPTIONS, "baseline": ("none",)}, trials=8, sampler="random")
    study = planned(options)
    agenda = Agenda.of(options, options, study, sizes=SIZES)
    tasks = []
    for task in islice(agenda.tasks(), 8):
        study.apply({"event": "start", "time": 0.0, **started(task, SIZES)})
        tasks.append(task)
    assert tasks == list(islice(first(options, options, SIZES), 8))


def test_replicas_of_a_confirmation_are_its_other_seeds():
    options = Options(**OPTIONS, seeds=4)
    study = planned(options)
    agenda = Agenda.of(options, options, study, sizes=SIZES)
    baseline = next(agenda.confirmations([agenda.baseline()]))
    study.apply({"event": "start", "time": 0.0, **started(baseline, SIZES)})
    assert baseline.seed == 1
    assert [task.seed for task in agenda.alongside(baseline)] == [2, 3, 4]


def test_what_was_paused_has_no_replicas():
    options = Options(**OPTIONS, trials=9)
    agenda = Agenda.of(options, options, planned(options), sizes=SIZES)
    proposed = agenda._explore()
    assert len(list(islice(agenda.alongside(proposed), 2))) == 2
    assert list(islice(agenda.alongside(replace(proposed, spent=3.0)), 1)) == []


def test_a_network_that_is_trained_with_other_values_says_so_and_with_its_own_does_not():
    kernel = KNOWN["cnn2"].network.kernel_size
    for fixed, label in (({"kernel_size": kernel}, "cnn2"), ({"fc_dropout": 0.5}, "cnn2 fc_dropout=0.5")):
        options = Options(**{**OPTIONS, "baseline": ()}, model="cnn2", trials=0, fixed=fixed)
        agenda = Agenda.of(options, options, planned(options), sizes=SIZES)
        assert agenda.baseline().label == label


@pytest.mark.parametrize("kind", ["near", "tpe", "random"])
def test_a_sampler_without_a_folder_leaves_nothing_behind(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    options = Options(**OPTIONS, sampler=kind)
    agenda = Agenda.of(options, options, planned(options), sizes=SIZES)
    assert isinstance(agenda.sampler, Sampler)
    next(agenda.tasks())
    assert list(tmp_path.iterdir()) == []


ADVICE = Prior("offset 25 times the signal", {"snv": {"preprocess": "snv"}, "bent": {"savgol": "second"}}, ("savgol",))


def explored(options, count=40):
    return [task for task in first(options, options, SIZES) if task.stage == "explore"][:count]


def test_advised_preprocessing_is_tried_first_and_searched():
    plain, advised = (Options(**OPTIONS, trials=40, looked=one) for one in (Prior(), ADVICE))
    tasks = explored(advised)
    assert [task.label for task in tasks[:4]] == ["compact snv", "sharp snv", "compact bent", "sharp bent"]
    assert [task.origin for task in tasks[:5]] == ["look"] * 4 + ["portfolio"]
    assert tasks[0].network == KNOWN["compact"].network.replace(preprocess="snv")
    proposed = [task.network.savgol for task in tasks if task.origin == "chance"]
    assert len(set(proposed)) > 1
    assert {task.network.savgol for task in explored(plain)} == {"none"}


def test_what_is_fixed_or_asked_for_is_stronger_than_advice():
    fixed = Options(**OPTIONS, trials=30, looked=ADVICE, fixed={"savgol": "none", "preprocess": "max"})
    assert {(task.network.savgol, task.network.preprocess) for task in explored(fixed)} == {("none", "max")}
    asked = Options(**OPTIONS, trials=30, looked=ADVICE, start_from=("compact",))
    assert explored(asked)[0].label == "compact"


def test_without_advice_a_search_draws_nothing_of_the_steps_before_the_scale():
    drawn = []
    CNN.propose(lambda name, domain: drawn.append(name) or domain.at(0.0))
    assert drawn[:3] == ["depth", "convs_per_block", "filters"]
    assert "preprocess" in drawn
    assert not {hp.name for hp in hyperparameters(Preprocessed)} & set(drawn)


def test_what_is_explored_validates_on_all_folds_and_a_confirmation_on_one_by_its_seed():
    options = Options(**{**OPTIONS, "baseline": ()}, seeds=6, folds=3, seed=4)
    study = planned(options)
    agenda = Agenda.of(options, options, study, sizes=SIZES)
    explored = [task for task in islice(agenda.tasks(), 30) if task is not None and task.stage != "confirm"]
    assert {task.stage for task in explored} == {"simple", "explore"}
    assert {(task.folds, task.turn) for task in explored} == {(3, (0, 1, 2))}
    baseline = agenda.baseline()
    confirmed = list(agenda.confirmations([baseline, replace(explored[0], candidate="simple:x")]))
    assert [(task.seed, task.turn) for task in confirmed] == [
        (seed, (seed - 5,)) for seed in range(5, 11) for _ in "ab"
    ]
    study.apply({"event": "start", "time": 0.0, **started(confirmed[0], SIZES)})
    assert list(agenda.alongside(confirmed[0])) == []  # others have other folds
    assert (study.trials[confirmed[0].number].folds, study.trials[confirmed[0].number].turn) == (3, (0,))
    plain = Options(**OPTIONS, seeds=2)
    agenda = Agenda.of(plain, plain, planned(plain), sizes=SIZES)
    task = next(agenda.confirmations([agenda.baseline()]))
    assert (task.folds, task.turn) == (0, ()) and "folds" not in started(task, SIZES)


def reported(clock, **more):
    """An agenda, and the trial of the published baseline, which took ten seconds for its first epoch."""
    options = Options(**{**OPTIONS, "max_macs": None, "epochs": 81}, **more)
    study = planned(options)
    agenda = Agenda.of(options, options, study, sizes=SIZES, clock=clock)
    task = agenda.baseline()
    study.apply({"event": "start", "time": 0.0, "at": 0.0, **started(task, SIZES)})
    metrics = {"loss": 1.0, "accuracy": 0.5}
    study.apply({"event": "report", "time": 10.0, "at": 10.0, "trial": task.number, "epoch": 1, "metrics": metrics})
    clock.now = 10.0
    return agenda, study.trials[task.number], task.network


def test_a_network_whose_epoch_outlasts_the_time_is_not_tried():
    network = KNOWN["cnn6"].network
    for seconds, times in ((100.0, 1.0), (100.0, 1000.0), (None, 1000.0)):
        agenda, trial, _ = reported(Clock(), total_time=seconds)
        trial.macs = int(agenda.macs(network) / times)
        if seconds is not None and times > 1:
            with pytest.raises(ValueError, match=r"an epoch must end within 85 s, got [\d,]+ multiply-adds"):
                agenda._allowed(network)
        else:
            agenda._allowed(network)


def test_it_goes_by_the_fastest_trial_and_is_no_rule_before_the_first():
    _, trial, _ = reported(Clock())
    assert reachable(10**18, fastest([], 10.0), seconds=1.0)
    assert reachable(25 * trial.macs, fastest([trial], 10.0), seconds=75.0)
    assert not reachable(35 * trial.macs, fastest([trial], 10.0), seconds=75.0)
