"""How an option is declared: a dataclass field that carries its rule, its words and its default."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from spectune.spaces.errors import InputError

AUTO = "auto"  # GPUs of a trial, as measured
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
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
                raise InputError(
                    f"--{self.flag} must be one of {', '.join(self.choices)}, got {one!r}: choose one of them"
                )
        if self.least is not None and value not in (None, AUTO) and not value >= self.least:
            raise InputError(f"--{self.flag} must be at least {self.least:g}, got {value}: give a larger number")

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
    declared = (field for field in dataclasses.fields(group) if field.metadata)  # type: ignore[arg-type]
    return tuple(map(_declared, declared))


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
        raise InputError(f"a time is a number with s, m, h or d, got {text!r}: write 90s, 10m or 2h")
    return float(match[1]) * UNITS[match[2] or "s"]


def gpus(text: str) -> float | str:
    """A number of GPUs, or ``auto``."""
    try:
        return text if text == AUTO else float(text)
    except ValueError:
        raise InputError(f"GPUs are a number or {AUTO}, got {text!r}: write 1, 0.25 or {AUTO}") from None


def folds(text: str) -> int:
    """A number of folds; one is none, which is 0."""
    value = int(text)
    return 0 if value == 1 else value


def count(text: str) -> int:
    """The number in ``500000``, ``500k``, ``2M`` or ``1.5G``: a whole one, 1 or more."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", text)
    value = float(match[1]) * FACTORS.get(match[2], 1) if match else 0.0
    if value < 1 or not value.is_integer():
        raise InputError(f"a count is a whole number, k, M or G may follow, got {text!r}: write 500k or 2M")
    return round(value)
