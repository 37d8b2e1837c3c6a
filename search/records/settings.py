"""What single options mean: the name of a study, a space, values of hyperparameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from spectune.spaces import ALIASES, Config, Space, Training
from spectune.spaces.config import Hyperparameter, hyperparameters, parse
from spectune.spaces.errors import InputError


def plain(name: str) -> str:
    """The name of a study if it is one: it becomes a folder, a word of shell commands and an experiment in MLflow."""
    if re.fullmatch(r"\w[\w.-]{,99}", name) is None:
        raise InputError(
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


def fixed(space: Space, settings: Sequence[str]) -> dict[str, Any]:
    """The values of ``--set name=value``, for the network or its training; ValueError says what is wrong.

    In a space of several families a name without its family's is that of all families which can take the value.
    """
    values: dict[str, Any] = {}
    names: dict[str, tuple[type[Config] | None, Hyperparameter]] = {
        **{name: (family, hp) for name, family, hp in space.hyperparameters()},
        **{hp.name: (Training, hp) for hp in hyperparameters(Training)},
    }
    for setting in settings:
        given, equals, text = setting.partition("=")
        name = ALIASES.get(given, given)
        if not equals:
            raise InputError(f"--set takes name=value, got {setting!r}: write it as for instance --set pooling=max")
        alike = [name] if name in names else [long for long in names if long.endswith(f".{name}")]
        if not alike:
            raise InputError(f"--set knows no hyperparameter {name!r}: known are {', '.join(names)}")
        values |= _taken({long: names[long] for long in alike}, text)
    return values


def _taken(names: dict[str, tuple[type[Config] | None, Hyperparameter]], text: str) -> dict[str, Any]:
    """The value of each hyperparameter that can have it. ValueError where none can."""
    values: dict[str, Any] = {}
    refusal: ValueError | None = None
    for name, (owner, hp) in names.items():
        try:
            values[name] = hp.domain.check(name, text) if owner is None else parse(owner, hp.name, text)
        except ValueError as error:
            refusal = error
    if refusal is not None and not values:
        raise refusal
    return values


def pairs(flag: str, settings: Sequence[str]) -> dict[str, str]:
    """The dict of ``NAME=VALUE`` settings; ValueError for one without an equals sign."""
    for setting in settings:
        if "=" not in setting:
            raise InputError(f"{flag} takes name=value, got {setting!r}: write it as for instance {flag} points=1000")
    return {name: value for name, _, value in (setting.partition("=") for setting in settings)}


def known(flag: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise InputError(f"{flag} must be one of {', '.join(known)}, got {value!r}: choose one of them")
