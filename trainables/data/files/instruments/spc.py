"""SPC of Galactic and Thermo: one spectrum or many, on one axis or each on its own; new format and the old of 1986.

Source: Galactic Industries, "A Brief Guide to SPC File Format and Using GSPCIO" (1997), and its header spc.h.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.content import Content
from spectune.trainables.data.files.instruments.spectrum import (
    CHEMICAL,
    MICROMETRES,
    NANOMETRES,
    SHIFT,
    WAVENUMBER,
    evenly,
    named,
    spectrum,
)
from spectune.trainables.data.files.names import NAME
from spectune.trainables.data.files.table import Spectrum

SHORT, MULTIPLE, LABELLED, OWN, GIVEN = 1, 4, 32, 64, 128  # flags: 16-bit; own exponents; names; own axes; an axis
HEADER, OLD, SUBHEADER = 512, 256, 32  # bytes
NEW_VERSIONS, OLD_VERSION = {0x4B: "<", 0x4C: ">"}, 0x4D
FLOATING = -128  # the exponent of ordinates that are floating point
AXES = {
    1: WAVENUMBER,
    2: MICROMETRES,
    3: NANOMETRES,
    4: ("time", "s"),
    5: ("time", "min"),
    6: ("frequency", "Hz"),
    7: ("frequency", "kHz"),
    8: ("frequency", "MHz"),
    9: ("m/z", ""),
    10: CHEMICAL,
    13: SHIFT,
    14: ("energy", "eV"),
    18: ("angle", "degree"),
    23: ("time", "ms"),
    26: ("frequency", "GHz"),
}
QUANTITIES = {
    1: "interferogram",
    2: "absorbance",
    3: "kubelka-munk",
    4: "counts",
    10: "log(1/r)",
    11: "percent",
    12: "intensity",
    13: "relative intensity",
    128: "transmittance",
    129: "reflectance",
    130: "single beam",
    131: "emission",
}


@dataclass(frozen=True)
class Header:
    """What a file says of all its subfiles; ``order`` is the byte order as numpy has it."""

    order: str
    flags: int
    exponent: int
    points: int
    first: float
    last: float
    subfiles: int
    axis: tuple[str, str]
    quantity: str


def read_spc(path: Path) -> list[Spectrum]:
    """The spectra of an .spc file, one a subfile; InputError for interferograms and other formats of that suffix."""
    content = Content(path)
    version = content.data[1] if len(content) > 1 else 0
    if version == OLD_VERSION:
        found = _old(content)
    elif version in NEW_VERSIONS:
        found = _new(content, NEW_VERSIONS[version])
    else:
        raise InputError(
            f"{path} must be an .spc file of Galactic or Thermo, got another format (version byte {version:#x}; EPR "
            f"and Shimadzu files have the same ending): export it as JCAMP-DX or text"
        )
    if found[0].quantity == "interferogram":
        raise InputError(f"{path} must hold spectra, got interferograms: transform them, and save the spectra")
    return found


def _new(content: Content, order: str) -> list[Spectrum]:
    content.need(0, HEADER)
    flags, _, _, exponent, points, first, last, subfiles, x, y = content.fields(f"{order}3BbIddI2B", 0)
    axis, quantity = AXES.get(x, (NAME, "")), QUANTITIES.get(y, "")
    if flags & LABELLED:
        axis, quantity = _labels(content, axis, quantity)
    header = Header(order, flags, exponent, points, first, last, max(subfiles, 1), axis, quantity)
    return _subfiles(content, header)


def _labels(content: Content, axis: tuple[str, str], quantity: str) -> tuple[tuple[str, str], str]:
    """The axis and the quantity under the file's own names, such as ``Wavenumber (cm-1)``, where it has any."""
    x, y, *_ = [*content.data[218:248].decode("latin-1").split("\0"), ""]
    found = re.fullmatch(r"\s*(.+?)\s*[(\[](.*)[)\]]\s*", x)
    if found:
        known = named(found[2])
        axis = (found[1], known[1]) if known[0] == NAME else known
    return axis, y or quantity


def _subfiles(content: Content, header: Header) -> list[Spectrum]:
    order, flags, points = header.order, header.flags, header.points
    at, axis = HEADER, None
    if not flags & OWN:
        if flags & GIVEN:
            axis = content.numbers(f"{order}f4", at, points)
            at += 4 * points
        else:
            content.need(at, (2 if flags & SHORT else 4) * points)
            axis = evenly(content.path, header.first, header.last, points)
    spectra = []
    for number in range(header.subfiles):
        where = f"{content.path}, subfile {number + 1}"
        values, intensities, at = _subfile(content, header, at, axis)
        spectra.append(_spectrum(where, header, values, intensities))
    return spectra


def _subfile(
    content: Content, header: Header, at: int, axis: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Axis and ordinates of the subfile at the byte ``at``, and where it ends."""
    order = header.order
    _, exponent, _, _, _, _, points = content.fields(f"{order}BbHfffI", at)
    at += SUBHEADER
    if axis is None:
        axis = content.numbers(f"{order}f4", at, points)
        at += 4 * points
    if not header.flags & MULTIPLE:
        exponent = header.exponent
    bits = 16 if header.flags & SHORT else 32
    kind = "f4" if exponent == FLOATING else f"i{bits // 8}"
    raw = content.numbers(order + kind, at, len(axis))
    scale = 1.0 if exponent == FLOATING else 2.0 ** (exponent - bits)
    return axis, raw * scale, at + np.dtype(kind).itemsize * len(axis)


def _old(content: Content) -> list[Spectrum]:
    """The old format: every subfile has its header of 32 bytes, the first at the end of the file's; words are swapped.

    Subfiles follow one another to the end of the file.
    """
    content.need(0, OLD)
    flags, _, exponent, claimed, first, last, x, y = content.fields("<2Bhfff2B", 0)
    points = int(claimed) if 0 < claimed < len(content) else 0
    axis, quantity = AXES.get(x, (NAME, "")), QUANTITIES.get(y, "")
    header = Header("<", flags, exponent, points, first, last, 0, axis, quantity)
    content.need(OLD, 4 * points)
    values = evenly(content.path, first, last, points)
    spectra: list[Spectrum] = []
    at = OLD - SUBHEADER
    while at + SUBHEADER + 4 * points <= len(content) and points:
        (own,) = content.fields("<b", at + 1)
        power = own if flags & MULTIPLE else max(min(exponent, 127), FLOATING)
        at += SUBHEADER
        if power == FLOATING:
            raw = content.numbers("<f4", at, points)
        else:
            words = content.numbers("<u2", at, 2 * points).reshape(-1, 2).astype(np.uint32)
            raw = (words[:, 0] << 16 | words[:, 1]).astype(np.uint32).view(np.int32) * 2.0 ** (power - 32)
        at += 4 * points
        spectra.append(_spectrum(f"{content.path}, subfile {len(spectra) + 1}", header, values, raw))
    return spectra or [_spectrum(str(content.path), header, values, np.zeros(0))]


def _spectrum(where: str, header: Header, values: NDArray[np.float64], intensities: NDArray[np.float64]) -> Spectrum:
    return spectrum(where, values, intensities, axis=header.axis, quantity=header.quantity)
