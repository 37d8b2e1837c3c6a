"""Numbers alone: whether a spectrum is a line or a column, and which columns are none. N lines, M columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.files.table import counted, turn

LINES, SOME = 200, 50  # lines and columns that are enough to be looked at
TALL = 2  # lines a column from which on a table may have its spectra in columns and no axis
SMOOTHER = 0.3  # by how much the correlation of neighbours must be higher down the columns


def numbered(values: NDArray[np.float64]) -> bool:
    """Whether the first column of (N, M) has row numbers, and the second goes otherwise."""
    return len(values) > 3 and values.shape[1] > 2 and counted(values[:, 0]) and not counted(values[:, 1])


def paired(values: NDArray[np.float64]) -> bool:
    """Whether every other column of (N, M) from the first on only rises or falls, in the range of the first: an axis
    before its intensities, which do not."""
    axes, others = values[:, ::2].T, values[:, 1::2].T
    if len(values) < 4 or len(axes) < 2 or any(turn(some) is not None for some in axes):
        return False
    within = [some.min() < axes[0].max() and some.max() > axes[0].min() for some in axes]
    return all(within) and len(others) >= len(axes) - 1 and any(turn(some) is not None for some in others)


def smoother_down(values: NDArray[np.float64]) -> bool:
    """Whether (N, M), with far more lines than columns, is smooth down its columns and not along its lines.

    Along a spectrum neighbours are alike, from one spectrum to the next they need not be.
    """
    if len(values) <= TALL * values.shape[1] or not np.isfinite(values).all():
        return False
    return _alike(values) > _alike(values.T) + SMOOTHER


def _alike(values: NDArray[np.float64]) -> float:
    """The correlation of each value with the next below it, the median over the columns that vary."""
    varied = values - values.mean(axis=0)
    squares = (varied**2).sum(axis=0)
    known = np.isfinite(squares) & (squares > 0)
    return float(np.median((varied[1:] * varied[:-1]).sum(axis=0)[known] / squares[known])) if known.any() else 0.0


def foreign(values: NDArray[np.floating]) -> list[int]:
    """Which of the first and the last column of (N, M) has whole numbers that vary, where most others have fractions,
    or a few that come again, where most others have many."""
    count, columns = values.shape
    if count < 4 or columns < 3:
        return []
    others = values[:, 1 : -1 : max(columns // SOME, 1)].T
    fractions = 2 * sum(map(_whole, others)) <= len(others)
    many = float(np.median([len(np.unique(column)) for column in others])) > count / 2
    found = []
    for column in (0, columns - 1):
        different = len(np.unique(values[:, column]))
        if _whole(values[:, column]) and different > 1 and (fractions or (many and 3 * different <= count)):
            found.append(column)
    return found


def _whole(column: NDArray[np.floating]) -> bool:
    return bool(np.isfinite(column).all() and (column == np.floor(column)).all())
