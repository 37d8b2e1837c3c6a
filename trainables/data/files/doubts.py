"""What looks wrong in spectra and classes that were read: said, not refused. N spectra, L points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLATEAU = 4  # points in a row at the highest value that look like a detector at its end
LEVELS = 20  # different values of a spectrum from which on that is no chance


def doubts(
    spectra: NDArray[np.floating[Any]], rows: Sequence[str], classes: Sequence[str], copies: NDArray[np.int64]
) -> list[str]:
    """Warnings, each a clause with its cure, about ``spectra`` (N, L) that ``rows`` name.

    ``copies`` (N,) says of each spectrum which is the first that it is a duplicate of.
    """
    found = []
    if alike := spellings(classes):
        pairs = "; ".join(", ".join(map(repr, names)) for names in alike[:3])
        found.append(f"classes differ only in case or blanks ({pairs}): write them alike if they are one")
    flat = np.flatnonzero(np.ptp(spectra, axis=1) == 0)
    if len(flat):
        found.append(f"{len(flat)} spectra are constant ({_few(rows, flat)}): remove them, or check what was read")
    full = saturated(spectra)
    if len(full):
        found.append(
            f"{len(full)} spectra are flat at their highest value ({_few(rows, full)}): the detector may have been "
            f"saturated"
        )
    different = len(np.unique(copies))
    if 2 * different < len(rows):
        found.append(f"only {different} of {len(rows)} spectra are different: check which columns were read")
    return found


def spellings(classes: Sequence[str]) -> list[list[str]]:
    """Classes that are the same but for case and blanks."""
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(re.sub(r"\s", "", name).casefold(), []).append(name)
    return [sorted(names) for names in alike.values() if len(names) > 1]


def saturated(spectra: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The rows whose peaks are cut off: several points in a row have the highest value, which most are far below."""
    highest = spectra.max(axis=1, keepdims=True)
    lowest = spectra.min(axis=1, keepdims=True)
    full = spectra == highest
    runs = full[:, : full.shape[1] - PLATEAU + 1].copy()
    for step in range(1, PLATEAU):
        runs &= full[:, step : full.shape[1] - PLATEAU + 1 + step]
    peaks = 2 * np.median(spectra, axis=1, keepdims=True) < highest + lowest
    rows = np.flatnonzero(runs.any(axis=1) & peaks[:, 0])
    return np.array([row for row in rows if len(np.unique(spectra[row])) >= LEVELS], np.int64)


def _few(rows: Sequence[str], numbers: NDArray[np.int64]) -> str:
    return ", ".join(rows[number] for number in numbers[:3]) + (" ..." if len(numbers) > 3 else "")
