"""The director of a study against a simulated run: no Ray, no training, the same calls in the same order."""

import json
import math
import random
import time
import zlib
from dataclasses import replace

import pytest

from spectune.search.records.journal import JOURNAL, Journal
from spectune.search.records.options import Options
from spectune.search.records.study import Study, read
from spectune.search.strategy.agenda import Agenda
from spectune.search.strategy.confirm import finalists
from spectune.search.strategy.director import Director
from spectune.spaces import FAMILIES, KNOWN, SIMPLE, STANDARD, Sizes
from spectune.spaces.saved import recorded

SIZES = Sizes(500, 5)
COMPACT, SHARP, CNN2 = (KNOWN[name][:2] for name in ("compact", "sharp", "cnn2"))
PORTFOLIO = (CNN2, SHARP, (COMPACT[0].replace(depth=3), COMPACT[1]), COMPACT)
LEARNED = {"tasks": ["one"], "families": {}, "slopes": {}, "weights": {}}
LEARNED["portfolio"] = {key: [recorded(*config) for config in PORTFOLIO] for key in ("any", "cnn")}
CATALOGUE = replace(STANDARD, learned=LEARNED)


class Killed(Exception):
    """The driver dies here."""


class Silent:
    def update(self, study): ...

    def ended(self, trial): ...

    def apart(self, reason): ...


class Simulation:
    """Sessions of one study in a folder; ``go`` runs one, as the trials on Ray would."""

    def __init__(self, folder, **options):
        self.folder = folder
        settings = {"max_macs": 2_000_000, "epochs": 9, "trials": 12, "seeds": 3, "top": 2, "baseline": ("cnn2",)}
        self.settings = {**settings, **options}

    def go(self, *, workers=3, die_after=math.inf, curve=None, clock=time.time, **changes):
        options = Options(name=self.folder.name, studies=str(self.folder.parent), **{**self.settings, **changes})
        journal = Journal(self.folder)
        try:
            study = read(self.folder) if (self.folder / JOURNAL).stat().st_size else Study(self.folder)
            header = {"name": options.name, "session": len(study.sessions) + 1, "objectives": self.objectives(options)}
            header["options"] = options.to_dict()
            study.apply(journal.append("study", **header))
            agenda = Agenda.of(options, options, study, sizes=SIZES, folder=self.folder, clock=clock)
            director = Director(agenda, study, journal, progress=Silent(), replicas=options.replicas)
            self.run(director, options, workers, die_after, curve or accuracy)
        finally:
            journal.close()
        return read(self.folder)

    @staticmethod
    def objectives(options):
        return [[name, "max" if name == "accuracy" else "min"] for name in options.objectives]

    @staticmethod
    def run(director, options, workers, die_after, curve):
        chance, steps, running = random.Random(0), 0, {}
        while running or not director.done:
            while len(running) < workers and not director.done and (task := director.next()) is not None:
                running[task.number] = (task, 0)
            if not running:
                assert director.done, "nothing runs and nothing comes: the study would hang"
                break
            number = chance.choice(sorted(running))
            task, epoch = running[number]
            epoch += 1
            running[number] = (task, epoch)
            message = curve(task, epoch)
            message = {
                "number": number,
                "epoch": epoch,
                "failed": "",
                "apart": "",
                "fold": 0,
                "done": epoch >= options.epochs,
                **message,
            }
            message.setdefault("best", dict(message.get("metrics", {})))
            message.update(best_epoch=epoch, seconds=1.0 * epoch)
            steps += 1
            if steps > die_after:
                raise Killed
            go_on = director.report(number, message)
            if not go_on or message["done"] or message["failed"]:
                del running[number]
                director.report(number, message)  # Tune reports the last message once more
                director.end(number)


def accuracy(task, epoch):
    quality = (zlib.crc32(repr((task.network, task.training)).encode()) % 1000) / 1000
    value = quality * (1 - math.exp(-epoch / 3))
    return {"metrics": {"accuracy": value, "loss": 2 - value, "train_loss": 2 - value}}


@pytest.fixture
def simulation(tmp_path):
    def build(**options):
        return Simulation(tmp_path / "s", **options)

    return build


def test_a_study_explores_then_confirms_the_best_and_the_baseline_on_new_seeds(simulation):
    study = simulation().go()

    explored, confirmed = study.stage("explore"), study.confirmed()
    assert len(explored) == 12
    assert {trial.status for trial in explored} == {"complete", "paused"}
    assert set(confirmed) - {"cnn2"} == {trial.number for trial in finalists(study, 2)}
    assert len(confirmed) == 3
    for trials in confirmed.values():
        assert [trial.seed for trial in trials] == [1, 2, 3]
        assert len({str(trial.config) for trial in trials}) == 1
    assert {trial.seed for trial in explored} == {0}


def test_the_learned_portfolio_comes_first_as_far_as_it_fits(simulation):
    study = simulation(catalogue=CATALOGUE, trials=12).go(workers=1)
    explored = study.stage("explore")
    assert [(trial.origin, trial.label) for trial in explored[:3]] == [
        ("portfolio", "sharp"),  # cnn2, the first of it, is too large
        ("portfolio", ""),
        ("portfolio", "compact"),
    ]
    assert explored[1].config["network"]["depth"] == 3
    assert {trial.origin for trial in explored[3:]} <= {"prior", "chance", "model", "near"}
    assert not any(trial.label for trial in explored[3:])  # published networks are baselines


def test_it_gets_a_third_of_the_exploration(simulation):
    study = simulation(max_macs=None, trials=9, catalogue=CATALOGUE).go()
    origins = [trial.origin for trial in study.stage("explore")]
    assert [origin == "portfolio" for origin in origins] == [True] * 3 + [False] * 6


def test_what_a_resumed_study_has_begun_with_is_not_begun_with_again(simulation):
    study = simulation(max_macs=None, catalogue=CATALOGUE)
    with pytest.raises(Killed):
        study.go(workers=1, die_after=12)
    labels = [trial.label for trial in study.go(workers=1).stage("explore") if trial.origin == "portfolio"]
    assert labels == ["cnn2", "sharp", "", "compact"]


def test_what_a_search_begins_with_is_judged_at_the_last_rung_only(simulation):
    def late(task, epoch):
        begins = task.origin == "portfolio"
        value = (
            min(epoch, 2) * 0.1 - 0.01 * task.number if begins else accuracy(task, epoch)["metrics"]["accuracy"] + 0.5
        )
        return {"metrics": {"accuracy": value, "loss": 2 - value, "train_loss": 2 - value}}

    study = simulation(space="any", max_macs=None, trials=40, catalogue=CATALOGUE).go(workers=1, curve=late)
    begun = [trial for trial in study.stage("explore") if trial.origin == "portfolio"]
    others = [trial for trial in study.stage("explore") if trial.origin != "portfolio"]
    assert min(trial.epochs for trial in others) == 1  # the first rung of 9 epochs
    assert {trial.epochs for trial in begun if trial.status == "paused"} == {3}


@pytest.mark.parametrize("prior", ["look", "none"])
def test_without_what_was_learned_a_search_begins_with_nothing_of_it(simulation, prior):
    study = simulation(max_macs=None, catalogue=CATALOGUE, prior=prior).go(workers=1)
    assert not {trial.origin for trial in study.stage("explore")} & {"portfolio", "prior"}


def test_the_networks_that_are_asked_for_come_first_and_no_other_known_one(simulation):
    study = simulation(max_macs=None, start_from=("cnn6", "vgg")).go(workers=1)
    assert [trial.label for trial in study.stage("explore")][:3] == ["cnn6", "vgg", ""]
    assert [trial.origin for trial in study.stage("explore")][:2] == ["asked", "asked"]
    assert sum(bool(trial.label) for trial in study.stage("explore")) == 2


def test_in_a_space_of_all_families_each_is_tried(simulation):
    study = simulation(space="any", max_macs=5_000_000, trials=60, prior="none").go(workers=1)
    families = [trial.config["network"]["family"] for trial in study.stage("explore")]
    assert sorted(families[: len(FAMILIES)]) == sorted(FAMILIES)


def test_a_family_beyond_the_limits_is_passed_over(simulation):
    study = simulation(space="any", max_params=3_000, trials=8).go(workers=1)
    families = {trial.config["network"]["family"] for trial in study.stage("explore")}
    assert "mlp" not in families and "vit" in families
    assert all(trial.parameters <= 3_000 for trial in study.stage("explore"))


def test_one_model_is_trained_on_seeds_without_exploration(simulation):
    study = simulation(
        model="vgg", baseline=("none",), trials=0, seeds=2, fixed={"fc_activation": "relu", "learning_rate": 1e-3}
    ).go()
    assert study.stage("explore") == []
    (trials,) = study.confirmed().values()
    assert [trial.seed for trial in trials] == [0, 1]
    assert {trial.label for trial in trials} == {"vgg fc_activation=relu"}
    assert {(trial.flat["fc_activation"], trial.flat["learning_rate"]) for trial in trials} == {("relu", 1e-3)}


def test_limits_hold_for_everything_that_is_explored(simulation):
    study = simulation(max_params=50_000, fixed={"pooling": "max"}).go()
    assert all(trial.parameters <= 50_000 and trial.flat["pooling"] == "max" for trial in study.stage("explore"))


def test_what_set_says_of_the_training_holds_for_the_baseline_too(simulation):
    study = simulation(fixed={"patience": 4}).go()
    assert {trial.flat["patience"] for trial in study.trials.values()} == {4}


@pytest.mark.parametrize("die_after", [1, 7, 23, 48, 60, 75, 90])
def test_a_killed_driver_loses_nothing_and_runs_nothing_twice(simulation, die_after):
    undisturbed = die_after
    run = simulation()
    with pytest.raises(Killed):
        run.go(die_after=undisturbed)
    before = read(run.folder)
    finished = {number: trial for number, trial in before.trials.items() if trial.status != "running"}

    after = run.go()

    assert {trial.status for trial in after.trials.values()} <= {"complete", "paused"}
    assert {number: after.trials[number] for number in finished} == finished
    assert len(after.stage("explore")) == 12
    seeds = [(trial.candidate, trial.seed) for trial in after.stage("confirm")]
    assert len(seeds) == len(set(seeds)) == 9


def test_a_resumed_study_keeps_its_rungs(simulation):
    run = simulation(trials=30)
    with pytest.raises(Killed):
        run.go(die_after=60)
    rungs = {}

    def spy(task, epoch):
        rungs.setdefault(task.number, epoch)
        return accuracy(task, epoch)

    study = run.go(curve=spy)
    first = {trial.number: trial.best(1)["accuracy"] for trial in study.stage("explore")}
    stopped_at_once = [n for n, trial in study.trials.items() if trial.stage == "explore" and trial.epochs == 1]
    survivors = [n for n in first if n not in stopped_at_once]
    assert len(survivors) < 20  # about a third of 30 and those that came early; all of them without rungs
    assert max(first[n] for n in stopped_at_once) < max(first[n] for n in survivors)


def test_a_finished_study_can_be_extended(simulation):
    run = simulation()
    before = run.go()
    again = run.go()
    assert again.trials == before.trials

    after = run.go(trials=20, seeds=4)

    assert len(after.stage("explore")) == 20
    assert {number: after.trials[number] for number in before.trials} == before.trials
    assert all(len(trials) >= 4 for name, trials in after.confirmed().items() if name == "cnn2")


def test_a_trial_that_is_not_a_number_fails_at_once_and_the_search_goes_on(simulation):
    def curve(task, epoch):
        sound = accuracy(task, epoch)
        return {"metrics": {**sound["metrics"], "loss": math.nan}, "best": {}} if task.number == 3 else sound

    study = simulation().go(curve=curve)
    broken = study.trials[3]
    assert (broken.status, broken.reason, broken.epochs, broken.values) == ("failed", "nan", 1, None)
    assert len(study.stage("explore")) == 12 and study.confirmed()


def test_a_trial_out_of_memory_fails_and_the_search_goes_on(simulation):
    def curve(task, epoch):
        return {"failed": "out of memory"} if task.number == 2 else accuracy(task, epoch)

    study = simulation().go(curve=curve)
    assert (study.trials[2].status, study.trials[2].reason) == ("failed", "out of memory")
    assert study.confirmed()


def test_a_study_in_which_everything_fails_ends(simulation):
    study = simulation().go(curve=lambda task, epoch: {"failed": "error: no"})
    assert {trial.status for trial in study.trials.values()} == {"failed"}
    assert study.confirmed() == {}


def test_when_the_time_is_up_exploring_stops_and_confirming_goes_on(simulation):
    now = [1000.0]

    def clock():
        now[0] += 1.0
        return now[0]

    study = simulation(trials=10_000, time=150.0).go(clock=clock)
    explored = study.stage("explore")
    assert 3 < len(explored) < 200
    assert any(trial.reason == "time" and trial.status == "stopped" for trial in explored)
    assert len(study.confirmed()) == 3


def test_reports_that_come_again_after_a_lost_worker_count_once(simulation):
    seen = {}

    def curve(task, epoch):  # trial 1 falls back to its first epoch once, as a restarted worker does
        if task.number == 1 and epoch == 2 and not seen:
            seen["again"] = True
            return {**accuracy(task, 1), "epoch": 1}
        return accuracy(task, epoch)

    study = simulation().go(curve=curve)
    epochs = [epoch for epoch, _ in study.trials[1].reports]
    assert seen and epochs == sorted(set(epochs))


def test_two_objectives_confirm_the_front(simulation):
    study = simulation(objectives=("accuracy", "parameters")).go()
    on_front = finalists(study, 2)
    assert {trial.number for trial in on_front} <= set(study.confirmed())
    assert all(trial.values[1] == trial.parameters for trial in on_front)


def at_once(task, epoch):
    """Forests are done after their one epoch, as their trials report."""
    value = 0.5 + (zlib.crc32(repr(task.network).encode()) % 400) / 1000
    metrics = {"accuracy": value, "loss": 2 - value, "train_loss": 0.0}
    return {"metrics": metrics} if task.network.by_steps else {"metrics": metrics, "done": True}


def test_what_is_fitted_at_once_is_complete_after_its_one_epoch_and_confirmed(simulation):
    study = simulation(space="forest", grace=1).go(curve=at_once)
    trials = study.stage("explore")
    assert {(trial.status, trial.epochs, trial.reason) for trial in trials} == {("complete", 1, "")}
    best = max(trial.metrics["accuracy"] for trial in trials)
    assert best in [study.trials[number].metrics["accuracy"] for number in study.confirmed() if number != "cnn2"]
    assert {trial.flat["learning_rate"] for trial in trials} == {3e-4}, "no step is made, so none is searched"


def test_a_finished_fit_stops_no_network_after_its_first_epoch_also_when_resumed(simulation):
    at_once_families = {name for name, family in FAMILIES.items() if not family.by_steps}
    make = {"space": "any", "grace": 1, "max_macs": 5_000_000, "trials": 14, "baseline": ("none",)}
    study = simulation(**make).go(workers=1, curve=at_once)
    assert {trial.status for trial in study.stage("explore") if trial.flat["family"] in at_once_families} == {
        "complete"
    }
    journal = Journal(study.folder)
    try:
        options = Options(name=study.folder.name, studies=str(study.folder.parent), epochs=9, **make)
        director = Director(Agenda.of(options, options, study, sizes=SIZES), study, journal, progress=Silent())
    finally:
        journal.close()
    fitted = [trial.best()["accuracy"] for trial in study.stage("explore") if trial.flat["family"] in at_once_families]
    others = [trial for trial in study.stage("explore") if trial.flat["family"] not in at_once_families]
    assert fitted
    assert len(director._judge._halving.rungs[1]) == len(others)


def test_a_study_whose_objective_has_no_value_ends_and_is_resumed(simulation):
    """The AUC of a split where no label is both present and absent: every trial counts as without a value."""

    def without(task, epoch):
        return {"metrics": {"accuracy": math.nan, "loss": 1.0 / epoch, "train_loss": 1.0}}

    made = simulation()
    made.go(curve=without)
    study = made.go(curve=without, trials=14)
    assert study.begun["explore"] == 14
    assert {trial.status for trial in study.trials.values()} == {"failed"}
    assert finalists(study, 3) == []


def test_a_study_with_some_values_missing_goes_on(simulation):
    """Trials of an earlier version may be complete without a value."""
    made = simulation()
    made.go()
    lines = [json.loads(line) for line in (made.folder / JOURNAL).read_text().splitlines()]
    for line in lines:
        if line["event"] in ("report", "end") and line["trial"] % 2:
            line["metrics"]["accuracy"] = None
            line["values"] = [None]
    (made.folder / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in lines))
    study = made.go(trials=20)
    assert study.begun["explore"] == 20


@pytest.mark.parametrize("die_after", [1, 2, 3, 9])
def test_simple_methods_are_measured_once_also_when_the_driver_is_killed_among_them(simulation, die_after):
    run = simulation(baseline=("simple",), max_macs=None)
    with pytest.raises(Killed):
        run.go(die_after=die_after, curve=at_once)
    study = run.go(curve=at_once)
    measured = study.stage("simple")
    assert [trial.label for trial in measured] == list(SIMPLE)
    assert {trial.status for trial in measured} == {"complete"}
    assert len(study.stage("explore")) == 12
    assert [len(trials) for key, trials in study.confirmed().items() if isinstance(key, str)] == [3]


def test_a_larger_total_time_goes_on_with_the_rounds_that_were_cut_off(simulation):
    def clock():
        now[0] += 0.1
        return now[0]

    now = [0.0]
    run = simulation(baseline=("cnn2", "simple"), max_macs=None)
    cut = run.go(clock=clock, total_time=40.0)
    seeds = {len(trials) for trials in cut.confirmed().values()}
    assert len(seeds) == 1 and seeds < {1, 2, 3, 4} and max(seeds) < 3
    before = {number: trial for number, trial in cut.trials.items() if trial.status == "complete"}
    after = run.go(clock=clock, total_time=4000.0)
    assert {len(trials) for trials in after.confirmed().values()} == {3}
    assert {number: after.trials[number] for number in before} == before


def folded(value, late=math.inf):
    """Messages of trials that validate on three folds of three epochs: what the later ones report is ``late``."""

    def curve(task, epoch):
        if len(task.turn) < 2:
            return {"done": epoch == 3, **accuracy(task, epoch)}
        fold, number = divmod(epoch - 1, 3)
        first = {"accuracy": value, "loss": 1.0, "train_loss": 1.0}
        metrics = first if fold == 0 else {**first, "accuracy": 0.1, "loss": min(late, 9.0)}
        done = epoch == 9
        best = {**first, "accuracy": 0.5} if done else first
        return {"epoch": 3 if fold else number + 1, "fold": fold, "metrics": metrics, "best": best, "done": done}

    return curve


def test_a_trial_of_folds_ends_with_their_mean_and_reports_the_first_alone(simulation):
    study = simulation(folds=3, trials=1, epochs=3, baseline=("none",)).go(curve=folded(0.8))
    (trial,) = study.stage("explore")
    assert (trial.status, trial.metrics["accuracy"], trial.values) == ("complete", 0.5, [0.5])
    assert [epoch for epoch, _ in trial.reports] == [1, 2, 3]
    assert {row["accuracy"] for _, row in trial.reports} == {0.8}
    assert trial.trainings == 3
    ((candidate, trials),) = study.confirmed().items()
    assert candidate == trial.number and [one.turn for one in trials] == [(0,), (1,), (2,)]


def test_the_end_of_the_time_stops_it_within_a_later_fold_and_leaves_the_values_of_the_first(simulation):
    now, curve = [0.0], folded(0.8)

    def passing(task, epoch):
        now[0] += 1.0
        return curve(task, epoch)

    study = simulation(folds=3, trials=1, epochs=3, baseline=("none",), time=5.0).go(
        curve=passing, clock=lambda: now[0]
    )
    (trial,) = study.stage("explore")
    assert (trial.status, trial.reason, trial.metrics["accuracy"]) == ("stopped", "time", 0.8)
    assert (trial.epochs, trial.trainings) == (3, 1)


def test_a_later_fold_that_diverges_fails_the_trial(simulation):
    curve = folded(0.8)

    def diverging(task, epoch):
        message = curve(task, epoch)
        if message.get("fold") == 1:
            message["metrics"] = {**message["metrics"], "loss": math.nan}
        return message

    study = simulation(folds=3, trials=1, epochs=3, baseline=("none",)).go(curve=diverging)
    assert [(one.status, one.reason) for one in study.stage("explore")] == [("failed", "nan")]
