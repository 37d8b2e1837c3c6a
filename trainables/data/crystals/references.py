"""Patterns of known structures, for unknown ones to be compared with. S structures, L points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.crystals.alike import alike
from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.patterns import Patterns
from spectune.trainables.data.crystals.table import Table, read
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.grid import comparable, label, units

SAME = 1e-4  # relative difference up to which a wavelength is a named one
STEP = 0.02  # degrees between points of patterns that are resampled later
LISTED = 3  # structures that cannot be told apart, by name


class References(NamedTuple):
    """A pattern of each structure on ``axis``, and what it is of: it, or several that cannot be told apart."""

    spectra: NDArray[np.float32]  # (S, L)
    axis: Axis
    names: list[str]  # (S,)
    left_out: list[str]  # why how many structures are none


def references(path: Path, axis: Axis, conditions: Mapping[str, Any]) -> References:
    """Patterns of the structures of a folder, archive or list of CIFs on the angles of ``axis``, at its wavelength.

    ``conditions`` are those of the patterns that a network learned from; without them they are the usual ones at the
    wavelength. One pattern each, of a sample of which nothing varies: more of them under other conditions found fewer
    of the right structures. InputError where the conditions do not hold, or no wavelength is known.
    """
    known = _conditions(axis, conditions)
    table = read(path, known)
    first = alike(table, known)
    patterns = Patterns(table, np.arange(len(table)), first, conditions=known.nominal())
    said = {head: _said(table, np.flatnonzero(first == head)) for head in set(first.tolist())}
    return References(
        patterns.batch(torch.arange(len(patterns))).numpy(),
        Axis(known.angles, axis.name, axis.unit, units.wavelength(known.wavelength)),
        [said[head] for head in first.tolist()],
        table.left_out.tolist(),
    )


def _conditions(axis: Axis, conditions: Mapping[str, Any]) -> Conditions:
    try:
        comparable(replace(axis, wavelength=0.0), Axis(axis.values, "2theta", "degrees"))
    except InputError:
        raise InputError(
            f"patterns of structures are on angles, 2theta in degrees, got a model on {label(axis)}: take another"
        ) from None
    if not axis.wavelength:
        raise InputError(
            "patterns of structures are computed at the wavelength of the model or the spectra, got none that says it: "
            "give --wavelength, as CuKa or in angstrom"
        )
    low, high, wavelength = float(axis.values.min()), float(axis.values.max()), axis.wavelength
    known = (name for name in units.WAVELENGTHS if abs(units.wavelength(name) / wavelength - 1) < SAME)
    line = next(known, f"{wavelength:.6g}")
    usual = {"wavelength": line, "min_angle": low, "max_angle": high, "points": int((high - low) / STEP) + 1}
    try:
        return Conditions(**(conditions or usual))
    except TypeError as error:
        raise InputError(f"conditions must be those of this version, got {error}: export the model again") from None


def _said(table: Table, rows: NDArray[np.int64]) -> str:
    """The names of structures, with their formulas and space groups."""
    words = [_named(table, row) for row in rows[:LISTED].tolist()]
    if len(rows) > LISTED:
        words.append(f"{len(rows) - LISTED} others")
    return " or ".join(words)


def _named(table: Table, row: int) -> str:
    formula = str(table.formulas[row]).replace(" ", "")
    return f"{table.names[row]} ({', '.join(filter(None, (formula, str(table.spacegroups[row]))))})"
