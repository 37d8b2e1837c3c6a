"""What to try next: Optuna by ask and tell. Of the search only this file and near.py know Optuna."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from spectune.search.records import Trial
from spectune.search.strategy.columns import Columns
from spectune.search.strategy.guided import Guided
from spectune.search.strategy.neighbour import Neighbour, Storage
from spectune.spaces import Network, Space, Training
from spectune.spaces.config import Choose, hyperparameters
from spectune.spaces.domain import Choice, Domain, Float, Int
from spectune.spaces.errors import InputError
from spectune.spaces.learned import Learned
from spectune.spaces.saved import configs
from spectune.spaces.space import FAMILY
from spectune.spaces.training import STEPS

CONTENT = ("params", "distributions", "intermediate_values", "user_attrs")  # of a trial in the mirror
LOCK = ".lock"  # Optuna waits for it for ever when it is left behind with a relative path
MIRROR = "optuna.journal"
STUBBORN = 20  # proposals of the sampler that may be refused in a row before random ones take over
HOPELESS = 2000  # random ones of a family that may be refused before the limits count as leaving nothing of it
STATES = {
    "complete": TrialState.COMPLETE,
    "paused": TrialState.PRUNED,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}

Allow = Callable[[Network], None]  # ValueError for a network that is not allowed

SAMPLERS: dict[str, Callable[[int, Columns, Learned | None], optuna.samplers.BaseSampler]] = {
    "forest": Guided,
    "near": lambda seed, *_: Neighbour(seed),
    "tpe": lambda seed, *_: optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=seed),
    "gp": lambda seed, *_: optuna.samplers.GPSampler(seed=seed),
    "random": lambda seed, *_: optuna.samplers.RandomSampler(seed=seed),
}


class Sampler:
    """Proposes configs of one space and learns from finished explore trials.

    The Optuna study lives in memory: asking costs 10 ms at 1000 trials instead of 20 to 140 ms, and a dead driver
    leaves no trial RUNNING. The journal of records is the truth; ``optuna.journal`` in ``folder``, if there is one,
    mirrors the finished trials for Optuna's tools.
    A paused or stopped trial is told as PRUNED with its reports, a failed one as FAIL. A paused one that goes on is
    told once more when it ends again: Optuna's study, where nothing can be changed, then has both.
    """

    def __init__(
        self,
        space: Space,
        *,
        fixed: dict[str, Any],
        vary: Collection[str] = (),
        objectives: list[tuple[str, str]],
        kind: str,
        seed: int,
        learned: Learned | None = None,
        name: str,
        folder: Path | None,
    ) -> None:
        self.space = space
        self.origin = ""  # of the newest proposal, as in ``Task``
        self._kind = kind
        self._vary = vary
        self._families = {family.family: family for family in space.families}
        training = {hp.name: hp.default for hp in hyperparameters(Training)}
        self.fixed = {name: value for name, value in fixed.items() if name not in training}
        self.fixed_training = {name: value for name, value in fixed.items() if name in training}
        self._defaults = {**{name: hp.default for name, _, hp in space.hyperparameters()}, **training}
        self.objectives = objectives
        directions: Any = ["maximize" if direction == "max" else "minimize" for _, direction in objectives]
        with _quiet():
            self._optuna = SAMPLERS[kind](seed, self._columns(), learned)
            self._study = optuna.create_study(
                storage=Storage(looked_at=kind in ("tpe", "gp")), sampler=self._optuna, directions=directions
            )
            self._mirror = None if folder is None else _Mirror(folder.absolute() / MIRROR, name, directions)
        self._asked: dict[int, optuna.trial.Trial] = {}
        self._tried: set[int] = set()  # hashes of (network, training)
        self._unfit: set[str] = set()  # families of which nothing is allowed
        self._chance = random.Random(seed + 1)

    def ask_like(self, network: Network, training: Training) -> tuple[Network, Training]:
        """A config that differs from another only in what is searched and replicas may differ in.

        A share of dropout that is 0 stays so: it is no layer.
        """
        free = {name for name, _, hp in self.space.hyperparameters() if hp.replicas and hp.search} - self.fixed.keys()
        layers = {name: value for name, value in self.space.values(network).items() if name not in free or not value}
        free = {hp.name for hp in hyperparameters(Training) if hp.replicas and hp.search} - self.fixed_training.keys()
        steps = {name: value for name, value in training.to_dict().items() if name not in free}

        def draw(choose: Choose) -> tuple[Network, Training]:
            return self.space.propose(choose, layers), Training.propose(choose, steps)

        asked = self._ask(draw, network.family)
        proposal = draw(_chooser(asked))
        self._forget(asked)  # it lacks what was not asked for; told, the trial is added whole
        self.origin = self._source()
        return proposal

    def ask(self, number: int, allowed: Allow, *, family: str | None = None) -> tuple[Network, Training]:
        """A config for trial ``number``, of one ``family`` if so said, that ``allowed(network)`` does not refuse.

        The family is chosen first, and what is refused is drawn anew within it: limits that keep few of its networks do
        not make it rare. A family of which nothing is allowed is not chosen again. ValueError where that holds for all.
        """
        only = family or self.fixed.get(FAMILY) or (self.space.families[0].family if len(self._families) == 1 else "")
        said = {**self.fixed, FAMILY: only} if only else self.fixed

        def draw(choose: Choose) -> tuple[Network, Training]:
            return self._propose(choose, said, allowed)

        asked, last = self._ask(draw, only), ""
        for name in [only] if only else self._in_turn(asked):
            fixed = {**self.fixed, FAMILY: name}
            try:
                config = self._guided(number, asked, fixed, allowed) or self._at_random(fixed, allowed)
            except InputError as refusal:
                self._unfit.add(name)
                asked, last = self._study.ask(), str(refusal)
                continue
            self._tried.add(hash(config))
            return config
        self._forget(asked)
        raise InputError(f"no config of the space {self.space.name} is allowed, the last of {HOPELESS} said: {last}")

    def _ask(self, draw: Callable[[Choose], Any], family: str) -> optuna.trial.Trial:
        """A new trial of Optuna's, whose sampler may try what ``draw`` makes of its choices, of a family if so said."""
        if isinstance(self._optuna, Guided):
            self._optuna.draw, self._optuna.family = draw, family
        return self._study.ask()

    def _in_turn(self, asked: optuna.trial.Trial) -> list[str]:
        """The family of Optuna's choice, then the others that may fit, at random."""
        chosen = _chooser(asked)(FAMILY, Choice(*self._families))
        names = [name for name in self._families if name != chosen]
        self._chance.shuffle(names)
        return [name for name in (chosen, *names) if name not in self._unfit]

    def _guided(
        self, number: int, asked: optuna.trial.Trial, fixed: dict[str, Any], allowed: Allow
    ) -> tuple[Network, Training] | None:
        """A config that Optuna's sampler proposes, first in the trial ``asked``; none is tried twice. None after
        ``STUBBORN`` that were tried or refused."""
        for _ in range(STUBBORN):
            try:
                config = self._propose(_chooser(asked), fixed, allowed)
            except ValueError:
                config = None
            if config is None or hash(config) in self._tried:
                self._forget(asked)
                asked = self._study.ask()
                continue
            if len(self._families) == 1 or FAMILY in self.fixed or FAMILY in asked.params:
                self._asked[number] = asked
            else:
                self._forget(asked)  # it lacks the choice of the family; told, the trial is added whole
            self.origin = self._source()
            return config
        self._forget(asked)
        return None

    def _source(self) -> str:
        """Who made the newest proposal of Optuna's sampler."""
        if isinstance(self._optuna, Neighbour):
            return self._optuna.origin
        return "chance" if self._kind == "random" else self._kind

    def _at_random(self, fixed: dict[str, Any], allowed: Allow) -> tuple[Network, Training]:
        """A random config. InputError, with the last reason, after ``HOPELESS`` that were refused."""
        last, self.origin = "", "chance"
        for _ in range(HOPELESS):
            try:
                return self._propose(lambda _, domain: domain.at(self._chance.random()), fixed, allowed)
            except ValueError as refusal:
                last = str(refusal)
        raise InputError(last)

    def _propose(self, choose: Choose, fixed: dict[str, Any], allowed: Allow) -> tuple[Network, Training]:
        """A config by choice; ValueError where it is refused."""
        network = self.space.propose(choose, fixed, self._vary)
        allowed(network)
        return network, Training.propose(choose, self._settled(network), self._vary)

    def tell(self, trial: Trial) -> None:
        """Learn from an explore trial that ended, asked here or in an earlier session."""
        frozen = self._frozen(trial)
        asked = self._asked.pop(trial.number, None)
        if asked is None:
            self._study.add_trial(frozen)
        else:
            for epoch, value in frozen.intermediate_values.items():
                asked.report(value, epoch)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "the value is nan" says what the record says already
                self._study.tell(asked, values=frozen.values, state=frozen.state)
        if isinstance(self._optuna, Neighbour):
            complete, losses = frozen.state == TrialState.COMPLETE, self._losses(trial)
            self._optuna.learn(trial.number, frozen.params, losses, complete=complete)
        if self._mirror is not None and trial.status != "paused":
            self._mirror.add(frozen)

    def settle(self, trials: Iterable[Trial]) -> None:
        """Mirror paused trials, too: they will not go on any more."""
        if self._mirror is not None:
            for trial in trials:
                self._mirror.add(self._frozen(trial))

    def _frozen(self, trial: Trial) -> FrozenTrial:
        params, distributions = self._projected(trial)
        single = len(self.objectives) == 1
        metric = self.objectives[0][0]
        reports = {epoch: metrics[metric] for epoch, metrics in trial.reports if metrics.get(metric) is not None}
        known = trial.values is not None and None not in trial.values
        state = STATES[trial.status] if known or trial.status != "complete" else TrialState.FAIL
        return create_trial(
            state=state,
            values=trial.values if state == TrialState.COMPLETE else None,
            params=params,
            distributions=distributions,
            intermediate_values=reports if single else {},  # Optuna has none with several objectives
            user_attrs={"trial": trial.number, "label": trial.label, "reason": trial.reason},
        )

    def _losses(self, trial: Trial) -> list[float] | None:
        """What a trial reached, lower being better; none where it failed."""
        if trial.values is None or None in trial.values:
            return None
        signs = [-1 if direction == "max" else 1 for _, direction in self.objectives]
        return [sign * value for sign, value in zip(signs, trial.values, strict=True)]

    def _columns(self) -> Columns:
        own = [(name, hp.domain) for name, _, hp in self.space.hyperparameters()]
        return Columns([*own, *((hp.name, hp.domain) for hp in hyperparameters(Training))])

    def _projected(self, trial: Trial) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """The trial's config as the search would have proposed it: a value per layer becomes its first value."""
        params: dict[str, Any] = {}
        distributions: dict[str, BaseDistribution] = {}
        network, training = configs(trial.config, self._families)
        self._tried.add(hash((network, training)))
        values = {**self.space.values(network), **training.to_dict()}

        def choose(name: str, domain: Domain) -> Any:
            value = values.get(name, self._defaults[name])
            value = value[0] if isinstance(value, list | tuple) else value
            params[name], distributions[name] = value, _distribution(domain)
            return value

        self.space.propose(choose, self.fixed, self._vary)
        Training.propose(choose, self._settled(network), self._vary)
        return params, distributions

    def _settled(self, network: Network) -> dict[str, Any]:
        """The training settings that are not searched; those of steps only for a network that is trained by steps."""
        idle = {} if network.by_steps else {name: self._defaults[name] for name in STEPS}
        return {**idle, **self.fixed_training}

    def _forget(self, asked: optuna.trial.Trial) -> None:
        asked.study.tell(asked, state=TrialState.FAIL)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's words on new studies, and on what is experimental: multivariate and group TPE."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


class _Terse(JournalFileBackend):
    """What Optuna keeps in memory of all that it reads in its file: of a trial no more than that there is one."""

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        for log in super().read_logs(log_number_from):
            yield {key: value for key, value in log.items() if key not in CONTENT}


class _Mirror:
    """The finished trials in a file of Optuna's own; nothing reads it here, so no trouble with it stops a search.

    Its lock is waited for, 30 s at most. A file that cannot be read is made anew; one that cannot be written to, on a
    full disk, is left alone until the study is resumed.
    """

    def __init__(self, path: Path, name: str, directions: Any) -> None:
        Path(f"{path}{LOCK}").unlink(missing_ok=True)  # of a driver that was killed: ours holds the study's own lock
        self._study: optuna.Study | None = None
        self._known: set[int] = set()
        with suppress(OSError):
            if path.is_file() and not path.read_bytes().endswith(b"\n"):
                path.unlink()  # Optuna reads past a torn end, and then writes behind it
            try:
                self._open(path, name, directions)
            except Exception:  # anything can be wrong in it
                path.unlink(missing_ok=True)
                self._open(path, name, directions)

    def add(self, trial: FrozenTrial) -> None:
        """Add a trial that is not there yet."""
        number = trial.user_attrs["trial"]
        if self._study is None or number in self._known:
            return
        try:
            self._study.add_trial(trial)
            self._known.add(number)
        except Exception:
            self._study = None

    def _open(self, path: Path, name: str, directions: Any) -> None:
        whole = JournalStorage(JournalFileBackend(str(path)))  # wherever it cannot be read, this finds it
        study = optuna.create_study(study_name=name, storage=whole, directions=directions, load_if_exists=True)
        self._known = {trial.user_attrs["trial"] for trial in study.get_trials(deepcopy=False)}
        self._study = optuna.load_study(study_name=name, storage=JournalStorage(_Terse(str(path))))


def _chooser(asked: optuna.trial.Trial) -> Any:
    def choose(name: str, domain: Domain) -> Any:
        match domain:
            case Int():
                return asked.suggest_int(name, domain.low, domain.high, log=domain.log, step=domain.step)
            case Float():
                return asked.suggest_float(name, domain.low, domain.high, log=domain.log)
            case Choice():
                return asked.suggest_categorical(name, domain.options)

    return choose


def _distribution(domain: Domain) -> BaseDistribution:
    match domain:
        case Int():
            return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
        case Float():
            return FloatDistribution(domain.low, domain.high, log=domain.log)
        case Choice():
            return CategoricalDistribution(domain.options)
        case _:
            raise TypeError(f"Optuna has no distribution for {domain!r}")
