"""The ideal classifier: how often whoever knew the training distribution exactly, and nothing else, would be right.

It knows each class's peaks and how they vary, and sees the peaks of a spectrum as they were made: not normalised, with
neither noise nor background. Where several classes are equally likely to have made a spectrum it tosses a coin. A
network can do better only where it guesses by more than its training data says, as half way between two classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.definition import Definition, Variation
from spectune.trainables.data.peaks import Peaks

EXACT = 1e-9  # heights that differ by less, and likelihoods by less of themselves, are equal
MOST_PAIRS = 1 << 20  # of spectra and classes that are compared at a time
MOST_WAYS = 1 << 12  # of giving a spectrum's peaks to those of a class

# N spectra, C classes, M pairs of a spectrum and a class, V visible peaks of a spectrum, P peaks of a class


@dataclass(frozen=True)
class Ideal:
    """What the ideal classifier says of each spectrum, all classes being equally frequent.

    ``sets`` holds for each spectrum the classes that are most likely to have made it, all equally. ``chances`` (N,) are
    those of being right: one over their number, or 0. Spectra that no class makes in training (``outside``) are guessed
    among all. ``bound`` says why the true ceiling is lower, where it is.
    """

    sets: tuple[tuple[int, ...], ...]
    chances: NDArray[np.float64]
    outside: int
    bound: str = ""

    @property
    def accuracy(self) -> float:
        """The expected accuracy."""
        return float(self.chances.mean())


def ideal(dataset: Dataset, split: str = "test") -> Ideal | None:
    """The ideal classifier on a split; None where it is not known how training spectra vary about a definition.

    Exact, but for two peaks of a class that vanished at one point. Takes time in proportion to spectra times classes.
    ValueError where peaks can be exchanged in too many ways.
    """
    spectra, definition, variation = dataset.split(split), dataset.definition, dataset.variation
    if variation is None or not isinstance(definition, Definition) or not isinstance(spectra, Peaks):
        return None
    step = max(1, MOST_PAIRS // len(definition))
    sets: list[tuple[int, ...]] = []
    for start in range(0, len(spectra), step):
        seen = _seen(spectra, slice(start, start + step))
        likelihoods = _likelihoods(seen, definition, variation)
        sets += [_best(likelihoods.get(row, {})) for row in range(len(seen[0]))]
    every = 1 / len(definition)
    chances = [(true in best) / len(best) if best else every for best, true in zip(sets, spectra.labels, strict=True)]
    hidden = spectra.noise is not None or spectra.background is not None
    bound = "noise or background, which it does not see, hide peaks from a network" if hidden else ""
    return Ideal(tuple(sets), np.array(chances), sum(not best for best in sets), bound)


def ceiling(dataset: Dataset, split: str) -> float | None:
    """The accuracy that the ideal classifier expects on a split; None where that is not known."""
    try:
        classifier = ideal(dataset, split)
    except ValueError:
        return None
    return None if classifier is None else classifier.accuracy


def _best(likelihoods: dict[int, tuple[int, float]]) -> tuple[int, ...]:
    """The classes whose (exact heights, density) is the highest; the first number counts infinitely more."""
    if not likelihoods:
        return ()
    exact, density = max(likelihoods.values())
    return tuple(c for c, (n, value) in likelihoods.items() if n == exact and value >= density * (1 - EXACT))


def _seen(spectra: Peaks, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions and heights (N, V) of the visible peaks, those first; the rest has height 0."""
    heights = spectra.heights[rows]
    order = np.argsort(heights == 0, axis=1, kind="stable")
    most = max(1, int((heights > 0).sum(axis=1).max()))
    places = np.take_along_axis(spectra.positions[rows].astype(np.int64), order, axis=1)
    return places[:, :most], np.take_along_axis(heights, order, axis=1)[:, :most]


def _likelihoods(
    seen: tuple[NDArray[np.int64], NDArray[np.float64]], definition: Definition, variation: Variation
) -> dict[int, dict[int, tuple[int, float]]]:
    """Spectrum -> class -> (heights that are matched exactly, density) of every class that can have made it."""
    rows, classes = _possible(seen, definition, variation)
    by_spectrum: dict[int, dict[int, tuple[int, float]]] = {}
    for some in np.array_split(np.arange(len(rows)), len(rows) // 20_000 + 1):
        places, heights = seen[0][rows[some]], seen[1][rows[some]]
        mass, density, exact, absent = _factors(places, heights, definition, variation, classes[some])
        for number, pair in enumerate(some):
            visible, peaks = int((heights[number] > 0).sum()), int(definition.counts[classes[pair]])
            cut = np.s_[number, :visible, :peaks]
            chances = _Chances(mass[cut], density[cut], exact[cut], absent[number, :peaks], variation.hides)
            value = _likelihood(chances)
            if value[1] > 0:
                by_spectrum.setdefault(int(rows[pair]), {})[int(classes[pair])] = value
    return by_spectrum


def _possible(
    seen: tuple[NDArray[np.int64], NDArray[np.float64]], definition: Definition, variation: Variation
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (M,) of spectrum and class in which each visible peak lies within the range of some peak of the class."""
    places, heights = seen
    left, right = variation.positions(definition)
    low, high = variation.heights(definition)
    visible = (heights > 0).sum(axis=1)
    surely = (low > 0).sum(axis=1) if not variation.hides else np.zeros(len(definition), np.int64)
    rows, classes = np.nonzero((visible[:, None] <= definition.counts) & (visible[:, None] >= surely))
    for number in range(places.shape[1]):
        place, height = places[rows, number, None], heights[rows, number, None]
        near = (left[classes] <= place) & (place <= right[classes]) & (high[classes] > 0)
        near &= (low[classes] - EXACT <= height) & (height <= high[classes] + EXACT)
        matched = near.any(axis=1) | (height[:, 0] == 0)
        rows, classes = rows[matched], classes[matched]
    return rows, classes


def _factors(
    places: NDArray[np.int64],
    heights: NDArray[np.float64],
    definition: Definition,
    variation: Variation,
    classes: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """For each visible peak and each peak of the class, (M, V, P): the probability of the position, the density of the
    height, or its probability where it is ``exact`` (a fixed height, or clipped at the highest); and the
    probability (M, P) that a peak's height is clipped to 0.
    """
    nominal, levels = definition.padded()
    nominal, levels = nominal[classes][:, None], levels[classes][:, None]  # (M, 1, P)
    span, change, last = variation.span[0], variation.change, definition.points - 1
    shift = places[:, :, None] - nominal
    above = np.where(places[:, :, None] == last, variation.high, np.minimum(shift, variation.high))
    below = np.where(places[:, :, None] == 0, variation.low, np.maximum(shift, variation.low))
    mass = np.clip(above - below + 1, 0, None) / span * (levels > 0)
    varied, height = variation.varied(levels), heights[:, :, None]
    width = 2 * change if change else 1.0
    within = np.abs(height - levels) <= change + EXACT
    clipped = varied & (height >= variation.highest) & (levels + change > variation.highest)
    exact = clipped | ~varied
    density = np.where(varied, within / width, np.abs(height - levels) <= EXACT)
    density = np.where(clipped, (levels + change - variation.highest) / width, density)
    absent = np.where(varied, np.clip((change - levels) / width, 0, 1), 0.0)[:, 0]
    return mass, density, exact, absent


class _Chances(NamedTuple):
    """The factors of one spectrum and one class."""

    mass: NDArray[np.float64]  # (V, P)
    density: NDArray[np.float64]  # (V, P)
    exact: NDArray[np.bool_]  # (V, P)
    absent: NDArray[np.float64]  # (P,)
    hides: bool


def _likelihood(chances: _Chances) -> tuple[int, float]:
    """(exact heights, density) of a spectrum under a class, summed over all ways to give its peaks to the class's.

    Peaks of the class that none is given to must be absent: clipped to 0, or hidden by a later peak on their point.
    Of two ways, the one with more exact heights is infinitely more likely.
    """
    mass, both = chances.mass.tolist(), (chances.mass * chances.density).tolist()
    exact = chances.exact.tolist()
    ways: dict[int, tuple[int, float]] = {0: (0, 1.0)}  # peaks of the class that are used, as bits
    for peak, row in enumerate(both):
        longer: dict[int, tuple[int, float]] = {}
        for used, (count, weight) in ways.items():
            for other, chance in enumerate(row):
                if chance and not used >> other & 1:
                    taken = [(used | 1 << other, weight * chance)]
                    for hidden in range(other) if chances.hides else ():
                        if mass[peak][hidden] and not used >> hidden & 1:
                            taken += [(bits | 1 << hidden, value * mass[peak][hidden]) for bits, value in taken]
                    for bits, value in taken:
                        _add(longer, bits, (count + exact[peak][other], value))
        if len(longer) > MOST_WAYS:
            raise InputError(
                f"the ceiling is computed for up to {MOST_WAYS} ways to exchange the peaks of a class, these are "
                "more: it is known for classes with fewer peaks or smaller shifts only"
            )
        ways = longer
    beside = 1 - chances.mass.sum(axis=0) if chances.hides else np.ones(len(chances.absent))
    absent = (chances.absent * beside).tolist()
    totals: dict[int, tuple[int, float]] = {}
    for used, (count, weight) in ways.items():
        unused = [chance for number, chance in enumerate(absent) if not used >> number & 1]
        value = weight * float(np.prod(unused))
        if value > 0:
            _add(totals, 0, (count, value))
    return totals.get(0, (0, 0.0))


def _add(ways: dict[int, tuple[int, float]], used: int, way: tuple[int, float]) -> None:
    """Add a way to those with the same peaks used, unless these have more exact heights."""
    count, weight = ways.get(used, (way[0], 0.0))
    if way[0] > count:
        ways[used] = way
    elif way[0] == count:
        ways[used] = count, weight + way[1]
