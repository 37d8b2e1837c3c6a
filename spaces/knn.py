"""The space of k nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spectune.spaces.config import Cost, hyper
from spectune.spaces.domain import Int
from spectune.spaces.errors import InputError
from spectune.spaces.layers import MOST, preprocess
from spectune.spaces.preprocess import Preprocessed


@dataclass(frozen=True, kw_only=True)
class KNN(Preprocessed):
    """A config of weighted k nearest neighbours (Hechenbichler and Schliep 2004).

    A neighbour's vote is 1 - (d / D)^2 for its Euclidean distance d and that of the neighbour after the last, D: a
    vote grows from nothing as a spectrum becomes a neighbour. There is room for a fixed number of training spectra, so
    that sizes are known before the fit.
    """

    family: ClassVar[str] = "knn"
    by_steps: ClassVar[bool] = False

    neighbours: int = hyper(Int(1, 50, log=True), 5, "nearest training spectra that vote")
    kept: int = hyper(
        Int(100, 20_000, log=True), 2500, "training spectra that are kept; of more a stratified sample", search=False
    )
    preprocess: str = preprocess()

    def cost(self, points: int, classes: int) -> Cost:
        """The kept spectra with a vote for each class, and the weight of the prior; distances are products."""
        points = self.inputs(points)
        parameters = self.kept * (points + classes) + 1
        if parameters > MOST:
            raise InputError(
                f"nearest neighbours must store at most {MOST:,} numbers, got {parameters:,} with {self.kept} spectra "
                f"of {points} points: keep fewer"
            )
        return Cost(parameters, self.kept * points + self.neighbours * classes, self.kept)

    def describe(self) -> str:
        """For instance: 5 nearest neighbours of at most 2500 training spectra, preprocessing snv."""
        words = (f"{self.neighbours} nearest neighbours of at most {self.kept} training spectra", *self.end_words())
        return ", ".join(word for word in words if word)
