"""Searches of other libraries, on the same footing as those of ``rivals.py``. Each needs its library installed.

    pip install smac==2.4.1 neural-pipeline-search==0.17.0 syne-tune==0.16.0 huggingface_hub xgboost
    pip install dehb==0.1.2 "numpy<2"   # in an environment of its own

A proposal beyond the limits costs nothing: they are told the worst value for it, so that their models learn the limits.
"""

from __future__ import annotations

import importlib
import logging
import random
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from curves import EPOCHS, SPACE, Pair
from rivals import ETA, GRACE, Going, Rival
from starts import Problem, Start, projected, searched

from spectune.search.records.task import Task
from spectune.spaces import Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Is
from spectune.spaces.space import FAMILY

WORST = 0.0  # what is told of a proposal beyond the limits
SCRATCH = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # goes at the end


class SyneTune(Rival):
    """Syne Tune's ASHA with conformalised quantile regression, its own scheduler."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        baselines, space = _need("syne_tune.optimizer.baselines"), _need("syne_tune.config_space")
        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        self.trial = _need("syne_tune.backend.trial_status").Trial
        domains = {name: _syne(space, domain) for name, (domain, _) in searched().items()}
        self.scheduler = baselines.ASHACQR(
            domains,
            metric="accuracy",
            time_attr="epoch",
            max_t=EPOCHS,
            do_minimize=False,
            random_seed=seed,
            grace_period=GRACE,
            reduction_factor=ETA,
            points_to_evaluate=[_texts(_flat(pair)) for pair in start] or None,
        )
        self.trials: dict[int, Any] = {}
        self.asks = 0

    def begin(self, number: int) -> Pair:
        self._suggest(number)
        return self.start[number]

    def propose(self, number: int) -> Pair:
        while True:
            if found := self.built(_taken(self._suggest(number))):
                return found
            refused = self.trials.pop(number)
            self.scheduler.on_trial_complete(refused, {"accuracy": WORST, "epoch": GRACE})

    def _suggest(self, number: int) -> dict[str, Any]:
        values: dict[str, Any] = self.scheduler.suggest().config
        self.trials[number] = self.trial(self.asks, values, None)
        self.scheduler.on_trial_add(self.trials[number])
        self.asks += 1
        return values

    def report(self, number: int, message: dict[str, Any]) -> bool:
        result = {"accuracy": message["metrics"]["accuracy"], "epoch": message["epoch"]}
        if message["done"]:
            self.scheduler.on_trial_complete(self.trials[number], result)
            return False
        return bool(self.scheduler.on_trial_result(self.trials[number], result) == "CONTINUE")


class DEHB(Rival):
    """DEHB's asynchronous ask and tell; a config that is promoted is trained anew, as in its examples. The head start
    takes the place of its first proposals."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        self.spaces, dehb = _need("ConfigSpace"), _need("dehb")
        self.whole = whole = self.spaces.ConfigurationSpace(seed=seed)
        spaces = self.spaces
        whole.add([_config_space(spaces, name, domain) for name, (domain, _) in searched().items()])
        self.search = dehb.DEHB(
            cs=whole,
            min_fidelity=GRACE,
            max_fidelity=EPOCHS,
            eta=ETA,
            n_workers=1,
            seed=seed,
            save_freq="end",
            output_path=tempfile.mkdtemp(dir=SCRATCH.name),
            log_level="ERROR",
        )
        self.jobs: dict[int, Any] = {}
        self.networks: dict[int, Pair] = {}  # config of DEHB -> the network of the head start that it stands for

    def begin(self, number: int) -> Pair:
        self.jobs[number] = job = self.search.ask()
        job["config"] = config = self.spaces.Configuration(self.whole, values=_texts(_flat(self.start[number])))
        vector = self.search.de[job["fidelity"]].configspace_to_vector(config)
        self.search.config_repository.configs[job["config_id"]].config = vector
        self.networks[job["config_id"]] = self.start[number]
        return self.start[number]

    def propose(self, number: int) -> Pair:
        while True:
            self.jobs[number] = job = self.search.ask()
            if job["config_id"] in self.networks:  # promoted
                return self.networks[job["config_id"]]
            values = dict(job["config"])
            if found := self.built(_taken(values)):
                return found
            self.search.tell(job, {"fitness": 1 - WORST, "cost": 0.0})

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if message["epoch"] < round(self.jobs[number]["fidelity"]) and not message["done"]:
            return True
        self.search.tell(self.jobs[number], {"fitness": 1 - message["metrics"]["accuracy"], "cost": message["epoch"]})
        return False


class NePS(Going):
    """NePS' PriorBand, its default. Its prior are our defaults, or the best of the head start, which is trained before
    it begins. A config that is promoted goes on."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        self.neps = _need("neps")
        logging.getLogger("neps").setLevel(logging.ERROR)
        random.seed(seed)  # it takes no seed, but draws from the global generators
        np.random.seed(seed)
        torch.manual_seed(seed)
        self.search: Any = None if start else self._begun({})
        self.jobs: dict[int, Any] = {}  # config -> what is trained of it
        self.values: dict[int, float] = {}  # of the head start

    def _begun(self, prior: dict[str, Any]) -> Any:
        """Its search, around some values and our defaults of the others."""
        found = searched().items()
        space = {name: _neps(self.neps, domain, prior.get(name, default)) for name, (domain, default) in found}
        space["epochs"] = self.neps.IntegerFidelity(GRACE, EPOCHS)
        whole = type("Whole", (self.neps.PipelineSpace,), space)()
        return self.neps.AskAndTell(self.neps.algorithms.neps_priorband(whole, eta=ETA))

    def next(self) -> Task | None:
        if self.count < len(self.start):
            return super().next()
        if self.search is None:
            if len(self.values) < len(self.start):
                return None
            self.search = self._begun(_flat(self.start[max(self.values, key=self.values.__getitem__)]))
        while True:
            job = self.search.ask()
            inside = [(name, value) for name, value in job.config.items() if "." in name]
            values = {name.partition(".")[2].partition("::")[0]: value for name, value in inside}
            if found := self.built(_taken(values, _option)):
                number = len(self.start) + int(job.metadata.id.partition("_")[0])
                self.jobs[number] = job
                return self.task(number, found)
            self.search.tell(job, ValueError("beyond the limits"))

    def report(self, number: int, message: dict[str, Any]) -> bool:
        if number < len(self.start):
            if message["done"]:
                self.values[number] = message["metrics"]["accuracy"]
            return True
        job, done = self.jobs[number], self.trained.get(number, 0) + message["epoch"]
        if done < job.config["ENVIRONMENT__epochs"] and not message["done"]:
            return True
        self.trained[number] = done
        self.search.tell(job, 1 - message["metrics"]["accuracy"])
        return False


class SMAC(Going):
    """SMAC3's multi-fidelity facade, Hyperband over a random forest, by ask and tell on a space with conditions. It is
    told of the head start, which is trained before it begins. A config that is promoted goes on."""

    def __init__(self, problem: Problem, seed: int, start: Start = ()) -> None:
        super().__init__(problem, seed, start)
        self.smac, self.spaces = _need("smac"), _need("ConfigSpace")
        self.history = _need("smac.runhistory.dataclasses")
        self.whole = _conditional(self.spaces, seed)
        scenario = self.smac.Scenario(
            self.whole,
            deterministic=True,
            n_trials=2000,
            min_budget=GRACE,
            max_budget=EPOCHS,
            seed=seed,
            output_directory=Path(tempfile.mkdtemp(dir=SCRATCH.name)),
        )
        facade = self.smac.MultiFidelityFacade
        self.search = facade(
            scenario, _untrained, intensifier=facade.get_intensifier(scenario, eta=ETA), logging_level=False
        )
        self.infos: dict[int, Any] = {}
        self.numbers: dict[Any, int] = {}  # SMAC's config -> its trial

    def next(self) -> Task | None:
        if self.count < len(self.start):
            return super().next()
        while True:
            info = self.search.ask()
            if found := self.built(_taken(dict(info.config))):
                number = self.numbers.setdefault(info.config, len(self.start) + len(self.numbers))
                self.infos[number] = info
                return self.task(number, found)
            self._tell(info, WORST)

    def report(self, number: int, message: dict[str, Any]) -> bool:
        info = self.infos.get(number)
        if info is None:
            if message["done"]:
                config = self.spaces.Configuration(self.whole, values=_texts(projected(self.start[number])))
                known = self.history.TrialInfo(config, seed=0, budget=float(EPOCHS))
                self._tell(known, message["metrics"]["accuracy"])
            return True
        done = self.trained.get(number, 0) + message["epoch"]
        if done < round(info.budget) and not message["done"]:
            return True
        self.trained[number] = done
        self._tell(info, message["metrics"]["accuracy"])
        return False

    def _tell(self, info: Any, value: float) -> None:
        self.search.tell(info, self.history.TrialValue(cost=1 - value), save=False)


def _untrained(config: Any, seed: int, budget: float) -> float:
    raise AssertionError("trials are asked for and told")


def _conditional(spaces: Any, seed: int) -> Any:
    """The space with its conditions, so that a model knows what a config does not have."""
    whole = spaces.ConfigurationSpace(seed=seed)
    found = {name: _config_space(spaces, name, domain) for name, (domain, _) in searched().items()}
    whole.add(list(found.values()))
    for name, family, hp in SPACE.hyperparameters():
        if name in found and family is not None:
            prefix = name.removesuffix(hp.name)
            parts = [spaces.EqualsCondition(found[name], found[FAMILY], family.family)]
            for one in hp.when.parts if isinstance(hp.when, All) else [hp.when]:
                parts += _condition(spaces, found[name], found.get(f"{prefix}{getattr(one, 'field', '')}"), one)
            whole.add(spaces.AndConjunction(*parts) if len(parts) > 1 else parts[0])
    training = {hp.name: hp for hp in hyperparameters(Training)}
    for name in training.keys() & found.keys():
        parts = _condition(
            spaces, found[name], found.get(getattr(training[name].when, "field", "")), training[name].when
        )
        whole.add(parts)
    return whole


def _condition(spaces: Any, child: Any, parent: Any, condition: Any) -> list[Any]:
    """A condition in ConfigSpace's words; none where it holds for all that is searched."""
    match condition:
        case Is() if parent is not None:
            return [spaces.InCondition(child, parent, [str(value) for value in condition.values])]
        case AtLeast() if parent is not None:
            return [spaces.GreaterThanCondition(child, parent, int(condition.low) - 1)]
        case _:
            return []


def _flat(pair: Pair) -> dict[str, Any]:
    """A config as a space without conditions has it: defaults where it has no value."""
    return {**{name: default for name, (_, default) in searched().items()}, **projected(pair)}


def _texts(values: dict[str, Any]) -> dict[str, Any]:
    """With options as text."""
    return {name: str(one) if isinstance(searched()[name][0], Choice) else one for name, one in values.items()}


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


def _taken(values: dict[str, Any], typed: Callable[[Any, Any], Any] = _typed) -> Callable[[str, Any], Any]:
    return lambda name, domain: typed(domain, values[name])


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


def _neps(neps: Any, domain: Any, default: Any) -> Any:
    prior = {"prior_confidence": "medium"}
    match domain:
        case Choice():
            options = [str(option) for option in domain.options]
            return neps.Categorical(options, prior=options.index(str(default)), **prior)
        case Int() if domain.step != 1:
            steps = range(domain.low, domain.high + 1, domain.step)
            return neps.Categorical(list(map(str, steps)), prior=steps.index(default), **prior)
        case Int():
            return neps.Integer(domain.low, domain.high, log=domain.log, prior=default, **prior)
        case Float():
            return neps.Float(domain.low, domain.high, log=domain.log, prior=default, **prior)


def _option(domain: Any, value: Any) -> Any:
    """NePS's value in the domain's own type: of options it gives the place."""
    match domain:
        case Choice():
            return domain.options[value]
        case Int() if domain.step != 1:
            return range(domain.low, domain.high + 1, domain.step)[value]
        case _:
            return _typed(domain, value)
