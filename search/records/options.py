"""What a study is asked to do. Every option is one field that carries its rule, its words and its default.

Options come in four groups: what is asked, the budget, the machine, and where the study is kept. A part of the search
takes the group that it needs. The command line, the checks, what ``--resume`` keeps, the defaults in the help and the
tables of docs/commands.md are made from the fields.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from spectune.search.records.candidate import SIMPLE
from spectune.search.records.metrics import DEFAULT, objectives, scores
from spectune.search.records.option import (
    EXPLORING,
    SESSION,
    TRAINING,
    Group,
    count,
    duration,
    folds,
    gpus,
    option,
    options_of,
)
from spectune.search.records.settings import fixed_by_default, known, plain
from spectune.spaces import PUBLISHED, SPACES, STANDARD, Catalogue, Cost, Network, Sizes
from spectune.spaces.errors import InputError
from spectune.spaces.prior import Prior

BASELINE = "cnn2"  # the published network that a winner is compared with, unless another is asked for
LEARNED = "learned"
PRIORS = (LEARNED, "look", "none")
SAMPLERS = ("forest", "near", "tpe", "gp", "random")
NONE = "none"
ENSEMBLES = ("greedy", NONE)
PAIR = "NAME=VALUE"


@dataclass(frozen=True, kw_only=True)
class Goal(Group):
    """What is asked: which networks, on which spectra, by which measure. What a study keeps from its first session on
    is almost all of it."""

    space: str = option("cnn", f"{', '.join(SPACES)}, or your own as FILE.py:NAME", EXPLORING, kept=True)
    dataset: str = option(
        "challenge", "benchmark, challenge, generated, or a file or folder", TRAINING, metavar="DATA", kept=True
    )
    data: Mapping[str, str] = option(
        {}, "an option of the dataset; may be given several times", TRAINING, metavar=PAIR, repeated=True, kept=True
    )
    objectives: tuple[str, ...] = option(
        (DEFAULT,),
        "what to optimise; twice for a Pareto front",
        EXPLORING,
        flag="objective",
        metavar="METRIC",
        repeated=True,
        choices=tuple(objectives()),
        kept=True,
        words={"ablate": "what is compared"},
    )
    fixed: Mapping[str, Any] = option(
        {},
        "fix a hyperparameter; may be given several times",
        TRAINING,
        flag="set",
        metavar=PAIR,
        repeated=True,
        kept=True,
    )
    vary: tuple[str, ...] = option(
        (), "search a hyperparameter that is fixed by default", EXPLORING, metavar="NAME", repeated=True, kept=True
    )
    max_params: int | None = option(
        None, "most parameters of a network, as 500k, 2M", EXPLORING, kind=count, metavar="N", kept=True
    )
    max_macs: int | None = option(
        None, "most multiply-adds per spectrum, as 20M", EXPLORING, kind=count, metavar="N", kept=True
    )
    start_from: tuple[str, ...] = option(
        (), "known network to try first (default: what --prior says)", EXPLORING, metavar="MODEL", repeated=True
    )
    baseline: tuple[str, ...] = option(
        (),
        f"what to compare with: a published network, {SIMPLE} (the best simple method), both, or none (default "
        f"{BASELINE} and {SIMPLE})",
        EXPLORING,
        metavar="MODEL",
        repeated=True,
        words={"train": f"{SIMPLE} (the best simple method) to compare with, or none (default {SIMPLE})"},
    )
    folds: int | None = option(
        0,
        "validate on each of K folds of the training and validation spectra in turn, 0 for the validation split "
        "(default by size: 5 where it was drawn from fewer than 500 spectra)",
        EXPLORING,
        kind=folds,
        metavar="K",
        least=0,
        kept=True,
        words={"train": "validate on K folds of the training and validation spectra, a seed on each (default 0)"},
    )
    prior: str = option(
        LEARNED,
        "what to begin with: learned (configs and hyperparameters that were good on other datasets, and a look at the "
        "training spectra), look (that alone) or none",
        EXPLORING,
        metavar="NAME",
        choices=PRIORS,
        kept=True,
    )
    sampler: str = option(
        "forest", "what proposes configs: forest, near, tpe, gp or random", EXPLORING, metavar="NAME", choices=SAMPLERS
    )
    ensemble: str = option(
        "greedy",
        "what to make of all confirmed trainings: an ensemble by greedy selection, or none",
        EXPLORING,
        metavar="NAME",
        choices=ENSEMBLES,
    )
    init_from: str = option(
        "",
        "start from the network and the weights of another study's export",
        ("search", "train"),
        metavar="EXPORT",
        kept=True,
    )
    seed: int = option(0, "seed of the study", TRAINING, kind=int, metavar="N", kept=True)
    model: str = option("", kept=True)  # "spectune train": the one network that is trained, without exploration
    reference: Mapping[str, Any] = option({}, kept=True)  # of an ablation: the "name" and "config" that is varied
    contrasts: tuple[str, ...] = option(
        (),
        "a hyperparameter and its values (all of them without), or all to flip each once; several times. Layers: "
        "filters=64,16/32/64",
        ("ablate",),
        flag="vary",
        metavar="NAME[=VALUE,VALUE]",
        repeated=True,
        kept=True,
    )
    grid: bool = option(False, kept=True)  # all combinations instead of one change per variant
    retune: tuple[str, ...] = option(
        (),
        "let every variant choose this for itself first, as lr",
        ("ablate",),
        metavar="NAME",
        repeated=True,
        kept=True,
    )
    test: bool = option(False, "compare on the blind test split as well", ("ablate",), kind=bool)
    catalogue: Catalogue = field(default=STANDARD, repr=False, compare=False)  # what can be named; not recorded
    looked: Prior = field(default=Prior(), repr=False, compare=False)  # what the look at the spectra advises; nor that

    def __post_init__(self) -> None:
        space = self.catalogue.space(self.space)
        super().__post_init__()
        if not self.init_from and (self.fixed.get("init", "scratch") != "scratch" or "init" in self.vary):
            raise InputError("init other than scratch needs an export to start from, got none: give --init-from EXPORT")
        if self.objectives[0] not in scores() or len(set(self.objectives)) != len(self.objectives):
            raise InputError(
                f"the first --objective ranks the finalists and must be one of {', '.join(scores())}, each given once, "
                f"got {', '.join(self.objectives)}: start with {DEFAULT}"
            )
        for name in self.start_from:
            held = [name for name, one in self.catalogue.known.items() if space.holds(one.network)]
            known("--start-from", name, held)
        for name in self.vary:
            known("--vary", name, fixed_by_default(space))
        if self.reference and len(self.objectives) > 1:
            raise InputError(f"an ablation compares one metric, got {', '.join(self.objectives)}: give one --objective")
        for name in self.baseline:
            known("--baseline", name, (NONE, SIMPLE) if self.model else (NONE, SIMPLE, *PUBLISHED))
        if len(self.baseline) > 1 and (NONE in self.baseline or len({*self.baseline} - {SIMPLE}) > 1):
            raise InputError(
                f"--baseline is one published network, {SIMPLE}, or both, got {', '.join(self.baseline)}: leave one out"
            )

    @property
    def baseline_name(self) -> str | None:
        """The published network that a winner is compared with, or the one network that is trained."""
        if self.model or self.reference:
            return self.model or None
        published = (name for name in self.baseline or (BASELINE,) if name not in (NONE, SIMPLE))
        return next(published, None)

    @property
    def simple(self) -> bool:
        """Whether simple methods take part. Not in an ablation, which compares variants of one config."""
        return not self.reference and (not self.baseline or SIMPLE in self.baseline)

    @property
    def explores(self) -> bool:
        """Whether there is anything to find: not where one network is trained, or variants are compared."""
        return not (self.model or self.reference)

    def turn(self, confirming: int | None = None) -> tuple[int, ...]:
        """The folds that a training validates on in turn: while exploring all, ``confirming`` on a seed one of them, so
        that as many seeds as there are folds validate on every spectrum once."""
        if not self.folds or confirming is None:
            return tuple(range(self.folds or 0))
        return (confirming - self.first_seed,)

    @property
    def first_seed(self) -> int:
        """The first seed of the confirmation; exploration, and what is tuned before, has the study's own."""
        return self.seed + 1 if self.explores or self.retune else self.seed

    @property
    def learned(self) -> bool:
        """Whether a search begins with what was learned on other datasets."""
        return self.prior == LEARNED and self.explores

    @property
    def mixes(self) -> bool:
        """Whether an ensemble of what is confirmed is asked for."""
        return self.explores and self.ensemble != NONE

    def allow(self, network: Network, sizes: Sizes) -> None:
        """ValueError where a network cannot work at these sizes, or is beyond the limits."""
        if sizes.multilabel and not network.by_steps:
            raise InputError(f"several labels per spectrum need a network, got a {network.family}: choose another")
        if sizes.multilabel and network.head != "linear":
            raise InputError(f"several labels per spectrum need head=linear, this network has {network.head}: set head")
        self.afford(network.cost(sizes.points, sizes.classes))

    def afford(self, cost: Cost) -> None:
        """ValueError where a cost is beyond the limits."""
        limits = (
            ("--max-params", self.max_params, cost.parameters),
            ("--max-macs", self.max_macs, cost.macs),
        )
        for flag, limit, value in limits:
            if limit is not None and value > limit:
                raise InputError(f"{flag} is {limit:,}, a network with {value:,} is beyond it: raise the limit")


@dataclass(frozen=True, kw_only=True)
class Budget(Group):
    """How much may be spent on it."""

    trials: int = option(50, "trials of the exploration", EXPLORING, kind=int, metavar="N", least=0)
    time: float | None = option(
        None,
        "end of the exploration, as 90s, 10m, 2h; confirmation comes on top",
        EXPLORING,
        kind=duration,
        metavar="TIME",
    )
    total_time: float | None = option(
        None,
        "end of everything, as 5m: simple methods, exploring, confirmation, test and export",
        ("search", "train", "plan"),
        kind=duration,
        metavar="TIME",
    )
    epochs: int = option(100, "full budget of one training", TRAINING, kind=int, metavar="N", least=1, kept=True)
    grace: int | None = option(
        None,
        "epochs before a trial may be paused (default a 27th of --epochs)",
        EXPLORING,
        kind=int,
        metavar="N",
        least=1,
        kept=True,
    )
    eta: int = option(3, "one trial in N goes on at a rung", EXPLORING, kind=int, metavar="N", least=2, kept=True)
    top: int = option(3, "configs to confirm", EXPLORING, kind=int, metavar="K", least=1)
    seeds: int = option(
        5,
        "new seeds in the confirmation",
        EXPLORING,
        kind=int,
        metavar="N",
        least=1,
        words={
            "train": "trainings, from --seed on",
            "ablate": "trainings of every variant, on the same seeds",
        },
    )
    retune_trials: int = option(
        8, "trainings of every variant for --retune", ("ablate",), kind=int, metavar="N", least=2, kept=True
    )

    @property
    def first_rung(self) -> int:
        """Epochs after which a trial may be paused: a 27th of the full budget unless said otherwise."""
        return self.grace if self.grace is not None else max(1, self.epochs // 27)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Numbers of epochs after which halving decides whether a trial goes on: below the full budget."""
        rungs = [self.first_rung]
        while rungs[-1] < self.epochs:
            rungs.append(rungs[-1] * self.eta)
        return tuple(rungs[:-1])


@dataclass(frozen=True, kw_only=True)
class Machine(Group):
    """On what it runs, and what each training gets of that."""

    concurrent: int | None = option(
        None, "trials at a time (default: as many as fit)", TRAINING, kind=int, metavar="N", least=1
    )
    replicas: int = option(
        1, "trainings of one architecture that are fused into one", TRAINING, kind=int, metavar="N", least=1
    )
    cpus_per_trial: float = option(1.0, "CPU cores of a trial", TRAINING, kind=float, metavar="N", least=0.01)
    gpus_per_trial: float | str | None = option(
        None,
        "GPUs of a trial, as 0.25, or auto: measured on the first configs (default 1 where there are GPUs)",
        TRAINING,
        kind=gpus,
        metavar="N",
        least=0,
    )
    stall: float = option(
        3600.0,
        "start a training again that drew no batch for so long, as 10m (default 1h)",
        SESSION,
        kind=duration,
        metavar="TIME",
    )
    address: str | None = option(
        None, "Ray cluster to use, or auto (default $RAY_ADDRESS, else this machine alone)", SESSION, metavar="ADDRESS"
    )


@dataclass(frozen=True, kw_only=True)
class Place(Group):
    """Where the study is kept."""

    name: str = option(dataclasses.MISSING, "name of the study and of its folder", SESSION)
    studies: str = option("studies", "folder of all studies", TRAINING, metavar="DIR")
    tracking_uri: str = option(
        "", "MLflow server or database (default $MLFLOW_TRACKING_URI, else mlflow.db here)", SESSION, metavar="URI"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        plain(self.name)

    @property
    def folder(self) -> Path:
        return Path(self.studies) / self.name

    @property
    def place(self) -> list[str]:
        """The words that lead another command to this study's folder."""
        return [] if self.studies == Place.studies else ["--studies", self.studies]


@dataclass(frozen=True, kw_only=True)
class Options(Goal, Budget, Machine, Place):
    """All options of a study. Those marked as kept are fixed by its first session, the others may change later."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.explores and self.trials < 1:
            raise InputError(f"--trials must be at least 1, got {self.trials}: give a larger number")

    @classmethod
    def from_dict(cls, values: dict[str, Any], catalogue: Catalogue = STANDARD) -> Self:
        """The options that ``to_dict`` gave, or that a command line says; what is missing has its default.

        ValueError for options that this version does not know.
        """
        unknown = values.keys() - {one.name for one in options_of(cls)}
        if unknown:
            raise InputError(
                f"options must be known to this version of spectune, got {', '.join(sorted(unknown))}: use the version "
                "that the study was made with"
            )
        if isinstance(baseline := values.get("baseline"), str):  # as studies had it before simple methods took part
            default = NONE if values.get("model") else BASELINE
            values = {**values, "baseline": [baseline or default]}
        return cls(**{name: _frozen(value) for name, value in values.items()}, catalogue=catalogue)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; what could hold a password is left out."""
        values = {one.name: _listed(getattr(self, one.name)) for one in options_of(type(self))}
        values.pop("tracking_uri")
        return values


def _frozen(value: Any) -> Any:
    """A value of JSON as options hold it: lists, also those of hyperparameters by layer, are tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: part if key == "config" else _frozen(part) for key, part in value.items()}
    return value


def _listed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return list(map(_listed, value))
    return {key: _listed(part) for key, part in value.items()} if isinstance(value, dict) else value
