"""Moving spectra to another axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis

OUTSIDE = 0.05  # share of the target axis that spectra may not cover: their end values are repeated there


def resample(spectra: NDArray[np.floating[Any]], axis: Axis, target: Axis) -> NDArray[np.float64]:
    """``spectra`` (N, L) on ``axis`` at the values of ``target``, linearly. Axes may rise or fall.

    Where ``target`` goes beyond ``axis`` the end value is repeated; ValueError if that is more than 5 % of it.
    """
    if spectra.ndim != 2 or spectra.shape[1] != len(axis):
        raise InputError(
            f"spectra must have one intensity for each of the {len(axis)} values of their axis, got the shape "
            f"{spectra.shape}: give (spectra, points)"
        )
    low, high = axis.values.min(), axis.values.max()
    outside = np.mean((target.values < low) | (target.values > high))
    if outside > OUTSIDE:
        unit = f" {target.unit}" if target.unit else ""
        raise InputError(
            f"spectra must cover the model's axis, {target.values.min():g} to {target.values.max():g}{unit}, "
            f"got {low:g} to {high:g}: measure that range, or train on the range that you have"
        )
    return interpolate(spectra, axis.values, target.values)


def interpolate(
    spectra: NDArray[np.floating[Any]], axis: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Linear interpolation of each row (N, L) at ``target``; end values beyond the ends."""
    step = -1 if len(axis) > 1 and axis[0] > axis[-1] else 1
    moved = np.empty((len(spectra), len(target)))
    for row, spectrum in enumerate(spectra):
        moved[row] = np.interp(target, axis[::step], spectrum[::step])
    return moved
