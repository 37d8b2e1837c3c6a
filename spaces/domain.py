"""What a hyperparameter may be: its domain, and the condition under which it exists at all."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spectune.spaces.errors import InputError


class Domain(ABC):
    """The values one hyperparameter may take."""

    @property
    @abstractmethod
    def size(self) -> float:
        """The number of different values, infinite for a continuous domain."""

    @abstractmethod
    def check(self, name: str, value: Any) -> Any:
        """``value`` in the domain's own type; ValueError with the rule, the value and the cure where it is outside."""

    @abstractmethod
    def at(self, share: float) -> Any:
        """The value at a share in [0, 1) of the domain, on its scale."""

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The value that the text of ``--set name=text`` means, unchecked. ValueError where it means none."""


@dataclass(frozen=True)
class Int(Domain):
    """Whole numbers from ``low`` to ``high``, both included; ``step`` apart, or searched on a log scale.

    ValueError where there are no such numbers.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        for value in (self.low, self.high, self.step):
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"Int must have whole numbers, got {value!r}: use Float for others")
        _check_bounds(self, self.low, self.high, log=self.log)
        if self.step < 1:
            raise InputError(f"Int must have a step of at least 1, got {self.step}: raise it")
        if self.log and self.step != 1:
            raise InputError(f"Int on a log scale must have a step of 1, got {self.step}: leave one of both out")

    @property
    def size(self) -> float:
        return (self.high - self.low) // self.step + 1

    def check(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{name} must be a whole number, got {value!r}: use one of {self}")
        if not self.low <= value <= self.high or (value - self.low) % self.step:
            raise InputError(f"{name} must be in {self}, got {value}: choose a value in that range")
        return value

    def at(self, share: float) -> int:
        if self.log:
            return min(self.high, int(self.low * ((self.high + 1) / self.low) ** share))
        return self.low + int(share * self.size) * self.step

    def parse(self, text: str) -> int:
        return int(text)

    def __str__(self) -> str:
        step = f" step {self.step}" if self.step != 1 else ""
        return f"{self.low}..{self.high}{step}{' log' if self.log else ''}"


@dataclass(frozen=True)
class Float(Domain):
    """Real numbers from ``low`` to ``high``, both included, searched linearly or on a log scale.

    ValueError where there are no such numbers.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self, self.low, self.high, log=self.log)

    @property
    def size(self) -> float:
        return math.inf

    def check(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{name} must be a finite number, got {value!r}: use a value in {self}")
        if not self.low <= value <= self.high:
            raise InputError(f"{name} must be in {self}, got {value}: choose a value in that range")
        return float(value)

    def at(self, share: float) -> float:
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def parse(self, text: str) -> float:
        return float(text)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{' log' if self.log else ''}"


class Choice(Domain):
    """One of a few named or numbered options, without an order that the search may use.

    ``aliases`` are former names of options, which are read as them. ValueError where there are no options, or one of
    them twice.
    """

    def __init__(self, *options: str | int | float | bool, aliases: Mapping[str, str] | None = None) -> None:
        self.options = options
        self.aliases = aliases or {}
        self._options = {(type(option), option): option for option in options}
        if not options:
            raise InputError("Choice must have options, got none: name one or more")
        if len({(type(option), option) for option in options}) < len(options):
            raise InputError(f"Choice must name each option once, got {self}: leave out what is there twice")

    @property
    def size(self) -> float:
        return len(self.options)

    def check(self, name: str, value: Any) -> Any:
        if isinstance(value, str | int | float) and (type(value), value) in self._options:  # as nearly always
            return value
        value = self.aliases.get(value, value) if isinstance(value, str) else value
        for option in self.options:
            if value == option and isinstance(value, bool) == isinstance(option, bool):
                return option
        raise InputError(f"{name} must be one of {self}, got {value!r}: choose one of them")

    def at(self, share: float) -> Any:
        return self.options[int(share * len(self.options))]

    def parse(self, text: str) -> Any:
        for option in self.options:
            if text.lower() == str(option).lower():
                return option
        if isinstance(self.options[0], int | float) and not isinstance(self.options[0], bool):
            return float(text)
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.options == other.options

    def __hash__(self) -> int:
        return hash(self.options)

    def __repr__(self) -> str:
        return f"Choice{self.options}"

    def __str__(self) -> str:
        return " | ".join(str(option) for option in self.options)


def _check_bounds(domain: Int | Float, low: float, high: float, *, log: bool) -> None:
    """ValueError where no value lies between the bounds, or none can be drawn on a log scale."""
    kind = type(domain).__name__
    if not -math.inf < low <= high < math.inf:
        raise InputError(f"{kind} must go from a low to a high value, got {low} to {high}: give them in order")
    if log and low <= 0:
        raise InputError(f"{kind} on a log scale must begin above 0, got {low}: raise it, or leave log out")


@dataclass(frozen=True)
class Is:
    """The condition that an earlier field holds one of ``values``."""

    field: str
    values: tuple[Any, ...]

    def __init__(self, field: str, *values: Any) -> None:
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "values", values)

    def holds(self, earlier: dict[str, Any]) -> bool:
        return earlier.get(self.field) in self.values

    def __str__(self) -> str:
        return f"{self.field} = {' | '.join(str(value) for value in self.values)}"


@dataclass(frozen=True)
class AtLeast:
    """The condition that an earlier numeric field is at least ``low``; inactive fields count as absent."""

    field: str
    low: float

    def holds(self, earlier: dict[str, Any]) -> bool:
        value = earlier.get(self.field)
        return value is not None and value >= self.low

    def __str__(self) -> str:
        return f"{self.field} >= {self.low:g}"


@dataclass(frozen=True)
class Single:
    """The condition that an earlier per-layer field holds one value, not a tuple with one value per layer."""

    field: str

    def holds(self, earlier: dict[str, Any]) -> bool:
        value = earlier.get(self.field)
        return value is not None and not isinstance(value, tuple)

    def __str__(self) -> str:
        return f"{self.field} is one value"


@dataclass(frozen=True)
class All:
    """The condition that several conditions hold at once."""

    parts: tuple[Condition, ...]

    def __init__(self, *parts: Condition) -> None:
        object.__setattr__(self, "parts", parts)

    def holds(self, earlier: dict[str, Any]) -> bool:
        return all(part.holds(earlier) for part in self.parts)

    def __str__(self) -> str:
        return " and ".join(str(part) for part in self.parts)


Condition = Is | AtLeast | Single | All
