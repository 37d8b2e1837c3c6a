"""The plane over position and height of one peak, in which two classes meet: spectra on a grid, for decision regions.

As in Fig. 6 of Schuetzke et al. 2023: what a network decides there shows how it fills the room that its training data
leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.ceiling.causes import Differences
from spectune.trainables.data.dataset import Split
from spectune.trainables.data.peaks import Peaks

ACROSS, UP = 41, 31  # grid points
MARGIN = 0.25  # of what the ranges of both classes take, left and right, below and above

# X positions, Y heights


@dataclass(frozen=True)
class Region:
    """The plane of one peak of ``classes``, whose numbers in each are ``peak`` (None: the class has no such peak).

    ``positions`` (X,) in points and ``heights`` (Y,) span the grid; ``spectra`` are its Y x X spectra, height by
    height. Other peaks lie half way between their places in the two classes, those without a partner where the first
    class has them. ``boxes`` are the lowest and highest position, and height, of each class in training.
    """

    classes: tuple[int, int]
    peak: tuple[int | None, int | None]
    positions: NDArray[np.int64]
    heights: NDArray[np.float64]
    boxes: tuple[tuple[float, float, float, float], ...]
    spectra: Peaks

    def spots(self, split: Peaks, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """(rows, positions, heights) of the spectra of ``classes[number]`` in a split; none where it lacks the peak.

        The columns of the split's table are the class's peaks in the order of the definition.
        """
        column = self.peak[number]
        rows = np.flatnonzero(split.labels == self.classes[number])
        if column is None:
            return rows[:0], np.zeros(0, np.int64), np.zeros(0)
        rows = rows[split.heights[rows, column] > 0]
        return rows, split.positions[rows, column].astype(np.int64), split.heights[rows, column]


def region(differences: Differences, split: Split, first: int, second: int, *, peak: int | None = None) -> Region:
    """The plane of the peak that differs most between two classes, or of ``peak`` (counted from 1) of the first.

    Peaks are as wide as those of the middle spectrum of ``split``; there is neither noise nor background.
    """
    assert isinstance(split, Peaks), "only spectra with a definition have causes"
    count = int(differences.definition.counts[first])
    if peak is not None and not 1 <= peak <= count:
        name = differences.definition.names[first]
        raise InputError(
            f"a peak of {name} must be from 1 to {count}, in the definition's order, got {peak}: choose one"
        )
    partners: dict[int, int] = dict(differences.match(first, second).pairs)
    chosen = differences.widest(first, second) if peak is None else (peak - 1, partners.get(peak - 1))
    boxes = tuple(_box(differences, number, own) for number, own in zip((first, second), chosen, strict=True))
    sides = np.array([box for box, own in zip(boxes, chosen, strict=True) if own is not None])
    last, highest = differences.definition.points - 1, differences.variation.highest
    low, high = sides[:, 2].min() if None not in chosen else 0.0, sides[:, 3].max()
    positions = np.unique(np.round(_grid(sides[:, 0].min(), sides[:, 1].max(), 1.0, last, ACROSS)).astype(np.int64))
    heights = _grid(low, high, 0.01, highest, UP)
    others = _others(differences, (first, second), chosen)
    places = np.column_stack([np.tile(positions, len(heights)), np.tile(others[0], (len(heights) * len(positions), 1))])
    levels = np.column_stack([np.repeat(heights, len(positions)), np.tile(others[1], (len(places), 1))])
    widths = np.full(len(places), np.median(split.widths))
    spectra = Peaks(places, levels, widths, np.full(len(places), first), points=differences.definition.points)
    return Region((first, second), chosen, positions, heights, boxes, spectra)


def _box(differences: Differences, number: int, peak: int | None) -> tuple[float, float, float, float]:
    """What training shows of a peak: positions from, to, heights from, to; NaN where there is no such peak."""
    if peak is None:
        return (np.nan,) * 4
    bounds = (
        *differences.variation.positions(differences.definition),
        *differences.variation.heights(differences.definition),
    )
    left, right, low, high = (float(bound[number, peak]) for bound in bounds)
    return left, right, low, high


def _grid(low: float, high: float, least: float, most: float, steps: int) -> NDArray[np.float64]:
    margin = MARGIN * max(high - low, 2 * least)
    return np.linspace(max(0.0, low - margin), min(most, high + margin), steps)


def _others(
    differences: Differences, classes: tuple[int, int], chosen: tuple[int | None, int | None]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions and heights of all other peaks."""
    definition, match = differences.definition, differences.match(*classes)
    a, b = ((definition.positions[number], definition.heights[number]) for number in classes)
    pairs = [(i, j) for i, j in match.pairs if i != chosen[0] and j != chosen[1]]
    alone = [i for i in match.first if i != chosen[0]]
    positions = [round((a[0][i] + b[0][j]) / 2) for i, j in pairs] + [a[0][i] for i in alone]
    heights = [(a[1][i] + b[1][j]) / 2 for i, j in pairs] + [a[1][i] for i in alone]
    return np.array(positions, np.int64), np.array(heights)
