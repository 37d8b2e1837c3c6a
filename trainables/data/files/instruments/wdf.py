"""WDF of Renishaw's WiRE: a spectrum, a series or a map, in blocks with their name and size.

The format was never published; the offsets are those of Gwyddion's renishaw.c and of renishawWiRE.
"""

from __future__ import annotations

from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.content import Content
from spectune.trainables.data.files.instruments.spectrum import MICROMETRES, NANOMETRES, SHIFT, WAVENUMBER, spectrum
from spectune.trainables.data.files.names import NAME
from spectune.trainables.data.files.table import Spectrum

HEADER, BLOCK = 512, 16  # bytes of the file's header, and of a block's
AXES = {1: SHIFT, 2: WAVENUMBER, 3: NANOMETRES, 4: ("energy", "eV"), 5: MICROMETRES}
QUANTITIES = {6: "counts", 7: "electrons", 17: "intensity", 18: "relative intensity"}


def read_wdf(path: Path) -> list[Spectrum]:
    """The spectra of a .wdf file in the order they were measured; those of a map that was stopped end where it did."""
    content = Content(path)
    if not content.data.startswith(b"WDF1"):
        raise InputError(f"{path} must be a .wdf file of WiRE, got another beginning: export it as text")
    (points,) = content.fields("<I", 60)
    (count,) = content.fields("<Q", 72)
    (quantity,) = content.fields("<I", 152)
    blocks = _blocks(content)
    if not {"DATA", "XLST"} <= blocks.keys():
        raise InputError(f"{path} must hold spectra and their axis, got blocks {', '.join(blocks)}: export it as text")
    unit = content.fields("<2I", blocks["XLST"])[1]
    values = content.numbers("<f4", blocks["XLST"] + 8, points)
    if not 0 < count * points <= len(content):
        raise InputError(f"{path} must hold spectra, got {count} of {points} points: measure again, or copy it again")
    spectra = content.numbers("<f4", blocks["DATA"], count * points).reshape(count, points)
    axis, what = AXES.get(unit, (NAME, "")), QUANTITIES.get(quantity, "")
    return [spectrum(path, values, one, axis=axis, quantity=what) for one in spectra]


def _blocks(content: Content) -> dict[str, int]:
    """Name of each block, the first of a name, and where its data begin."""
    blocks: dict[str, int] = {}
    at = 0
    while at + BLOCK <= len(content):
        name, _, size = content.fields("<4sIQ", at)
        blocks.setdefault(name.decode("latin-1"), at + BLOCK)
        at += max(size, BLOCK)
    return blocks
