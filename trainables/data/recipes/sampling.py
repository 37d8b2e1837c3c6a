"""How spectra are drawn from a definition: the rules of Schuetzke et al. 2023, in their order of random draws.

All lengths are given for 5000 points and scaled to the definition's; only the peak widths stay, so that a peak is
always sampled well. At 5000 points, the seed 2022 and the published definitions, every split equals the published one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.dataset import Axis, Dataset
from spectune.trainables.data.definition import Definition, Variation
from spectune.trainables.data.peaks import Peaks

SEED = 2022
POINTS = 5000
TRAIN, VALIDATION = 50, 10  # spectra per class
SHIFT = 50  # peaks move by -50..49 points, each on its own
HEIGHT = 0.05  # heights change by up to this, absolutely
WIDTHS = (2.0, 5.0)  # sigma in points
HIGHEST = 2.0
TEST_WIDTH = 2.0
TEST_SHIFT = 30  # in the test split the whole pattern moves by this

Table = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]  # positions, heights, which exist; all (N, P)


class Variant(NamedTuple):
    """One test spectrum of a class: the whole pattern ``shift``ed (points), heights other than 1 ``change``d."""

    shift: int
    change: float


def scaled(length: float, points: int) -> int:
    """``length``, given for 5000 points, on an axis of ``points``."""
    return round(length * points / POINTS)


def dataset(
    definition: Definition,
    variants: list[list[Variant]],
    *,
    name: str,
    description: str,
    seed: int,
    train: int,
    validation: int,
    vary_largest: bool,
) -> Dataset:
    """The dataset of a definition: drawn training and validation spectra, each class's ``variants`` to test."""
    drawn = draw(definition, seed=seed, train=train, validation=validation, vary_largest=vary_largest)
    return Dataset(
        name=name,
        description=description,
        classes=definition.names,
        axis=Axis(np.arange(definition.points, dtype=np.float64)),
        train=drawn[0],
        validation=drawn[1],
        test=blind(definition, variants),
        definition=definition,
        variation=variation(definition.points, vary_largest=vary_largest),
    )


def variation(points: int, *, vary_largest: bool) -> Variation:
    """How ``draw`` varies the peaks on an axis of ``points``."""
    shift = scaled(SHIFT, points)
    return Variation(
        low=-shift,
        high=max(shift - 1, -shift),
        change=HEIGHT,
        highest=HIGHEST,
        largest=vary_largest,
        hides=True,
        widths=WIDTHS,
    )


def draw(definition: Definition, *, seed: int, train: int, validation: int, vary_largest: bool) -> tuple[Peaks, Peaks]:
    """Training and validation spectra: each peak moved and changed on its own, one width a spectrum.

    The draws of a spectrum are, in order, one integer a peak, one double a varied height, one double for the width;
    one generator makes all spectra, class by class. ``vary_largest`` False keeps heights of exactly 1.
    """
    random = np.random.default_rng(seed)
    positions, heights = definition.padded()
    exist = np.arange(positions.shape[1]) < definition.counts[:, None]
    vary = exist if vary_largest else exist & (heights != 1.0)
    each, shift = train + validation, scaled(SHIFT, definition.points)
    shifts = np.zeros((len(definition), each, positions.shape[1]), np.int64)  # (C, spectra, P)
    uniform = np.zeros(shifts.shape)
    widths = np.zeros(shifts.shape[:2])
    for row, count in enumerate(definition.counts):
        varied = np.flatnonzero(vary[row])
        for number in range(each):
            shifts[row, number, :count] = random.integers(-shift, max(shift, 1 - shift), count)
            doubles = random.random(len(varied) + 1)
            uniform[row, number, varied], widths[row, number] = doubles[:-1], doubles[-1]
    low, high = heights - HEIGHT, heights + HEIGHT
    values = np.clip(low[:, None] + (high - low)[:, None] * uniform, 0, HIGHEST)
    values = np.where(vary[:, None], values, heights[:, None])
    places = np.clip(positions[:, None] + shifts, 0, definition.points - 1)
    widths = WIDTHS[0] + (WIDTHS[1] - WIDTHS[0]) * widths
    parts = []
    for part in (np.s_[:, :train], np.s_[:, train:]):
        table = places[part], values[part], np.broadcast_to(exist[:, None], values.shape)[part]
        flat = tuple(array.reshape(-1, array.shape[-1]) for array in table)
        labels = np.repeat(np.arange(len(definition)), widths[part].shape[1])
        parts.append(_peaks(flat, widths[part].ravel(), labels, definition.points))  # type: ignore[arg-type]
    return parts[0], parts[1]


def blind(definition: Definition, variants: list[list[Variant]]) -> Peaks:
    """The deterministic test spectra: for each class its ``variants``, all of the smallest width."""
    positions, heights = definition.padded()
    exist = np.arange(positions.shape[1]) < definition.counts[:, None]
    rows = np.repeat(np.arange(len(variants)), [len(variant) for variant in variants])
    flat = [variant for some in variants for variant in some]
    shifts = np.array([variant.shift for variant in flat])[:, None]
    changes = np.array([variant.change for variant in flat])[:, None]
    fixed = heights[rows] == 1.0
    values = np.where(fixed, heights[rows], np.clip(heights[rows] + changes, 0, HIGHEST))
    places = np.clip(positions[rows] + shifts, 0, definition.points - 1)
    return _peaks((places, values, exist[rows]), np.full(len(rows), TEST_WIDTH), rows, definition.points)


def _peaks(table: Table, widths: NDArray[np.float64], labels: NDArray[np.int64], points: int) -> Peaks:
    """A split, where a peak replaces earlier ones that happen to lie on the same point, as when assigning deltas."""
    positions, heights, exist = table
    same = (positions[:, :, None] == positions[:, None, :]) & exist[:, None, :]
    replaced = np.triu(same, 1).any(axis=2)
    return Peaks(positions, np.where(exist & ~replaced, heights, 0), widths, labels, points=points)
