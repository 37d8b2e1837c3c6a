"""A test set in a file of its own, joined to the spectra that are trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.table import Table, words
from spectune.trainables.data.grid import comparable, resample


def joined(path: Path, table: Table, other: Path, test: Table) -> Table:
    """The ``table`` of ``path`` with all spectra of ``other``, the ``test`` table, as its test split.

    They are resampled to the axis of ``table``. ValueError where they cannot be: another quantity, range, number of
    points or baseline, classes that ``table`` does not have, groups in only one of them, or a test split in ``table``.
    """
    if "test" in (table.splits or ()):
        raise InputError(f"{path} must have no test split beside test={other}, got one: leave one of both away")
    if table.baseline != test.baseline:
        raise InputError(
            f"{other} must be as {path} is, corrected by {table.baseline}, got {test.baseline}: give both as measured"
        )
    if (table.groups is None) != (test.groups is None):
        raise InputError(f"{path} and {other} must both have groups, or none, got one: name them in both, or in none")
    notes = [*_classes(path, table, other, test), *(f"{other.name}: {note}" for note in test.notes)]
    spectra = test.spectra
    if not _same(table.axis, test.axis, table.spectra.shape[1], test.spectra.shape[1]):
        if table.axis is None or test.axis is None:
            raise InputError(
                f"{other} must have the axis of {path}, {table.spectra.shape[1]} points, got {spectra.shape[1]} points "
                f"and no axis in one of them: write the axis into both"
            )
        comparable(test.axis, table.axis)
        spectra = resample(spectra, test.axis, table.axis)
        notes.append(f"{other.name} resampled to the axis of {path.name}")
    warnings = (*table.warnings, *test.warnings)
    if table.quantity and test.quantity and table.quantity != test.quantity:
        warnings += (f"{path} is in {table.quantity}, {other} in {test.quantity}: convert one of them",)
    splits = [*(table.splits or ["train"] * len(table.rows)), *["test"] * len(test.rows)]
    return replace(
        table,
        spectra=np.concatenate([table.spectra, spectra]),
        rows=[*table.rows, *(f"{other.name}, {row}" for row in test.rows)],
        labels=[*(table.labels or ()), *(test.labels or ())],
        splits=splits,
        groups=None if table.groups is None else [*table.groups, *(test.groups or ())],
        others={},
        warnings=warnings,
        notes=(*table.notes, f"test set of its own, {other.name}", *notes),
    )


def _same(axis: Axis | None, other: Axis | None, points: int, others: int) -> bool:
    """Whether the values of two axes are the same, or the number of points where at least one has none."""
    if axis is None or other is None:
        return points == others
    return np.array_equal(axis.values, other.values) and (axis.unit, axis.name) == (other.unit, other.name)


def _classes(path: Path, table: Table, other: Path, test: Table) -> list[str]:
    """A note where ``test`` lacks classes; ValueError where it has others, or no labels."""
    if test.labels is None:
        raise InputError(
            f"{other} must say the class of each spectrum, got no labels: name the column with label=COLUMN"
        )
    known, found = (
        {word for label in one.labels or () for word in words(label, table.separator)} for one in (table, test)
    )
    if table.labels is not None and not found <= known:
        new = sorted(found - known)
        raise InputError(
            f"{other} must have the classes of {path}, got {len(new)} others ({', '.join(new[:3])}): correct "
            f"the labels, or remove these spectra"
        )
    missing = sorted(known - found)
    return [f"{other.name} has no spectra of {', '.join(missing[:5])}"] if missing else []
