"""The variants of a config: what an ablation trains beside its reference."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from spectune.spaces import ALIASES, Config, Network, Training
from spectune.spaces.config import Hyperparameter, hyperparameters, parse
from spectune.spaces.domain import Choice, Float, Int
from spectune.spaces.errors import InputError

ALL = "all"
MOST_VALUES = 12  # of a hyperparameter that is named without values
LAYERS = "/"  # between the values of a hyperparameter layer by layer: commas separate variants


class Variant(NamedTuple):
    """A config with some hyperparameters changed.

    ``also`` is what changed along: hyperparameters that began to exist with their values, those that ceased with None.
    What is 0 or False does nothing, as if it were not there.
    """

    name: str
    network: Network
    training: Training
    changes: dict[str, Any]
    also: dict[str, Any]


def variants(
    reference: Variant, contrasts: Sequence[str], *, grid: bool, allow: Callable[[Network], None]
) -> tuple[list[Variant], list[tuple[str, str]]]:
    """The variants that ``--vary`` asks for, and (name, reason) of those that ``all`` cannot flip.

    ``contrasts`` are NAME=VALUE,VALUE, NAME for all values of a hyperparameter, or all, which flips each once. They
    change one at a time, or in all combinations (``grid``). ``allow`` raises ValueError for a network that cannot be
    trained.
    """
    wanted: dict[str, list[Any]] = {}
    for text in contrasts:
        if text != ALL:
            name, values = _asked(reference, text)
            wanted[name] = values
    if grid:
        names = list(wanted)
        rows = [dict(zip(names, values, strict=True)) for values in itertools.product(*wanted.values())]
    else:
        rows = [{name: value} for name, values in wanted.items() for value in values]
    by_name: dict[str, Variant] = {}
    for row in rows:
        made = _made(reference, {name: value for name, value in row.items() if value != value_of(reference, name)})
        if made.changes:
            by_name.setdefault(made.name, _allowed(made, allow))
    skipped = []
    for name, value in _flips(reference) if ALL in contrasts else ():
        try:
            made = _allowed(_made(reference, {name: value}), allow)
            by_name.setdefault(made.name, made)
        except ValueError as error:
            skipped.append((f"{name}={spelled(value)}", str(error)))
    if not by_name:
        raise InputError(
            f"--vary must change something, {', '.join(contrasts)} is what {reference.name} has: add a value"
        )
    return list(by_name.values()), skipped


def owner(reference: Variant, name: str) -> Config:
    """The network or the training, whichever has the hyperparameter; ValueError lists the known ones."""
    for config in (reference.network, reference.training):
        if any(hp.name == name for hp in hyperparameters(type(config))):
            return config
    known = [hp.name for config in reference[1:3] for hp in hyperparameters(type(config))]
    raise InputError(f"{reference.name} has no hyperparameter {name!r}: known are {', '.join(known)}, or {ALL}")


def value_of(reference: Variant, name: str) -> Any:
    """The hyperparameter's value in the reference, None where it does not exist there."""
    return getattr(owner(reference, name), name)


def spelled(value: Any) -> str:
    """A value as ``--vary`` takes it."""
    if isinstance(value, tuple | list):
        return LAYERS.join(map(spelled, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def changed(reference: Variant, changes: dict[str, Any]) -> tuple[Network, Training]:
    """The reference's configs with ``changes``. ValueError where they cannot be."""
    of_network = {name: value for name, value in changes.items() if owner(reference, name) is reference.network}
    of_training = {name: value for name, value in changes.items() if name not in of_network}
    return reference.network.replace(**of_network), reference.training.replace(**of_training)


def _asked(reference: Variant, text: str) -> tuple[str, list[Any]]:
    """The hyperparameter and the values that one ``--vary`` names."""
    name, equals, values = text.partition("=")
    name = ALIASES.get(name, name)
    config = owner(reference, name)
    hp = next(hp for hp in hyperparameters(type(config)) if hp.name == name)
    if getattr(config, name) is None:
        raise InputError(f"{name} does not exist in {reference.name}, it needs {hp.when}: set that first, by --set")
    if equals:
        return name, [parse(type(config), name, part.replace(LAYERS, ",")) for part in values.split(",")]
    if isinstance(hp.domain, Choice):
        return name, list(hp.domain.options)
    if isinstance(hp.domain, Int) and hp.domain.size <= MOST_VALUES:
        return name, list(range(hp.domain.low, hp.domain.high + 1, hp.domain.step))
    raise InputError(f"{name} has too many values to take all of {hp.domain}: write --vary {name}=VALUE,VALUE")


def _made(reference: Variant, changes: dict[str, Any]) -> Variant:
    network, training = changed(reference, changes)
    before = {**reference.network.to_dict(), **reference.training.to_dict()}
    after = {**network.to_dict(), **training.to_dict()}
    also = {
        key: after.get(key)
        for key in (*before, *after)
        if (before.get(key) or None) != (after.get(key) or None) and key not in changes
    }
    return Variant(
        " ".join(f"{name}={spelled(value)}" for name, value in changes.items()), network, training, changes, also
    )


def _allowed(variant: Variant, allow: Callable[[Network], None]) -> Variant:
    try:
        allow(variant.network)
    except ValueError as error:
        raise InputError(f"--vary {variant.name} cannot be trained: {error}") from None
    return variant


def _flips(reference: Variant) -> list[tuple[str, Any]]:
    """Another value for each hyperparameter of the network, and for each of the training that a search varies."""
    own: list[tuple[Config, Hyperparameter]] = [
        (reference.network, hp) for hp in hyperparameters(type(reference.network))
    ]
    own += [(reference.training, hp) for hp in hyperparameters(Training) if hp.search]
    values = [(hp, getattr(config, hp.name)) for config, hp in own]
    return [(hp.name, flipped(hp, value)) for hp, value in values if value is not None]


def flipped(hp: Hyperparameter, value: Any) -> Any:
    """The next option of a choice; of a number the half, or the double where the half is outside."""
    if isinstance(value, tuple):
        return tuple(flipped(hp, part) for part in value)
    domain = hp.domain
    if isinstance(domain, Choice):
        return domain.options[(domain.options.index(value) + 1) % len(domain.options)]
    if isinstance(domain, Int):
        half = domain.low + (value // 2 - domain.low) // domain.step * domain.step
        more = domain.low + (max(2 * value, value + domain.step) - domain.low) // domain.step * domain.step
    else:
        assert isinstance(domain, Float)
        half, more = value / 2, 2 * value or domain.high / 2
    return half if domain.low <= half < value else min(more, domain.high)
