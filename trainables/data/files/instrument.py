"""One file of an instrument: a spectrum, a series or a map, as a table without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.axes import common
from spectune.trainables.data.files.instruments import reader
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.table import Spectrum, Table, alike


def read_instrument(path: Path, reading: Reading) -> Table:
    """``spectra_of`` a file that stands alone, which has no columns to name."""
    cure = "put such files in a folder per class"
    reading.without(path.suffix, "label", "group", "columns", "orient", cure=cure)
    return spectra_of(path)


def spectra_of(path: Path) -> Table:
    """The spectra of an instrument's file; on different axes they are resampled as a folder's are."""
    read = reader(path)
    assert read is not None
    spectra = read(path)
    rows = [path.name] if len(spectra) == 1 else [f"spectrum {number}" for number in range(1, len(spectra) + 1)]
    places = [f"{path}, {row}" for row in rows]
    alike([(place, one.axis) for place, one in zip(places, spectra, strict=True)])
    _one_quantity(spectra, places)
    values, intensities, notes = common([(one.axis.values, one.intensities) for one in spectra], places)
    notes = (*notes, *dict.fromkeys(note for one in spectra for note in one.notes))
    return Table(
        intensities,
        rows,
        axis=replace(spectra[0].axis, values=values),
        notes=notes,
        quantity=next((one.quantity for one in spectra if one.quantity), ""),
    )


def _one_quantity(spectra: Sequence[Spectrum], places: Sequence[str]) -> None:
    """InputError where the file says that two spectra are of different quantities."""
    named = [(one, place) for one, place in zip(spectra, places, strict=True) if one.quantity]
    for one, place in named:
        if one.quantity != named[0][0].quantity:
            raise InputError(
                f"{place} must hold {named[0][0].quantity} as {named[0][1]} does, got {one.quantity}: export all in "
                f"one quantity, or remove one of them"
            )
