"""How training spectra vary about the definition of their class: what a classifier can know of a spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.definition import Definition


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Each peak varies on its own, all values of a range equally likely; one width a spectrum, for all classes alike.

    Positions move by whole points from ``low`` to ``high`` and are clipped to the axis. Heights change by up to
    ``change`` and are clipped to 0..``highest``; those of exactly 1 only where ``largest`` varies. A peak on the point
    of an earlier one of its class replaces it where ``hides``, else the two add up. ``widths`` are sigma in points.
    """

    low: int
    high: int
    change: float
    highest: float
    largest: bool
    hides: bool
    widths: tuple[float, float]

    @property
    def span(self) -> tuple[int, float]:
        """Points over which a position varies (1 where it does not), and how far a height does."""
        return self.high - self.low + 1, 2 * self.change

    def positions(self, definition: Definition) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest position of each peak, (C, P) each."""
        places, last = definition.padded()[0], definition.points - 1
        return np.clip(places + self.low, 0, last), np.clip(places + self.high, 0, last)

    def heights(self, definition: Definition) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest height of each peak, (C, P) each; 0 where a class has fewer peaks."""
        heights = definition.padded()[1]
        change = np.where(self.varied(heights), self.change, 0.0)
        return np.clip(heights - change, 0, self.highest), np.clip(heights + change, 0, self.highest)

    def varied(self, heights: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of nominal ``heights`` vary; one of 0 is no peak."""
        vary: NDArray[np.bool_] = (heights > 0) & (self.largest | (heights != 1.0)) & (self.change > 0)
        return vary
