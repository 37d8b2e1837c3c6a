"""SPA of Thermo Nicolet's OMNIC: one spectrum with its sections listed at the beginning.

The format was never published; the offsets agree with those of Orange Spectroscopy and SpectroChemPy.
"""

from __future__ import annotations

from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.content import Content
from spectune.trainables.data.files.instruments.spectrum import (
    MICROMETRES,
    NANOMETRES,
    SHIFT,
    WAVENUMBER,
    evenly,
    spectrum,
)
from spectune.trainables.data.files.names import NAME
from spectune.trainables.data.files.table import Spectrum

MAGIC = (b"Spectral Data File", b"Spectral Exte File")
SECTIONS, HEADER, INTENSITIES = 304, 2, 3
AXES = {1: WAVENUMBER, 2: (NAME, ""), 3: NANOMETRES, 4: MICROMETRES, 32: SHIFT}
QUANTITIES = {
    11: "reflectance",
    12: "log(1/r)",
    15: "single beam",
    16: "transmittance",
    17: "absorbance",
    20: "kubelka-munk",
    21: "reflectance",
    22: "detector signal",
    26: "photoacoustic",
    31: "raman intensity",
}


def read_spa(path: Path) -> list[Spectrum]:
    """The spectrum of an .spa file; InputError where it has none, or where its sections contradict each other."""
    content = Content(path)
    if not content.data.startswith(MAGIC):
        raise InputError(f"{path} must be an .spa file of OMNIC, got another beginning: export it as .spc or text")
    wide = content.data.startswith(MAGIC[1])
    layout, size = ("<hqi", 22) if wide else ("<hii", 16)
    (count,) = content.fields("<h", 294)
    sections: dict[int, tuple[int, int]] = {}
    for number in range(count):
        kind, at, length = content.fields(layout, SECTIONS + size * number)
        sections.setdefault(kind, (at, length))
    if HEADER not in sections or INTENSITIES not in sections:
        raise InputError(f"{path} must hold a spectrum, got {count} sections without one: save it again in OMNIC")
    _, points, x, y, first, last = content.fields("<4i2f", sections[HEADER][0])
    at, length = sections[INTENSITIES]
    intensities = content.numbers("<f4", at, length // 4)
    if points != len(intensities):
        raise InputError(f"{path} must hold {points} intensities, got {len(intensities)}: save it again in OMNIC")
    values = evenly(path, first, last, points)
    axis, quantity = AXES.get(x & 0xFF, (NAME, "")), QUANTITIES.get(y & 0xFF, "")
    return [spectrum(path, values, intensities, axis=axis, quantity=quantity)]
