"""One training that the study asks for: which config, on which seed, in which stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from spectune.spaces import FAMILIES, Network, Training

STATES, WEIGHTS = ("state-0.pt", "state-1.pt"), "weights.safetensors"  # of a running trial, of a confirmed one
ENDED = "ended"  # of a trial whose replicas go on


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker needs to know of a trial. ``candidate`` is what the trial confirms, or tunes."""

    number: int
    stage: str  # explore | tune | confirm
    network: Network
    training: Training
    seed: int
    label: str = ""  # name of a published network, or of a variant
    candidate: int | str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The config as it is recorded."""
        return recorded(self.network, self.training)

    def to_dict(self) -> dict[str, Any]:
        keys = ("number", "stage", "seed", "label", "candidate")
        return {**{key: getattr(self, key) for key in keys}, "config": self.config}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The task that ``to_dict``, or a record's trial, describes."""
        keys = ("number", "stage", "seed", "label", "candidate")
        network, training = configs(values["config"])
        return cls(network=network, training=training, **{key: values[key] for key in keys})


def stored(number: int, file: str) -> str:
    """Where one of a trial's STATES or its WEIGHTS lie in the study's folder."""
    return f"trials/{number:04d}/{file}"


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
