"""What a study is asked to do. Every option is one field that carries its rule, its words and its default.

Options come in four groups: what is asked, the budget, the machine, and where the study is kept. A part of the search
takes the group that it needs. The command line, the checks, what ``--resume`` keeps, the defaults in the help and the
tables of docs/commands.md are made from the fields.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from spectune.search.records.metrics import DEFAULT, METRICS, OBJECTIVES
from spectune.spaces import ALIASES, KNOWN, PUBLISHED, SPACES, Config, Network, Sizes, Space, Training
from spectune.spaces.config import Hyperparameter, hyperparameters, parse

AUTO = "auto"  # GPUs of a trial, as measured
BASELINE = "cnn2"  # the published network that a winner is compared with, unless another is asked for
SAMPLERS = ("near", "tpe", "random")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PAIR = "NAME=VALUE"
FACTORS = {"k": 10**3, "M": 10**6, "G": 10**9}

EXPLORING = ("search", "plan")  # commands
TRAINING = ("search", "train", "ablate", "plan")
SESSION = ("search", "train", "ablate")
PRESETS: dict[str, dict[str, Any]] = {"train": {"trials": 0, "seeds": 1}, "ablate": {"trials": 0}}  # their own defaults


@dataclass(frozen=True)
class Option:
    """One option as its field declares it."""

    name: str
    default: Any
    help: str  # what it is, and what holds where it is not given if the default does not say that
    on: dict[str, str]  # commands that have it -> its help there
    flag: str  # without dashes
    kind: Callable[[str], Any]  # the value that a text means; ValueError where it means none
    metavar: str | None
    repeated: bool  # may be given several times
    least: float | None
    choices: tuple[str, ...]
    kept: bool  # by a study, from its first session on

    def check(self, value: Any) -> None:
        """ValueError where a value breaks the option's rule."""
        for one in value if self.repeated else (value,):
            if self.choices and one not in self.choices:
                raise ValueError(
                    f"--{self.flag} must be one of {', '.join(self.choices)}, got {one!r}: choose one of them"
                )
        if self.least is not None and value not in (None, AUTO) and not value >= self.least:
            raise ValueError(f"--{self.flag} must be at least {self.least:g}, got {value}: give a larger number")

    def default_for(self, command: str) -> Any:
        return PRESETS.get(command, {}).get(self.name, self.default)


def option(
    default: Any,
    help: str = "",
    on: Collection[str] = (),
    *,
    flag: str = "",
    kind: Callable[[str], Any] = str,
    metavar: str | None = None,
    repeated: bool = False,
    least: float | None = None,
    choices: Collection[str] = (),
    kept: bool = False,
    words: dict[str, str] | None = None,
) -> Any:
    """Declare an option as a dataclass field; ``words`` are the help of commands where it means something else."""
    spec = {
        "help": help,
        "on": {**dict.fromkeys(on, help), **(words or {})},
        "flag": flag,
        "kind": kind,
        "metavar": metavar,
        "repeated": repeated,
        "least": least,
        "choices": tuple(choices),
        "kept": kept,
    }
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=spec)
    return dataclasses.field(default=default, metadata=spec)


class Group:
    """Base of the groups: what an option's own rule says is checked here."""

    def __post_init__(self) -> None:
        for one in options_of(type(self)):
            one.check(getattr(self, one.name))


def options_of(group: type[Group]) -> tuple[Option, ...]:
    """The options of a group, or of several together, in their order of declaration."""
    return tuple(_declared(field) for field in dataclasses.fields(group))  # type: ignore[arg-type]


def _declared(field: dataclasses.Field[Any]) -> Option:
    spec = {**field.metadata}
    flag = spec.pop("flag") or field.name.replace("_", "-")
    factory: Any = field.default_factory
    default = field.default if factory is dataclasses.MISSING else factory()
    return Option(name=field.name, default=default, flag=flag, **spec)


def duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``10m``, ``2h`` or ``1d``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"a time is a number with s, m, h or d, got {text!r}: write 90s, 10m or 2h")
    return float(match[1]) * UNITS[match[2] or "s"]


def gpus(text: str) -> float | str:
    """A number of GPUs, or ``auto``."""
    try:
        return text if text == AUTO else float(text)
    except ValueError:
        raise ValueError(f"GPUs are a number or {AUTO}, got {text!r}: write 1, 0.25 or {AUTO}") from None


def count(text: str) -> int:
    """The number in ``500000``, ``500k``, ``2M`` or ``1.5G``: a whole one, 1 or more."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", text)
    value = float(match[1]) * FACTORS.get(match[2], 1) if match else 0.0
    if value < 1 or not value.is_integer():
        raise ValueError(f"a count is a whole number, k, M or G may follow, got {text!r}: write 500k or 2M")
    return round(value)


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
        choices=OBJECTIVES,
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
        (), "known network to try first (default: all that fit)", EXPLORING, metavar="MODEL", repeated=True
    )
    baseline: str = option(
        "", f"published network to compare with, or none (default {BASELINE})", EXPLORING, metavar="MODEL"
    )
    sampler: str = option("near", "what proposes configs", EXPLORING, metavar="NAME", choices=SAMPLERS)
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

    def __post_init__(self) -> None:
        known_space(self.space)
        super().__post_init__()
        if not self.init_from and (self.fixed.get("init", "scratch") != "scratch" or "init" in self.vary):
            raise ValueError("init other than scratch needs an export to start from, got none: give --init-from EXPORT")
        if self.objectives[0] not in METRICS or len(set(self.objectives)) != len(self.objectives):
            raise ValueError(
                f"the first --objective ranks the finalists and must be one of {', '.join(METRICS)}, each given once, "
                f"got {', '.join(self.objectives)}: start with {DEFAULT}"
            )
        for name in self.start_from:
            _known("--start-from", name, [name for name in KNOWN if SPACES[self.space].holds(KNOWN[name].network)])
        for name in self.vary:
            _known("--vary", name, fixed_by_default(SPACES[self.space]))
        if self.reference and len(self.objectives) > 1:
            raise ValueError(f"an ablation compares one metric, got {', '.join(self.objectives)}: give one --objective")
        if self.baseline not in ("", "none"):
            _known("--baseline", self.baseline, PUBLISHED)

    @property
    def baseline_name(self) -> str | None:
        return None if self.baseline == "none" or self.reference else self.model or self.baseline or BASELINE

    @property
    def explores(self) -> bool:
        """Whether there is anything to find: not where one network is trained, or variants are compared."""
        return not (self.model or self.reference)

    @property
    def first_seed(self) -> int:
        """The first seed of the confirmation; exploration, and what is tuned before, has the study's own."""
        return self.seed + 1 if self.explores or self.retune else self.seed

    def allow(self, network: Network, sizes: Sizes) -> None:
        """ValueError where a network cannot work at these sizes, or is beyond the limits."""
        if sizes.multilabel and not network.by_steps:
            raise ValueError(f"several labels per spectrum need a network, got a {network.family}: choose another")
        if sizes.multilabel and network.head != "linear":
            raise ValueError(f"several labels per spectrum need head=linear, this network has {network.head}: set head")
        cost = network.cost(sizes.points, sizes.classes)
        limits = (
            ("--max-params", self.max_params, cost.parameters),
            ("--max-macs", self.max_macs, cost.macs),
        )
        for flag, limit, value in limits:
            if limit is not None and value > limit:
                raise ValueError(f"{flag} is {limit:,}, a network with {value:,} is beyond it: raise the limit")


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
    epochs: int = option(100, "full budget of one training", TRAINING, kind=int, metavar="N", least=1, kept=True)
    grace: int | None = option(
        None,
        "epochs before a trial may be stopped (default a 27th of --epochs)",
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
        """Epochs after which a trial may be stopped: a 27th of the full budget unless said otherwise."""
        return self.grace if self.grace is not None else max(1, self.epochs // 27)


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
            raise ValueError(f"--trials must be at least 1, got {self.trials}: give a larger number")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The options that ``to_dict`` gave, or that a command line says; what is missing has its default.

        ValueError for options that this version does not know.
        """
        unknown = values.keys() - {one.name for one in options_of(cls)}
        if unknown:
            raise ValueError(
                f"options must be known to this version of spectune, got {', '.join(sorted(unknown))}: use the version "
                "that the study was made with"
            )
        return cls(**{name: _frozen(value) for name, value in values.items()})

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


def known_space(name: str) -> Space:
    """The space of that name. ValueError lists the known ones."""
    if name not in SPACES:
        raise ValueError(
            f"--space must be one of {', '.join(SPACES)} or FILE.py:NAME, got {name!r}: choose one of them"
        )
    return SPACES[name]


def fixed_by_default(space: Space) -> list[str]:
    """Names of the hyperparameters that a search of ``space`` does not vary unless it is asked to."""
    network = [name for name, _, hp in space.hyperparameters() if not hp.search]
    return [*network, *(hp.name for hp in hyperparameters(Training) if not hp.search)]


def fixed(space: Space, settings: Sequence[str]) -> dict[str, Any]:
    """The values of ``--set name=value``, for the network or its training; ValueError says what is wrong."""
    values: dict[str, Any] = {}
    names: dict[str, tuple[type[Config] | None, Hyperparameter]] = {
        **{name: (family, hp) for name, family, hp in space.hyperparameters()},
        **{hp.name: (Training, hp) for hp in hyperparameters(Training)},
    }
    for setting in settings:
        given, equals, text = setting.partition("=")
        name = ALIASES.get(given, given)
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


def _known(flag: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise ValueError(f"{flag} must be one of {', '.join(known)}, got {value!r}: choose one of them")
