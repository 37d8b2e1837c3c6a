"""A network with its training as JSON, as studies and exports keep it."""

from __future__ import annotations

from typing import Any

from spectune.spaces.config import Network
from spectune.spaces.registry import FAMILIES
from spectune.spaces.training import Training


def recorded(network: Network, training: Training) -> dict[str, Any]:
    """A config as it is recorded: plain JSON values under the space's names."""
    return {"network": {"family": network.family, **network.to_dict()}, "training": training.to_dict()}


def configs(config: dict[str, Any]) -> tuple[Network, Training]:
    """The network's and the training's config that ``recorded`` gave; ValueError when they are none."""
    values = dict(config["network"])
    family = values.pop("family", None)
    if family not in FAMILIES:
        raise ValueError(f"a config's family must be one of {', '.join(FAMILIES)}, got {family!r}: choose one of them")
    return FAMILIES[family].from_dict(values), Training.from_dict(config["training"])
