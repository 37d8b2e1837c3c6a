"""Searches to compare, each a plan that ``search/planning/simulate.py`` can run: our study's own director, and others.

All propose from the same space within the same limit. A proposal beyond it costs nothing: ours asks for another, the
others are told the worst value for it, so that their models learn the limit. All
stop or end trials at the same rungs, those of our default. None but ours starts from one trial of each family and from
known networks; ``ours, cold`` does not, either.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from typing import Any

import optuna
from curves import EPOCHS, LIMIT, SPACE, built, draw
from quick import Quick
from surrogate import Surrogate

from spectune.search.planning.simulate import Clock, Curve, director
from spectune.search.records.options import Options
from spectune.search.records.task import Task
from spectune.search.strategy.agenda import Agenda
from spectune.search.strategy.director import Director
from spectune.search.strategy.sampler import _chooser as chooser
from spectune.spaces import STANDARD, Sizes

GRACE, ETA = Options(name="s", epochs=EPOCHS).first_rung, Options.eta
WORST = 0.0  # what is told of a proposal beyond the limit
CATALOGUE = STANDARD.with_space(SPACE.name, SPACE)


class Rival:
    """A search that draws at random and trains everything to the end; the others change one thing or two."""

    done = False

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        self.surrogate, self.seed, self.count = surrogate, seed, 0
        self.chance = random.Random(f"rival {seed}")

    def next(self) -> Task:
        network, training = self.propose(self.count)
        self.count += 1
        return Task(number=self.count - 1, stage="explore", network=network, training=training, seed=self.seed)

    def propose(self, number: int) -> Any:
        return draw(self.chance, self.surrogate.points, self.surrogate.classes, None)

    def report(self, number: int, message: dict[str, Any]) -> bool:
        return True

    def end(self, number: int, failure: str = "") -> None: ...

    def look_up(self, task: Task) -> Curve:
        """What its training gives."""
        return self.surrogate.look_up(task, self.seed)

    def built(self, choose: Any) -> Any:
        """The config that ``choose`` makes; None where it is refused or beyond the limits."""
        return built(choose, self.surrogate.points, self.surrogate.classes)


class ASHA(Rival):
    """Random search with Ray Tune's ASHA, the real class, called as its scheduler calls it."""

    def __init__(self, surrogate: Surrogate, seed: int, grace: int = GRACE) -> None:
        super().__init__(surrogate, seed)
        self.bracket = importlib.import_module("ray.tune.schedulers.async_hyperband")._Bracket(grace, EPOCHS, ETA, 0)

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if message["done"]:
            return True
        trial = type("Trial", (), {"trial_id": f"t{number}"})
        return bool(self.bracket.on_result(trial, message["epoch"], message["metrics"]["accuracy"]) != "STOP")


class PlainTPE(Rival):
    """Optuna's TPE as it comes, every trial to the end."""

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(surrogate, seed)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(direction="maximize", sampler=Quick(seed=seed))
        self.asked: dict[int, optuna.trial.Trial] = {}

    def propose(self, number: int) -> Any:
        while True:
            self.asked[number] = asked = self.study.ask()
            if found := self.built(chooser(asked)):
                return found
            self.study.tell(asked, WORST)

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if message["done"]:
            self.study.tell(self.asked.pop(number), message["metrics"]["accuracy"])
        return True


class TuneOptuna(ASHA):
    """Ray Tune's own OptunaSearch and ASHA, the real classes, called as Tune's controller calls them."""

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(surrogate, seed)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        tune = importlib.import_module("ray.tune.search.optuna")
        self.found: Any = None
        self.search = tune.OptunaSearch(space=self._define, metric="accuracy", mode="max", sampler=Quick(seed=seed))
        self.ids: dict[int, str] = {}
        self.last: dict[int, dict[str, Any]] = {}
        self.asks = 0

    def _define(self, trial: Any) -> None:
        self.found = self.built(chooser(trial))

    def propose(self, number: int) -> Any:
        while True:
            self.ids[number] = name = f"t{self.asks}"
            self.asks += 1
            self.search.suggest(name)
            if self.found is not None:
                return self.found
            self.search.on_trial_complete(name, {"accuracy": WORST})

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


class Cold(Agenda):
    """Without a head start."""

    def _starts(self) -> Iterator[Task]:
        return iter(())

    _families = _published = _starts


def ours(surrogate: Surrogate, seed: int, *, cold: bool = False, **changes: Any) -> Director:
    """The director of ``spectune search`` with its default options, or some of them changed."""
    settings = {"space": SPACE.name, "epochs": EPOCHS, "max_macs": LIMIT, "trials": 100_000, "baseline": "none"}
    options = Options(name="s", seed=seed, catalogue=CATALOGUE, **{**settings, **changes})
    sizes = Sizes(surrogate.points, surrogate.classes)
    return director(options, Clock(), sizes, kind=Cold if cold else Agenda)
