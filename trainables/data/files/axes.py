"""Axes of files: repeated points, and one axis for all. N spectra, L points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.grid import interpolate

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]  # axis (L,), intensities (L,)
REPEATED = "repeated points of the axis averaged"


def averaged(
    axis: NDArray[np.float64], intensities: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Axis and intensities with one point where equal ones follow each other, and where each was first."""
    first = np.flatnonzero(np.diff(axis, prepend=np.nan) != 0)
    counts = np.diff(first, append=len(axis))
    return axis[first], np.add.reduceat(intensities, first) / counts, first


def common(pairs: list[Pair], files: list[str]) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """An axis for all, the spectra (N, L) on it, and a note where they had to be resampled."""
    first = pairs[0][0]
    if all(len(axis) == len(first) and np.array_equal(axis, first) for axis, _ in pairs):
        return first, np.stack([intensities for _, intensities in pairs]), ()
    pairs = [
        (axis[::-1], values[::-1]) if len(axis) > 1 and axis[0] > axis[-1] else (axis, values) for axis, values in pairs
    ]
    starts, ends = (np.array([axis[place] for axis, _ in pairs]) for place in (0, -1))
    low, high, usual = starts.max(), ends.min(), float(np.median(ends - starts))
    if not high - low >= usual / 2:
        number = int(
            starts.argmax() if starts.max() - np.median(starts) > np.median(ends) - ends.min() else ends.argmin()
        )
        raise InputError(
            f"{files[number]} must share half of the usual range with all other files, got {starts[number]:g} to "
            f"{ends[number]:g}: remove the file or measure it on the range of the others"
        )
    points = int(np.median([np.count_nonzero((axis >= low) & (axis <= high)) for axis, _ in pairs]))
    grid = np.linspace(low, high, max(points, 2))
    spectra = np.stack([interpolate(values[None], axis, grid)[0] for axis, values in pairs])
    return grid, spectra, (f"resampled to the common range {low:g} to {high:g}",)
