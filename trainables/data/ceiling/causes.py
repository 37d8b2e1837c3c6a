"""Why two classes can be confused, from their definitions and how training spectra vary: never from a network.

The causes are those of Schuetzke et al. 2023: a minor peak is overlooked, or positions or intensities overlap.
Differences are counted in spans: the range over which training lets one position, or one height, vary. So a difference
of 1 is where the ranges of two classes just stop to overlap, and the smallest sum of differences that turns one class
into the other is their distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.definition import Definition, Variation

MINOR, POSITIONS, INTENSITIES, MIXED, OTHER = "minor peak", "positions", "intensities", "several", "other"
CAUSES = (MINOR, POSITIONS, INTENSITIES, MIXED, OTHER)
SAME = 0.1 + 1e-9  # spans: the ranges overlap by 90 % or more, so that few spectra could tell them apart
NEAR = 2.0  # spans between positions: beyond it not even a class half way between would overlap both
ROUNDING = 1e-9  # heights that differ by less are equal

# C classes, P peaks of the richest class


@dataclass(frozen=True)
class Match:
    """The peaks of two classes, one to one: ``pairs`` of peak numbers, and those that only ``first`` or ``second`` has.

    ``distance`` is the sum of all differences, in spans; a peak that has no partner counts its height.
    """

    pairs: tuple[tuple[int, int], ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    distance: float


@dataclass(frozen=True)
class Differences:
    """How the classes of a definition differ."""

    definition: Definition
    variation: Variation

    def match(self, first: int, second: int) -> Match:
        """The peaks of two classes, matched so that the sum of differences is the smallest.

        Only peaks whose positions are near, within two spans, can be partners: their heights may differ by any amount.
        """
        from scipy.optimize import linear_sum_assignment  # half a second, which only a diagnosis needs

        alone, missing = (self._peaks[number][1] / self._span[1] for number in (first, second))
        count, other = len(alone), len(missing)
        costs = np.full((count + other, count + other), np.inf)
        position, height = self._apart(first, second)
        costs[:count, :other] = np.where(position < NEAR, position + height, np.inf)
        costs[np.arange(count), other + np.arange(count)] = alone
        costs[count + np.arange(other), np.arange(other)] = missing
        costs[count:, other:] = 0
        rows, columns = linear_sum_assignment(costs)
        pairs = tuple((int(a), int(b)) for a, b in zip(rows, columns, strict=True) if a < count and b < other)
        return Match(
            pairs,
            tuple(sorted(set(range(count)) - {a for a, _ in pairs})),
            tuple(sorted(set(range(other)) - {b for _, b in pairs})),
            float(costs[rows, columns].sum()),
        )

    def cause(self, first: int, second: int) -> str:
        """Why the two classes can be confused: one of CAUSES, the same in both directions.

        A peak is minor if it is no higher than the span over which training lets a height vary: its presence changes a
        spectrum no more than that. OTHER: they are far apart (a higher peak has no partner), or nothing differs.
        """
        match = self.match(first, second)
        alone = [self._peaks[first][1][n] for n in match.first] + [self._peaks[second][1][n] for n in match.second]
        if any(height > self._span[1] + ROUNDING for height in alone):
            return OTHER
        position, height = self._apart(first, second)
        kinds = [MINOR] if alone else []
        kinds += [POSITIONS] if any(position[pair] > SAME for pair in match.pairs) else []
        kinds += [INTENSITIES] if any(height[pair] > SAME for pair in match.pairs) else []
        return kinds[0] if len(kinds) == 1 else MIXED if kinds else OTHER

    def widest(self, first: int, second: int) -> tuple[int | None, int | None]:
        """The peak that differs most, as its number in each class; None in the one that lacks it."""
        match = self.match(first, second)
        apart = self._apart(first, second).sum(axis=0)
        parts: list[tuple[float, tuple[int | None, int | None]]] = [(float(apart[pair]), pair) for pair in match.pairs]
        parts += [(float(self._peaks[first][1][n] / self._span[1]), (n, None)) for n in match.first]
        parts += [(float(self._peaks[second][1][n] / self._span[1]), (None, n)) for n in match.second]
        return max(parts, key=lambda part: part[0])[1]

    def rival(self, number: int) -> int:
        """The class at the smallest distance from class ``number``."""
        bounds = self._bounds(number)
        best, nearest = np.inf, -1
        for other in np.argsort(bounds, kind="stable"):
            if bounds[other] >= best:
                break
            distance = self.match(number, int(other)).distance
            if distance < best:
                best, nearest = distance, int(other)
        return nearest

    def _bounds(self, number: int) -> NDArray[np.float64]:
        """(C,) distances that those from class ``number`` to the others do not fall below; infinite to itself."""
        places, heights = self._peaks[number]
        others, levels = self.definition.padded()
        position = np.abs(others[:, None] - places[:, None]) / self._span[0]  # (C, peaks, P)
        height = np.abs(levels[:, None] - heights[:, None]) / self._span[1]
        half = np.where((position < NEAR) & (levels > 0)[:, None], (position + height) / 2, np.inf)
        alone = np.minimum(heights / self._span[1], half.min(axis=2)).sum(axis=1)
        missing = np.minimum(levels / self._span[1], half.min(axis=1)).sum(axis=1)
        bounds: NDArray[np.float64] = alone + missing - ROUNDING
        bounds[number] = np.inf
        return bounds

    @cached_property
    def _span(self) -> tuple[int, float]:
        """What counts as one: points of a position, and of a height."""
        points, height = self.variation.span
        return points, max(height, ROUNDING)

    @cached_property
    def _peaks(self) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        both = zip(self.definition.positions, self.definition.heights, strict=True)
        return [(np.array(positions), np.array(heights)) for positions, heights in both]

    def _apart(self, first: int, second: int) -> NDArray[np.float64]:
        """(2, peaks, peaks) by how many spans positions and heights differ."""
        parts = zip(self._peaks[first], self._peaks[second], self._span, strict=True)
        return np.stack([np.abs(some[:, None] - others) / span for some, others, span in parts])


def differences(dataset: Dataset) -> Differences | None:
    """How the classes of a dataset differ; None where that is not known: measured spectra, mixtures."""
    if dataset.variation is None or not isinstance(dataset.definition, Definition):
        return None
    return Differences(dataset.definition, dataset.variation)


def categories(dataset: Dataset) -> list[str]:
    """For each class the cause for which it could be taken for its nearest rival; [] where that is not known."""
    known = differences(dataset)
    if known is None:
        return []
    return [known.cause(number, known.rival(number)) for number in range(len(dataset.classes))]
