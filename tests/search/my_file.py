"""A user's own architecture, as the tests use it; each gives the family a name."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from spectune.spaces.config import Cost, Network, hyper
from spectune.spaces.domain import Choice, Int
from spectune.trainables.models.layers import Normalise


@dataclass(frozen=True, kw_only=True)
class Mine(Network):
    family: ClassVar[str] = "FAMILY"

    width: int = hyper(Int(8, 64, log=True), 32, "units")
    activation: str = hyper(Choice("tanh", "relu"), "tanh", "activation")

    def cost(self, points: int, classes: int) -> Cost:
        weights = points * self.width + self.width * classes
        return Cost(weights + self.width + classes, weights, self.width)


def build(network, points, classes):
    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[network.activation]()
    return nn.Sequential(
        Normalise(), nn.Flatten(), nn.Linear(points, network.width), activation, nn.Linear(network.width, classes)
    )
