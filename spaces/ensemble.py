"""Several trained networks as one, whose probabilities are averaged. Nothing that a search proposes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from spectune.spaces.config import Cost, Network
from spectune.spaces.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Member:
    """One network of an ensemble: the ``trial`` of its study that trained it, and its ``weight`` in the mean."""

    trial: int
    weight: int
    network: Network


@dataclass(frozen=True, kw_only=True)
class Ensemble(Network):
    """The weighted mean of its members' probabilities. It has no hyperparameters of its own, and is never trained: its
    members are."""

    family: ClassVar[str] = "ensemble"
    by_steps: ClassVar[bool] = False

    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        weights = [one.weight for one in self.members]
        if not weights or not all(type(weight) is int and weight > 0 for weight in weights):
            raise InputError(f"an ensemble needs members with whole weights of 1 or more, got {weights}: give them")

    @property
    def shares(self) -> list[float]:
        """The members' weights, which add up to 1."""
        total = sum(one.weight for one in self.members)
        return [one.weight / total for one in self.members]

    def to_dict(self) -> dict[str, Any]:
        return {
            "members": [
                {
                    "trial": one.trial,
                    "weight": one.weight,
                    "network": {"family": one.network.family, **one.network.to_dict()},
                }
                for one in self.members
            ]
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """As ``to_dict``, but that every member's ``network`` is its config already: only ``saved`` knows families."""
        return cls(members=tuple(Member(**one) for one in values["members"]))

    def parts(self) -> tuple[Network, ...]:
        return tuple(one.network for one in self.members)

    def cost(self, points: int, classes: int) -> Cost:
        """That of all members, each of which is asked once, whatever its weight."""
        return Cost(*(sum(parts) for parts in zip(*(one.cost(points, classes) for one in self.parts()), strict=True)))

    def preparation(self) -> list[str]:
        return ["of each member its own"]

    def describe(self) -> str:
        """For instance: mean of 5 networks, 3 x logistic regression, C 0.1, autoscaled; 2 x PLS-DA of 10 components."""
        weights: Counter[str] = Counter()
        for one in self.members:
            weights[one.network.describe()] += one.weight
        parts = "; ".join(f"{weight} x {name}" for name, weight in weights.most_common())
        return f"mean of {len(self.members)} networks, {parts}"
