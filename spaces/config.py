"""Config: a frozen dataclass whose fields carry their domains. The type is the space, a value is one config."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, ClassVar, NamedTuple, Self

from spectune.spaces.domain import All, AtLeast, Choice, Condition, Domain, Float, Int, Is, Single
from spectune.spaces.errors import InputError

Choose = Callable[[str, Domain], Any]  # (name, domain) -> value; an Optuna trial, a random generator, a dict ...


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """One field of a config type: its domain, default, condition, and whether the search varies it."""

    name: str
    domain: Domain
    default: Any
    when: Condition | None
    search: bool
    per_layer: str | None  # the field that counts the layers, where a tuple with one value per layer is allowed
    replicas: bool  # whether trainings that are fused into one may differ in it
    help: str


def hyper(
    domain: Domain,
    default: Any,
    help: str,
    *,
    when: Condition | None = None,
    search: bool = True,
    per_layer: str | None = None,
    replicas: bool = False,
) -> Any:
    """Declare a hyperparameter as a dataclass field.

    ``when`` makes it exist only under a condition on the fields before it (it is None otherwise); ``search=False``
    keeps it fixed in a search yet settable; ``per_layer`` names the field that counts the layers and allows a tuple;
    ``replicas`` lets trainings of one architecture differ in it that are fused into one: settings of the optimiser and
    the schedule, and shares of ``nn.Dropout`` layers.
    """
    spec = {
        "domain": domain,
        "when": when,
        "search": search,
        "per_layer": per_layer,
        "replicas": replicas,
        "help": help,
    }
    return dataclasses.field(default=default, metadata=spec)


class Config:
    """Base of every config type: validation, proposal, JSON and overriding, all from the fields' domains.

    An inactive field (its condition does not hold) is always None, so that two configs which build the same network
    are equal. Subclasses are ``@dataclass(frozen=True, kw_only=True)``.
    """

    family: ClassVar[str]

    def __post_init__(self) -> None:
        earlier: dict[str, Any] = {}
        for hp in hyperparameters(type(self)):
            value = getattr(self, hp.name)
            if hp.when is not None and not hp.when.holds(earlier):
                value = None
            else:
                value = hp.default if value is None else value
                value = _checked(hp, value, earlier)
            object.__setattr__(self, hp.name, value)
            earlier[hp.name] = value

    def to_dict(self) -> dict[str, Any]:
        """The active fields under their names, JSON-ready (tuples become lists)."""
        values = ((hp.name, getattr(self, hp.name)) for hp in hyperparameters(type(self)))
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values if v is not None}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The config that ``to_dict`` wrote. ValueError names an unknown field and lists the known ones."""
        known = [hp.name for hp in hyperparameters(cls)]
        for name in values:
            if name not in known:
                raise InputError(f"{cls.family} has no hyperparameter {name!r}: known are {', '.join(known)}")
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})

    @classmethod
    def propose(cls, choose: Choose, fixed: dict[str, Any] | None = None, vary: Collection[str] = ()) -> Self:
        """A config whose searched, active fields come from ``choose``; the others are their ``fixed`` or default value.

        ``vary`` names fields that are searched although they are fixed by default. Raises ValueError when the
        combination is one the config type refuses.
        """
        fixed = {name: tuple(v) if isinstance(v, list) else v for name, v in (fixed or {}).items()}
        values: dict[str, Any] = {}
        for hp in hyperparameters(cls):
            if hp.when is not None and not hp.when.holds(values):
                continue
            if hp.name in fixed:
                values[hp.name] = fixed[hp.name]
            else:
                values[hp.name] = choose(hp.name, hp.domain) if hp.search or hp.name in vary else hp.default
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        """This config with some fields changed; fields that become active take their default."""
        return type(self).from_dict({**self.to_dict(), **changes})


def hyperparameters(space: type[Config]) -> tuple[Hyperparameter, ...]:
    """The hyperparameters of a config type in their order of declaration (conditions look only backwards)."""
    if space not in _DECLARED:
        fields = dataclasses.fields(space)  # type: ignore[arg-type]
        _DECLARED[space] = tuple(Hyperparameter(name=one.name, default=one.default, **one.metadata) for one in fields)
    return _DECLARED[space]


_DECLARED: dict[type[Config], tuple[Hyperparameter, ...]] = {}  # proposing a config asks for them again and again


def parse(space: type[Config], name: str, text: str) -> Any:
    """The value of ``--set name=text``: one value, or values separated by commas for a per-layer field.

    Raises ValueError with the rule, the value and the cure.
    """
    known = {hp.name: hp for hp in hyperparameters(space)}
    if name not in known:
        raise InputError(f"{space.family} has no hyperparameter {name!r}: known are {', '.join(known)}")
    hp = known[name]
    parts = text.split(",") if hp.per_layer else [text]
    try:
        values = [hp.domain.parse(part.strip()) for part in parts]
    except ValueError:
        raise InputError(f"{name} must be in {hp.domain}, got {text!r}: choose a value in that range") from None
    checked = tuple(hp.domain.check(name, value) for value in values)
    return checked if len(parts) > 1 else checked[0]


def size(space: type[Config], vary: Collection[str] = ()) -> tuple[int, int]:
    """(number of combinations of the discrete hyperparameters, number of continuous ones) that a search may propose.

    Conditions are honoured: a hyperparameter that does not exist under a combination does not multiply it. ``vary``
    names hyperparameters that are searched although they are fixed by default.
    """
    known = hyperparameters(space)
    parents = {name for hp in known for name in _fields_of(hp.when)}
    continuous: set[str] = set()

    @functools.cache
    def count(index: int, earlier: tuple[tuple[str, Any], ...]) -> int:
        if index == len(known):
            return 1
        hp = known[index]
        if not _possible(hp.when, dict(earlier)):
            return count(index + 1, earlier)
        searched = hp.search or hp.name in vary
        if hp.name in parents:
            options = _options(hp.domain) if searched else [hp.default]
            return sum(count(index + 1, (*earlier, (hp.name, option))) for option in options)
        if searched and isinstance(hp.domain, Float):
            continuous.add(hp.name)
        here = int(hp.domain.size) if searched and not isinstance(hp.domain, Float) else 1
        return here * count(index + 1, earlier)

    return count(0, ()), len(continuous)


def _fields_of(when: Condition | None) -> Iterator[str]:
    if isinstance(when, All):
        for part in when.parts:
            yield from _fields_of(part)
    elif isinstance(when, Is | AtLeast):
        yield when.field


def _possible(when: Condition | None, earlier: dict[str, Any]) -> bool:
    if isinstance(when, All):
        return all(_possible(part, earlier) for part in when.parts)
    if isinstance(when, Single):
        return True  # a search proposes single values only
    return when is None or when.holds(earlier)


def _options(domain: Domain) -> Iterable[Any]:
    if isinstance(domain, Choice):
        return domain.options
    if isinstance(domain, Int):
        return range(domain.low, domain.high + 1, domain.step)
    raise TypeError(f"a condition cannot look at a continuous hyperparameter ({domain})")


def _checked(hp: Hyperparameter, value: Any, earlier: dict[str, Any]) -> Any:
    if isinstance(value, tuple | list):
        if hp.per_layer is None:
            raise InputError(f"{hp.name} takes one value, got {list(value)}: give one of {hp.domain}")
        if len(value) != earlier[hp.per_layer]:
            raise InputError(
                f"{hp.name} needs one value, or one per layer ({hp.per_layer} = {earlier[hp.per_layer]}), "
                f"got {len(value)} values {list(value)}: give as many as {hp.per_layer}"
            )
        return tuple(hp.domain.check(hp.name, part) for part in value)
    return hp.domain.check(hp.name, value)


class Sizes(NamedTuple):
    """What a network is built for: points of a spectrum, classes or labels, and whether a spectrum may have several;
    and the spectra that it is trained on, 0 where that is not known."""

    points: int
    classes: int
    multilabel: bool = False
    spectra: int = 0


class Cost(NamedTuple):
    """What one forward pass of a network takes, computed from its config before anything is built."""

    parameters: int
    macs: int  # multiply-adds per spectrum
    activations: int  # numbers kept per spectrum for the backward pass


class Network(Config, ABC):
    """Base of every architecture family's config type; each declares these fields with the functions of ``layers``.

    ``by_steps`` says whether it is trained by steps, epoch by epoch. If not it is fitted at once: its model ends in an
    ``Estimator`` (``trainables/models``), and the settings of the steps do not concern it. A family from a user's file
    brings its ``builder`` along; those of spectune have theirs in ``trainables/models``.
    """

    by_steps: ClassVar[bool] = True
    builder: ClassVar[Callable[[Any, int, int], Any] | None] = None  # (config, points, classes); of a user's own family

    preprocess: str = "max"
    reading: str = "spectrum"
    peaks: int | None = None
    head: str = "linear"
    head_scale: float | None = None
    head_margin: float | None = None

    @abstractmethod
    def cost(self, points: int, classes: int) -> Cost:
        """The cost of the network for spectra of ``points`` points and ``classes`` classes.

        Raises ValueError with the rule where such a network cannot work (the whole signal pooled away, say).
        """

    def parts(self) -> tuple[Network, ...]:
        """The networks that it consists of: itself, unless it is an ensemble."""
        return (self,)

    def end_words(self) -> list[str]:
        """What is unusual at the beginning and the end, in words."""
        return [
            f"{self.head} head" if self.head != "linear" else "",
            *self.preparation(),
            f"reading {self.reading}" if self.reading != "spectrum" else "",
        ]

    def preparation(self) -> list[str]:
        """What is done to a raw spectrum before the first layer, in words; the usual scale is not said."""
        return [f"preprocessing {self.preprocess}"] if self.preprocess != "max" else []

    def inputs(self, points: int) -> int:
        """Numbers that the first layer sees of a spectrum of ``points`` points: of a list, places, heights, count.

        ValueError where a spectrum cannot have so many peaks.
        """
        if self.peaks is None:
            return points
        if 2 * self.peaks > points:
            raise InputError(f"peaks must be at most half the points, got {self.peaks} for {points} points: take less")
        return 2 * self.peaks + 1 + (points if self.reading == "both" else 0)

    def describe(self) -> str:
        """The architecture in a few words, for tables and model cards."""
        return ", ".join(f"{name} {value}" for name, value in self.to_dict().items())
