"""Searches to compare, each a plan that ``search/planning/simulate.py`` can run: our study's own director, and others.

All propose from the same space within the same limit, with the same rungs, those of our default, and each may be given
a head start: networks that it tries first, and learns from as it learns from its own proposals. A proposal beyond the
limit costs nothing. It is drawn anew within its family, as ours is, by the model and then at random: for Optuna it
failed, and the next trial is enqueued with that family, so that limits which few of its networks keep do not make it
rare.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import optuna
from curves import EPOCHS, Pair, built, drawn
from quick import Quick
from starts import Problem, Start, options, projected
from surrogate import Surrogate

from spectune.search.planning.simulate import Clock, Curve, director
from spectune.search.records.options import Options
from spectune.search.records.task import Task
from spectune.search.strategy.agenda import Agenda
from spectune.search.strategy.director import Director
from spectune.search.strategy.sampler import STUBBORN
from spectune.search.strategy.sampler import _chooser as chooser
from spectune.spaces import Published, Sizes
from spectune.spaces.space import FAMILY

GRACE, ETA = Options(name="s", epochs=EPOCHS).first_rung, Options.eta
POOL = 1000  # random configs of a family that all random searches draw from


@functools.cache
def pool(name: str, points: int, classes: int, family: str, number: int) -> Pair:
    """One of POOL random configs of a family for a problem: drawing one within the limits takes milliseconds."""
    chance = random.Random(f"{name} {family} {number}")
    while True:
        if found := drawn(chance, points, classes, family):
            return found


class Rival:
    """A search that draws at random and trains everything to the end; the others change one thing or two."""

    done = False

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        self.problem, self.seed, self.start, self.count = problem, seed, start, 0
        self.chance = random.Random(f"rival {seed}")

    def next(self) -> Task | None:
        number, self.count = self.count, self.count + 1
        pair = self.begin(number) if number < len(self.start) else self.propose(number)
        return self.task(number, pair)

    def task(self, number: int, pair: Pair) -> Task:
        network, training = pair
        return Task(number=number, stage="explore", network=network, training=training, seed=self.seed)

    def begin(self, number: int) -> Pair:
        """A network of the head start."""
        return self.start[number]

    def propose(self, number: int) -> Pair:
        """A network after it, as trial ``number``."""
        return self.random(self.chance.choice(self.problem.fitting))

    def random(self, family: str) -> Pair:
        one = self.problem
        return pool(one.name, one.points, one.classes, family, self.chance.randrange(POOL))

    def alongside(self, task: Task) -> Sequence[Task]:
        return ()

    def report(self, number: int, message: dict[str, Any]) -> bool:
        return True

    def end(self, number: int, failure: str = "") -> None: ...

    def spare(self) -> Sequence[int]:
        return ()

    def look_up(self, task: Task) -> Curve:
        """What its training gives, where there is a table of it."""
        assert isinstance(self.problem, Surrogate)
        return self.problem.look_up(task, self.seed)

    def built(self, choose: Any) -> Pair | None:
        """The config that ``choose`` makes; None where it is refused or beyond the limits."""
        return built(choose, self.problem.points, self.problem.classes)


class Going(Rival):
    """Trains some configs in parts: what is asked for again under its number goes on from where it was."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        self.trained: dict[int, int] = {}  # trial -> its epochs so far

    def look_up(self, task: Task) -> Curve:
        """What is left of the training."""
        whole, done = super().look_up(task), self.trained.get(task.number, 0)
        before = whole.seconds[done - 1] if done else 0.0
        return Curve(whole.metrics[done:], [end - before for end in whole.seconds[done:]])


class Alone(Rival):
    """The head start in full, and nothing else."""

    @property
    def done(self) -> bool:  # type: ignore[override]
        return self.count >= len(self.start)

    def next(self) -> Task | None:
        return None if self.done else super().next()


class OneEpoch(Going):
    """One epoch of all, then the best in full: of every EPOCHS random configs that had one epoch, one goes on."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        self.values: dict[int, float] = {}  # of those that wait, after their epoch
        self.tasks: dict[int, Task] = {}
        self.due = 0  # epochs that were spent on first ones, less those of a whole training

    def next(self) -> Task | None:
        if self.due >= EPOCHS and self.values:
            best = max(self.values, key=self.values.__getitem__)
            self.due -= EPOCHS
            del self.values[best]
            return self.tasks.pop(best)
        task = super().next()
        assert task is not None
        self.due += 1
        self.tasks[task.number] = task
        return task

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if self.trained.get(number):
            return True
        self.trained[number] = 1
        if message["done"]:
            return True
        self.values[number] = message["metrics"]["accuracy"]
        return False


class ASHA(Rival):
    """Random search with Ray Tune's ASHA, the real class, called as its scheduler calls it."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        self.bracket = importlib.import_module("ray.tune.schedulers.async_hyperband")._Bracket(GRACE, EPOCHS, ETA, 0)

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if message["done"]:
            return True
        trial = type("Trial", (), {"trial_id": f"t{number}"})
        return bool(self.bracket.on_result(trial, message["epoch"], message["metrics"]["accuracy"]) != "STOP")


def anew(rival: Rival, study: optuna.Study, asked: optuna.trial.Trial, refused: int) -> None:
    """The trial was beyond the limits: the next one is to be of its family, a random one after STUBBORN of them."""
    study.tell(asked, state=optuna.trial.TrialState.FAIL)
    family = asked.params[FAMILY]
    study.enqueue_trial({FAMILY: family} if refused < STUBBORN else projected(rival.random(family)))


class TPE(Rival):
    """Optuna's TPE with its own successive halving, by ask and tell."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=GRACE, reduction_factor=ETA)
        self.sampler = self.sampled(seed)
        self.study = optuna.create_study(direction="maximize", sampler=self.sampler, pruner=pruner)
        for pair in start:
            self.study.enqueue_trial(projected(pair))
        self.asked: dict[int, optuna.trial.Trial] = {}

    def sampled(self, seed: int) -> optuna.samplers.BaseSampler:
        return Quick(seed=seed)

    def begin(self, number: int) -> Pair:
        self.asked[number] = asked = self.study.ask()
        self.built(chooser(asked))
        return self.start[number]

    def propose(self, number: int) -> Pair:
        if isinstance(self.sampler, Quick):
            self.sampler.changed()
        for refused in itertools.count(1):
            self.asked[number] = asked = self.study.ask()
            if found := self.built(chooser(asked)):
                return found
            anew(self, self.study, asked, refused)
        raise AssertionError

    def report(self, number: int, message: dict[str, Any]) -> bool:
        asked, value = self.asked[number], message["metrics"]["accuracy"]
        asked.report(value, message["epoch"])
        if message["done"]:
            self.study.tell(asked, value)
        elif asked.should_prune():
            self.study.tell(asked, state=optuna.trial.TrialState.PRUNED)
        else:
            return True
        return False


class GP(TPE):
    """The same with Optuna's Gaussian process, which models what all proposals have in common."""

    def sampled(self, seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.GPSampler(seed=seed)


class TuneOptuna(ASHA):
    """Ray Tune's own OptunaSearch and ASHA, the real classes, called as Tune's controller calls them."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        tune = importlib.import_module("ray.tune.search.optuna")
        self.found: Pair | None = None
        self.sampler = Quick(seed=seed)
        self.search = tune.OptunaSearch(
            space=self._define,
            metric="accuracy",
            mode="max",
            sampler=self.sampler,
            points_to_evaluate=[projected(pair) for pair in start] or None,
        )
        self.ids: dict[int, str] = {}
        self.last: dict[int, dict[str, Any]] = {}
        self.asks = 0

    def _define(self, trial: Any) -> None:
        self.found = self.built(chooser(trial))

    def begin(self, number: int) -> Pair:
        self._suggest(number)
        return self.start[number]

    def propose(self, number: int) -> Pair:
        self.sampler.changed()
        for refused in itertools.count(1):
            self._suggest(number)
            if self.found is not None:
                return self.found
            anew(self, self.search._ot_study, self.search._ot_trials[self.ids[number]], refused)
        raise AssertionError

    def _suggest(self, number: int) -> None:
        self.ids[number] = f"t{self.asks}"
        self.asks += 1
        self.search.suggest(self.ids[number])

    def report(self, number: int, message: dict[str, Any]) -> bool:
        self.last[number] = result = {
            "accuracy": message["metrics"]["accuracy"],
            "training_iteration": message["epoch"],
        }
        go_on = super().report(number, message)
        if go_on and not message["done"]:
            self.search.on_trial_result(self.ids[number], result)
        return go_on

    def end(self, number: int, failure: str = "") -> None:
        self.search.on_trial_complete(self.ids[number], self.last.pop(number))


class Headed(Agenda):
    """An agenda with a head start of its own, treated as the known networks are."""

    start: Start = ()

    def _starts(self) -> Iterator[Task]:
        tried = {trial.label for trial in self.study.stage("explore")}
        for place, pair in enumerate(self.start):
            if (label := f"start {place}") not in tried and self._exploring():
                yield self._named(label, Published(*pair, source="a head start"), stage="explore")


def ours(problem: Problem, seed: int, start: Start = (), **changes: Any) -> Director:
    """The director of ``spectune search`` with its default options, or some of them changed."""
    sizes = Sizes(problem.points, problem.classes, spectra=problem.spectra)
    if "catalogue" in changes:
        return director(options(seed, **changes), Clock(), sizes)
    kind = type("Given", (Headed,), {"start": start})
    return director(options(seed, prior="none", **changes), Clock(), sizes, kind=kind)
