"""Searches of other libraries, on the same footing as those of ``rivals.py``. Each needs its library installed."""

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
from curves import EPOCHS, SPACE
from rivals import ETA, GRACE, WORST, Rival
from surrogate import Surrogate

from spectune.search.planning.simulate import Curve
from spectune.search.records.task import Task
from spectune.spaces import Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice, Float, Int

SCRATCH = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # goes at the end


class SyneTune(Rival):
    """Syne Tune's ASHA with conformalised quantile regression, its own scheduler."""

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(surrogate, seed)
        baselines, space = _need("syne_tune.optimizer.baselines"), _need("syne_tune.config_space")
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
        )
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
    """DEHB's asynchronous ask and tell; a config that is promoted is trained anew, as in its examples."""

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(surrogate, seed)
        spaces, dehb = _need("ConfigSpace"), _need("dehb")
        whole = spaces.ConfigurationSpace(seed=seed)
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


class NePS(Rival):
    """NePS' PriorBand, its default, with our defaults as its prior. A config that is promoted goes on."""

    def __init__(self, surrogate: Surrogate, seed: int) -> None:
        super().__init__(surrogate, seed)
        neps = _need("neps")
        logging.getLogger("neps").setLevel(logging.ERROR)
        random.seed(seed)  # it takes no seed, but draws from the global generators
        np.random.seed(seed)
        torch.manual_seed(seed)
        space = {name: _neps(neps, domain, default) for name, (domain, default) in searched().items()}
        space["epochs"] = neps.IntegerFidelity(GRACE, EPOCHS)
        whole = type("Whole", (neps.PipelineSpace,), space)()
        self.search = neps.AskAndTell(neps.algorithms.neps_priorband(whole, eta=ETA))
        self.jobs: dict[int, Any] = {}  # config -> what is trained of it
        self.trained: dict[int, int] = {}  # config -> its epochs so far

    def next(self) -> Task:
        while True:
            job = self.search.ask()
            inside = [(name, value) for name, value in job.config.items() if "." in name]
            values = {name.partition(".")[2].partition("::")[0]: value for name, value in inside}
            if found := self.built(_taken(values, _option)):
                number = int(job.metadata.id.partition("_")[0])
                self.jobs[number] = job
                return Task(number=number, stage="explore", network=found[0], training=found[1], seed=self.seed)
            self.search.tell(job, ValueError("beyond the limits"))

    def look_up(self, task: Task) -> Curve:
        """What is left of the training."""
        whole, done = super().look_up(task), self.trained.get(task.number, 0)
        before = whole.seconds[done - 1] if done else 0.0
        return Curve(whole.metrics[done:], [end - before for end in whole.seconds[done:]])

    def report(self, number: int, message: dict[str, Any]) -> bool:
        job, done = self.jobs[number], self.trained.get(number, 0) + message["epoch"]
        if done < job.config["ENVIRONMENT__epochs"]:
            return True
        self.trained[number] = done
        self.search.tell(job, 1 - message["metrics"]["accuracy"])
        return False


def searched() -> dict[str, tuple[Any, Any]]:
    """Domain and default of every searched hyperparameter; conditions are left to ``built``."""
    own = [(name, hp) for name, _, hp in SPACE.hyperparameters()]
    both = [*own, *((hp.name, hp) for hp in hyperparameters(Training))]
    return {name: (hp.domain, hp.default) for name, hp in both if hp.search}


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
