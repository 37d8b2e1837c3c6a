"""One file of an instrument: a spectrum, a series or a map, as a table without labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.folder import common
from spectune.trainables.data.files.spectra import one_kind, read_spectra
from spectune.trainables.data.files.table import Table


def read_instrument(path: Path, label: str = "", group: str = "") -> Table:
    """The spectra of an instrument's file, without labels; on different axes they are resampled as a folder's are."""
    for name, given in (("label", label), ("group", group)):
        if given:
            raise InputError(
                f"{name} must be left away for {path.suffix}, got {given!r}: put such files in a folder per class"
            )
    spectra = read_spectra(path)
    rows = [path.name] if len(spectra) == 1 else [f"spectrum {number}" for number in range(1, len(spectra) + 1)]
    places = [f"{path}, {row}" for row in rows]
    one_kind(spectra, places)
    values, intensities, notes = common([(one.axis.values, one.intensities) for one in spectra], places)
    said = dict.fromkeys(one.note for one in spectra if one.note)
    return Table(intensities, rows, axis=replace(spectra[0].axis, values=values), notes=(*notes, *said))
