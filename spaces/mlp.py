"""The space of dense networks: fully connected layers on the raw points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import All, AtLeast, Choice, Float, Int, Single
from spectune.spaces.layers import (
    ACTIVATIONS,
    Tally,
    each,
    grown,
    head,
    head_margin,
    head_scale,
    norm_momentum,
    peaks,
    preprocess,
    reading,
    series,
)
from spectune.spaces.preprocess import Preprocessed


@dataclass(frozen=True, kw_only=True)
class MLP(Preprocessed):
    """A config of the family that holds the dense network of the crystal-system study (2024)."""

    family: ClassVar[str] = "mlp"

    depth: int = hyper(Int(1, 6), 2, "hidden layers")
    width: int | tuple[int, ...] = hyper(
        Int(16, 4096, log=True), 256, "units of the first hidden layer", per_layer="depth"
    )
    taper: float | None = hyper(
        Choice(0.25, 0.5, 1.0),
        0.5,
        "a layer's units are this share of the one before",
        when=All(AtLeast("depth", 2), Single("width")),
    )
    batch_norm: bool = hyper(Choice(False, True), False, "batch normalisation between layer and activation")
    norm_momentum: float | None = norm_momentum()
    activation: str = hyper(Choice("linear", *ACTIVATIONS), "relu", "activation of the hidden layers")
    dropout: float | tuple[float, ...] = hyper(
        Float(0.0, 0.8), 0.2, "dropout behind each hidden layer", per_layer="depth", replicas=True
    )
    preprocess: str = preprocess()
    reading: str = reading()
    peaks: int | None = peaks()
    head: str = head()
    head_scale: float | None = head_scale()
    head_margin: float | None = head_margin()

    def widths(self) -> tuple[int, ...]:
        """Units of every hidden layer."""
        return tuple(max(2, width) for width in grown(self.width, self.taper, self.depth, most=4096))

    def dropouts(self) -> tuple[float, ...]:
        """Dropout behind every hidden layer."""
        return each(self.dropout, self.depth)

    def cost(self, points: int, classes: int) -> Cost:
        points = self.inputs(points)
        tally = Tally()
        for inputs, outputs in pairwise((points, *self.widths())):
            tally.linear(inputs, outputs)
            if self.batch_norm:
                tally.norm(outputs)
        tally.output(self, self.widths()[-1], classes)
        return tally.total()

    def describe(self) -> str:
        """For instance: 2 hidden layers of 256-128 units, relu, dropout 0.2."""
        words = [
            f"{self.depth} hidden layer{'s' if self.depth > 1 else ''} of {series(self.widths())} units",
            self.activation,
            "batch normalisation" if self.batch_norm else "",
            f"dropout {series(tuple(f'{share:.2g}' for share in self.dropouts()))}" if any(self.dropouts()) else "",
            *self.end_words(),
        ]
        return ", ".join(word for word in words if word)
