"""Searches to compare, each a plan that ``search/simulate.py`` can run: our study's own director, and others.

All propose from the same space within the same limit. A proposal beyond it costs nothing: ours asks for another, the
others are told the worst value for it, so that their models learn the limit. All
stop or end trials at the same rungs, those of our default. None but ours starts from one trial of each family and from
known networks; ``ours, cold`` does not, either.
"""

from __future__ import annotations

import importlib
import random
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from curves import EPOCHS, LIMIT, SPACE, built, draw
from quick import Quick
from surrogate import Surrogate

from spectune.search.options import Options
from spectune.search.sampler import _chooser as chooser
from spectune.search.simulate import Clock, director
from spectune.search.study import Director
from spectune.search.task import Task
from spectune.spaces import SPACES, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice, Float, Int

GRACE, ETA = Options(name="s", epochs=EPOCHS).first_rung, Options.eta
SCRATCH = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # goes at the end
WORST = 0.0  # what is told of a proposal beyond the limit
SPACES[SPACE.name] = SPACE  # as a user's own space is made known


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


class SyneTune(Rival):
    """Syne Tune's ASHA with conformalised quantile regression, its own scheduler."""

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(surrogate, seed)
        baselines, space = _need("syne_tune.optimizer.baselines"), _need("syne_tune.config_space")
        self.trial = _need("syne_tune.backend.trial_status").Trial
        domains = {name: _syne(space, domain) for name, domain in flat().items()}
        self.scheduler = baselines.ASHACQR(
            domains, metric="accuracy", time_attr="epoch", max_t=EPOCHS, do_minimize=False, random_seed=seed,
            grace_period=GRACE, reduction_factor=ETA,
        )  # fmt: skip
        self.trials: dict[int, Any] = {}

    def propose(self, number: int) -> Any:
        while True:
            values = self.scheduler.suggest().config
            if found := self.built(_taken(values)):
                self.trials[number] = self.trial(number, values, None)
                self.scheduler.on_trial_add(self.trials[number])
                return found

    def report(self, number: int, message: dict[str, Any]) -> bool:
        result = {"accuracy": message["metrics"]["accuracy"], "epoch": message["epoch"]}
        if message["done"]:
            self.scheduler.on_trial_complete(self.trials[number], result)
            return False
        return bool(self.scheduler.on_trial_result(self.trials[number], result) == "CONTINUE")


class DEHB(Rival):
    """DEHB's asynchronous ask and tell; a config that is promoted goes on where it was."""

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(surrogate, seed)
        spaces, dehb = _need("ConfigSpace"), _need("dehb")
        whole = spaces.ConfigurationSpace(seed=seed)
        whole.add([_config_space(spaces, name, domain) for name, domain in flat().items()])
        self.search = dehb.DEHB(
            cs=whole, min_fidelity=GRACE, max_fidelity=EPOCHS, eta=ETA, n_workers=1, seed=seed, save_freq="end",
            output_path=tempfile.mkdtemp(dir=SCRATCH.name), log_level="ERROR",
        )  # fmt: skip
        self.jobs: dict[int, Any] = {}

    def propose(self, number: int) -> Any:
        while True:
            self.jobs[number] = job = self.search.ask()
            values = dict(job["config"])
            if found := self.built(_taken(values)):
                return found
            self.search.tell(job, {"fitness": 1 - WORST, "cost": 0.0})

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if message["epoch"] < round(self.jobs[number]["fidelity"]) and not message["done"]:
            return True
        self.search.tell(self.jobs[number], {"fitness": 1 - message["metrics"]["accuracy"], "cost": message["epoch"]})
        return False


def ours(surrogate: Surrogate, seed: int, *, cold: bool = False, **changes: Any) -> Director:
    """The director of ``spectune search`` with its default options, or some of them changed."""
    settings = {"space": SPACE.name, "epochs": EPOCHS, "max_macs": LIMIT, "trials": 100_000, "baseline": "none"}
    options = Options(name="s", seed=seed, **{**settings, **changes})
    folder = Path(tempfile.mkdtemp(dir=SCRATCH.name))
    sizes = {"points": surrogate.points, "classes": surrogate.classes, "several": False}
    searching = director(options, folder, Clock(), **sizes)
    if cold:
        searching._families = searching._known = lambda: iter(())  # type: ignore[method-assign]
    return searching


RIVALS: dict[str, Callable[[Surrogate, int], Any]] = {
    "random": Rival,
    "random + ASHA": ASHA,
    "random + ASHA from a ninth on": lambda surrogate, seed: ASHA(surrogate, seed, grace=EPOCHS // 9),
    "TPE": PlainTPE,
    "Tune's OptunaSearch + ASHA": TuneOptuna,
    "Syne Tune ASHA-CQR": SyneTune,
    "DEHB": DEHB,
    "ours": ours,
    "ours, random": lambda surrogate, seed: ours(surrogate, seed, sampler="random"),
    "ours, cold": lambda surrogate, seed: ours(surrogate, seed, cold=True),
}


def flat() -> dict[str, Any]:
    """The domain of every searched hyperparameter; conditions are left to ``built``."""
    own = {name: hp.domain for name, _, hp in SPACE.hyperparameters() if hp.search}
    return {**own, **{hp.name: hp.domain for hp in hyperparameters(Training) if hp.search}}


def _need(module: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"this search needs {module}, which is not installed ({error}): install it, or leave it out"
        ) from None


def _typed(domain: Any, value: Any) -> Any:
    """A library's value in the domain's own type: it may give numpy's numbers, and options as text."""
    match domain:
        case Choice():
            return next(option for option in domain.options if str(option) == str(value))
        case Int():
            return int(value)
        case Float():
            return min(max(float(value), domain.low), domain.high)


def _taken(values: dict[str, Any]) -> Callable[[str, Any], Any]:
    return lambda name, domain: _typed(domain, values[name])


def _syne(space: Any, domain: Any) -> Any:
    match domain:
        case Choice():
            return space.choice([str(option) for option in domain.options])
        case Int() if domain.step != 1:
            return space.finrange(domain.low, domain.high, int(domain.size), cast_int=True)
        case Int():
            return (space.lograndint if domain.log else space.randint)(domain.low, domain.high)
        case Float():
            return (space.loguniform if domain.log else space.uniform)(domain.low, domain.high)


def _config_space(spaces: Any, name: str, domain: Any) -> Any:
    match domain:
        case Choice():
            return spaces.CategoricalHyperparameter(name, [str(option) for option in domain.options])
        case Int() if domain.step != 1:
            return spaces.OrdinalHyperparameter(name, list(range(domain.low, domain.high + 1, domain.step)))
        case Int():
            return spaces.UniformIntegerHyperparameter(name, domain.low, domain.high, log=domain.log)
        case Float():
            return spaces.UniformFloatHyperparameter(name, domain.low, domain.high, log=domain.log)
