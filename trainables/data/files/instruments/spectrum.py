"""What files of instruments call axes and quantities, and the checked spectrum that each of their readers gives."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.names import NAME
from spectune.trainables.data.files.table import Spectrum, strict

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"  # in one way only: a line of others must not take forever
WAVENUMBER, SHIFT = ("wavenumber", "1/cm"), ("Raman shift", "1/cm")
ANGLE = ("2theta", "degree")
NANOMETRES, MICROMETRES, CHEMICAL = ("wavelength", "nm"), ("wavelength", "um"), ("chemical shift", "ppm")
AXES = {
    "1/cm": WAVENUMBER,
    "cm-1": WAVENUMBER,
    "cm^-1": WAVENUMBER,
    "wavenumber": WAVENUMBER,
    "wavenumbers": WAVENUMBER,
    "nm": NANOMETRES,
    "nanometer": NANOMETRES,
    "nanometers": NANOMETRES,
    "nanometre": NANOMETRES,
    "nanometres": NANOMETRES,
    "um": MICROMETRES,
    "micrometers": MICROMETRES,
    "micrometer": MICROMETRES,
    "micrometres": MICROMETRES,
    "microns": MICROMETRES,
    "ppm": CHEMICAL,
    "hz": ("frequency", "Hz"),
    "ev": ("energy", "eV"),
    "s": ("time", "s"),
    "seconds": ("time", "s"),
    "milliseconds": ("time", "ms"),
    "minutes": ("time", "min"),
    "m/z": ("m/z", ""),
    "2theta": ANGLE,
    "degrees2theta": ANGLE,
    "gauss": ("magnetic field", "G"),
    "": (NAME, ""),
    "arbitrary": (NAME, ""),
    "arbitraryunits": (NAME, ""),
}  # what files call an axis, without blanks and in lower case: its name and unit
SILENT = ("arbitrary", "arbitrary units", "arb. units", "arb", "a.u.")  # quantities that say nothing


def spectrum(
    where: str | Path,
    values: NDArray[np.float64],
    intensities: NDArray[np.float64],
    *,
    axis: tuple[str, str],
    wavelength: float = 0.0,
    quantity: str = "",
    note: str = "",
) -> Spectrum:
    """A spectrum whose axis, with its name and unit, was checked; InputError names the file or block ``where``.

    ``wavelength`` in angstrom is that of X-rays, as ``Axis`` has it.
    """
    if len(values) != len(intensities) or len(values) < 2:
        raise InputError(
            f"{where} must hold an intensity for each of 2 or more points, got {len(intensities)} for {len(values)}: "
            f"export the spectrum again"
        )
    said = re.sub(r"^\(([^()]*)\)$", r"\1", quantity.strip()).strip().lower()
    known = "" if said in SILENT else said
    with np.errstate(invalid="ignore", over="ignore"):  # the steps of an axis that is refused
        checked = Axis(strict(str(where), values), *axis, wavelength)
    return Spectrum(checked, intensities, known, notes=(note,) if note else ())


def named(unit: str) -> tuple[str, str]:
    """Name and unit of an axis by what a file calls its unit; an unknown word stays the unit."""
    return AXES.get(re.sub(r"\s", "", unit).lower(), (NAME, unit.strip()))


def evenly(where: str | Path, first: float, last: float, points: int) -> NDArray[np.float64]:
    """``points`` values from ``first`` to ``last``; InputError where these are no numbers."""
    if not np.isfinite([first, last]).all():
        raise InputError(
            f"{where}: the axis must begin and end with numbers, got {first:g} and {last:g}: export the spectrum again"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # the ends of a damaged file; ``strict`` refuses the values
        return np.linspace(first, last, points)
