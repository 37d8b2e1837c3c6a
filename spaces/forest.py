"""The space of forests: extremely randomised trees (Geurts et al. 2006), or a random forest (Breiman 2001)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spectune.spaces.config import Cost, Network, hyper
from spectune.spaces.domain import Choice, Int
from spectune.spaces.errors import InputError
from spectune.spaces.layers import MOST, peaks, reading


@dataclass(frozen=True, kw_only=True)
class Forest(Network):
    """A config of the family that holds the trees of the crystal-system study (2024).

    Trees are tables of fixed sizes, so that a forest's cost is known before it is fitted.
    """

    family: ClassVar[str] = "forest"
    by_steps: ClassVar[bool] = False

    trees: int = hyper(Int(10, 500, log=True), 100, "trees whose probabilities are averaged")
    max_depth: int = hyper(Int(2, 32), 20, "questions until a leaf, at most")
    leaves: int = hyper(Int(8, 8192, log=True), 512, "leaves of a tree, at most; the most telling splits come first")
    features: int = hyper(Int(1, 1024, log=True), 64, "points drawn for a split")
    min_leaf: int = hyper(Int(1, 20, log=True), 1, "training spectra in a leaf, at least")
    kind: str = hyper(
        Choice("extra", "random"),
        "extra",
        "extra: thresholds at random, every spectrum in every tree; random: the best ones, on a bootstrap sample",
    )
    criterion: str = hyper(Choice("gini", "entropy"), "gini", "what the best of the drawn splits makes small")
    # No area, no SNV: means differ in their last bit between libraries, and a tree decides by it.
    preprocess: str = hyper(
        Choice("max", "none", "sqrt", "derivative"),
        "max",
        "what is done to a raw spectrum: divided by its maximum; root or derivative after that",
        search=False,
    )

    reading: str = reading()
    peaks: int | None = peaks()

    def slots(self) -> int:
        """Leaves for which a tree has room."""
        return min(self.leaves, 1 << self.max_depth)

    def steps(self) -> int:
        """Questions on the longest way to a leaf."""
        return min(self.max_depth, self.slots() - 1)

    def cost(self, points: int, classes: int) -> Cost:
        """Parameters are the stored numbers: four a node and the probabilities of every leaf, used or not.

        A comparison, and the addition of a tree's probability of a class, count as a multiply-add each. Nothing is
        kept for a backward pass; activations are the probabilities that are averaged.
        """
        self.inputs(points)  # refuses what cannot be
        parameters = self.trees * (4 * (2 * self.slots() - 1) + self.slots() * classes)
        if parameters > MOST:
            raise InputError(
                f"a forest must store at most {MOST:,} numbers, got {parameters:,} with {self.trees} trees of "
                f"{self.slots()} leaves for {classes} classes: take fewer trees or leaves"
            )
        return Cost(parameters, self.trees * (self.steps() + classes), self.trees * classes)

    def describe(self) -> str:
        """For instance: 100 trees of at most 512 leaves and depth 20, 64 points a split."""
        kind = "extremely randomised trees" if self.kind == "extra" else "trees of a random forest"
        words = [
            f"{self.trees} {kind} of at most {self.leaves} leaves and depth {self.max_depth}",
            f"{self.features} points a split",
            f"{self.min_leaf} spectra a leaf" if self.min_leaf > 1 else "",
            self.criterion,
            *self.end_words(),
        ]
        return ", ".join(word for word in words if word)
