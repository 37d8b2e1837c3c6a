"""What a study is asked to do: every option of ``spectune search``, checked before anything is started."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from spectune.search.records.metrics import METRICS, OBJECTIVES
from spectune.spaces import PUBLISHED, STANDARD, Catalogue, Config, Network, Space, Training
from spectune.spaces.config import Hyperparameter, hyperparameters, parse

AUTO = "auto"  # GPUs of a trial, as measured
BASELINE = "cnn2"  # the published network that a winner is compared with, unless another is asked for
LEAST = {
    "epochs": 1,
    "grace": 1,
    "eta": 2,
    "top": 1,
    "seeds": 1,
    "retune_trials": 2,
    "concurrent": 1,
    "replicas": 1,
    "cpus_per_trial": 0.01,
    "gpus_per_trial": 0,
}
KEPT = (
    "space",
    "model",
    "reference",
    "contrasts",
    "grid",
    "retune",
    "retune_trials",
    "init_from",
    "dataset",
    "data",
    "objectives",
    "epochs",
    "grace",
    "eta",
    "seed",
    "fixed",
    "vary",
    "max_params",
    "max_macs",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a study. ``KEPT`` are fixed by its first session, the others may change when it is resumed."""

    name: str
    space: str = "cnn"
    dataset: str = "challenge"
    data: dict[str, str] = field(default_factory=dict)  # options of the dataset
    objectives: tuple[str, ...] = ("accuracy",)
    trials: int = 50
    time: float | None = None  # seconds for exploration
    epochs: int = 100
    grace: int | None = None
    eta: int = 3
    top: int = 3
    seeds: int = 5
    start_from: tuple[str, ...] = ()  # known networks to try first; (): all that fit
    baseline: str = ""  # "": BASELINE, "none": without
    init_from: str = ""  # export whose network and weights every trial starts from
    model: str = ""  # "spectune train": the one network that is trained, without exploration
    reference: dict[str, Any] = field(default_factory=dict)  # of an ablation: the "name" and "config" that is varied
    contrasts: tuple[str, ...] = ()  # its --vary
    grid: bool = False  # all combinations instead of one at a time
    retune: tuple[str, ...] = ()  # hyperparameters that every variant may choose for itself
    retune_trials: int = 8  # trainings it gets for that
    test: bool = False  # whether all variants see the blind test as well
    sampler: str = "near"
    seed: int = 0
    fixed: dict[str, Any] = field(default_factory=dict)
    vary: tuple[str, ...] = ()  # hyperparameters to search that are fixed by default
    max_params: int | None = None
    max_macs: int | None = None
    concurrent: int | None = None
    stall: float = 3600.0  # seconds without a batch after which a training counts as hanging
    replicas: int = 1  # trainings of one architecture that a worker fuses into one
    cpus_per_trial: float = 1.0
    gpus_per_trial: float | str | None = None  # AUTO: as measured
    address: str | None = None
    tracking_uri: str = ""
    studies: str = "studies"
    catalogue: Catalogue = field(default=STANDARD, repr=False, compare=False)  # what can be named; not recorded

    def __post_init__(self) -> None:
        space = self.catalogue.space(self.space)
        _known("--sampler", self.sampler, ("near", "tpe", "random"))
        for objective in self.objectives:
            _known("--objective", objective, OBJECTIVES)
        if not self.init_from and (self.fixed.get("init", "scratch") != "scratch" or "init" in self.vary):
            raise ValueError("init other than scratch needs an export to start from, got none: give --init-from EXPORT")
        if self.objectives[0] not in METRICS or len(set(self.objectives)) != len(self.objectives):
            raise ValueError(
                f"the first --objective ranks the finalists and must be one of {', '.join(METRICS)}, each given once, "
                f"got {', '.join(self.objectives)}: start with accuracy"
            )
        for name in self.start_from:
            held = [name for name, known in self.catalogue.known.items() if space.holds(known.network)]
            _known("--start-from", name, held)
        for name in self.vary:
            _known("--vary", name, fixed_by_default(space))
        if self.reference and len(self.objectives) > 1:
            raise ValueError(f"an ablation compares one metric, got {', '.join(self.objectives)}: give one --objective")
        if self.baseline not in ("", "none"):
            _known("--baseline", self.baseline, PUBLISHED)
        for name, low in {**LEAST, "trials": 0 if self.model or self.reference else 1}.items():
            value = getattr(self, name)
            if value not in (None, AUTO) and not value >= low:
                flag = name.replace("_", "-")
                raise ValueError(f"--{flag} must be at least {low}, got {value}: give a larger number")
        plain(self.name)

    @property
    def folder(self) -> Path:
        return Path(self.studies) / self.name

    @property
    def place(self) -> list[str]:
        """The words that lead another command to this study's folder."""
        return [] if self.studies == Options.studies else ["--studies", self.studies]

    @property
    def first_rung(self) -> int:
        """Epochs after which a trial may be stopped: a 27th of the full budget unless said otherwise."""
        return self.grace if self.grace is not None else max(1, self.epochs // 27)

    @property
    def baseline_name(self) -> str | None:
        return None if self.baseline == "none" or self.reference else self.model or self.baseline or BASELINE

    @property
    def first_seed(self) -> int:
        """The first seed of the confirmation; exploration, and what is tuned before, has the study's own."""
        alone = self.model or (self.reference and not self.retune)
        return self.seed if alone else self.seed + 1

    def allow(self, network: Network, points: int, classes: int, *, multilabel: bool) -> None:
        """ValueError where a network cannot work at this size, for ``several`` labels, or is beyond the limits."""
        if multilabel and not network.by_steps:
            raise ValueError(f"several labels a spectrum need a network, got a {network.family}: choose another space")
        if multilabel and network.head != "linear":
            raise ValueError(f"several labels a spectrum need head=linear, this network has {network.head}: set head")
        cost = network.cost(points, classes)
        limits = (
            ("--max-params", self.max_params, cost.parameters),
            ("--max-macs", self.max_macs, cost.macs),
        )
        for flag, limit, value in limits:
            if limit is not None and value > limit:
                raise ValueError(f"{flag} is {limit:,}, a network with {value:,} is beyond it: raise the limit")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The options that ``to_dict`` gave, or that a command line says."""
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**plain)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; what could hold a password is left out."""
        kept = (one.name for one in dataclasses.fields(self) if one.name not in ("tracking_uri", "catalogue"))
        values = {name: getattr(self, name) for name in kept}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def plain(name: str) -> str:
    """The name of a study if it is one: it becomes a folder, a word of shell commands and an experiment in MLflow."""
    if re.fullmatch(r"\w[\w.-]{,99}", name) is None:
        raise ValueError(
            f"a study's name is a plain folder name of up to 100 letters, digits, -, _ and ., got {name[:200]!r}: "
            "choose such a --name"
        )
    return name


def word(text: str) -> str:
    """What of a file's name may stand in the name of a study."""
    return re.sub(r"[^\w.-]+", "-", text).strip("_.-")[:40] or "own"


def fixed_by_default(space: Space) -> list[str]:
    """Names of the hyperparameters that a search of ``space`` does not vary unless it is asked to."""
    network = [name for name, _, hp in space.hyperparameters() if not hp.search]
    return [*network, *(hp.name for hp in hyperparameters(Training) if not hp.search)]


def fixed(space: Space, settings: list[str]) -> dict[str, Any]:
    """The values of ``--set name=value``, for the network or its training; ValueError says what is wrong."""
    values: dict[str, Any] = {}
    names: dict[str, tuple[type[Config] | None, Hyperparameter]] = {
        **{name: (family, hp) for name, family, hp in space.hyperparameters()},
        **{hp.name: (Training, hp) for hp in hyperparameters(Training)},
    }
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes name=value, got {setting!r}: write it as for instance --set pooling=max")
        if name not in names:
            raise ValueError(f"--set knows no hyperparameter {name!r}: known are {', '.join(names)}")
        owner, hp = names[name]
        values[name] = hp.domain.check(name, text) if owner is None else parse(owner, hp.name, text)
    return values


def pairs(flag: str, settings: Sequence[str]) -> dict[str, str]:
    """The dict of ``NAME=VALUE`` settings; ValueError for one without an equals sign."""
    for setting in settings:
        if "=" not in setting:
            raise ValueError(f"{flag} takes name=value, got {setting!r}: write it as for instance {flag} points=1000")
    return {name: value for name, _, value in (setting.partition("=") for setting in settings)}


def _known(flag: str, value: str, known: Any) -> None:
    if value not in known:
        raise ValueError(f"{flag} must be one of {', '.join(known)}, got {value!r}: choose one of them")
