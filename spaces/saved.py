"""A network with its training as JSON, as studies and exports keep it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spectune.spaces.config import Network
from spectune.spaces.ensemble import Ensemble
from spectune.spaces.errors import InputError
from spectune.spaces.registry import FAMILIES
from spectune.spaces.space import Space
from spectune.spaces.training import Training

ALL = "any"  # the learned portfolio of all families together


class UnknownFamily(InputError):
    """A config of a family that is not among those that were given."""


def recorded(network: Network, training: Training) -> dict[str, Any]:
    """A config as it is recorded: plain JSON values under the space's names."""
    return {"network": {"family": network.family, **network.to_dict()}, "training": training.to_dict()}


def configs(config: dict[str, Any], families: Mapping[str, type[Network]] = FAMILIES) -> tuple[Network, Training]:
    """The network's and the training's config that ``recorded`` gave; ``families`` are those that it may be of.

    ValueError when they are none, UnknownFamily when the network's family is another.
    """
    return _network(config["network"], families), Training.from_dict(config["training"])


def portfolio(learned: Mapping[str, Any], space: Space) -> list[tuple[Network, Training]]:
    """The learned configs to begin with in a space, the best first: for one family its own, for several those of all.
    ``learned`` is as ``spaces.learned`` reads it."""
    names = [family.family for family in space.families]
    entries = learned["portfolio"].get(names[0] if len(names) == 1 else ALL, [])
    return [configs(one) for one in entries if one["network"]["family"] in names]


def _network(values: dict[str, Any], families: Mapping[str, type[Network]]) -> Network:
    """The network's config; the members of an ensemble are of the ``families``, and no ensembles."""
    if values.get("family") != Ensemble.family:
        return _single(values, families)
    return Ensemble.from_dict(
        {"members": [{**one, "network": _single(one["network"], families)} for one in values["members"]]}
    )


def _single(values: dict[str, Any], families: Mapping[str, type[Network]]) -> Network:
    values = dict(values)
    family = values.pop("family", None)
    if family not in families:
        raise UnknownFamily(
            f"a network's family must be one of {', '.join(families)}, got {repr(family)[:100]}: where it is one of "
            "your own, give its file as --space FILE.py:NAME"
        )
    return families[family].from_dict(values)
