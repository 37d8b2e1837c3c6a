"""ASD of the FieldSpec and its kin: a spectrum and, behind it, the white reference.

Source: ASD document 600000, "ASD File Format: Version 8"; reflectance as in the R package asdreader.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.content import Content
from spectune.trainables.data.files.instruments.spectrum import NANOMETRES, spectrum
from spectune.trainables.data.files.table import Spectrum

HEADER = 484
VERSIONS = (b"ASD", b"as2", b"as3", b"as4", b"as5", b"as6", b"as7", b"as8")
KINDS = ("<f4", "<i4", "<f8")
QUANTITIES = ("counts", "reflectance", "radiance", "", "irradiance", "quality index", "transmittance", "", "absorbance")
RATIOS = ("reflectance", "transmittance")  # stored as a spectrum and the white reference it is divided by


def read_asd(path: Path) -> list[Spectrum]:
    """The spectrum of an .asd file, as the program that wrote it shows it: a reflectance or transmittance divided by
    its white reference, anything else as it is stored.
    """
    content = Content(path)
    if not content.data.startswith(VERSIONS):
        raise InputError(f"{path} must be an .asd file of a FieldSpec, got another beginning: export it as text")
    (what,) = content.fields("<B", 186)
    first, step = content.fields("<2f", 191)
    (kind,) = content.fields("<B", 199)
    (points,) = content.fields("<H", 204)
    if kind >= len(KINDS) or what >= len(QUANTITIES):
        raise InputError(f"{path} must hold numbers of a known kind, got {kind} and {what}: export it as text")
    intensities = content.numbers(KINDS[kind], HEADER, points)
    quantity, note = QUANTITIES[what], ""
    if quantity in RATIOS:
        white = HEADER + np.dtype(KINDS[kind]).itemsize * points
        (described,) = content.fields("<H", white + 18)
        with np.errstate(all="ignore"):  # where the reference is 0 a value is missing
            intensities = intensities / content.numbers(KINDS[kind], white + 20 + described, points)
            intensities[~np.isfinite(intensities)] = np.nan
        note = "divided by their white references"
    with np.errstate(all="ignore"):
        values = float(first) + float(step) * np.arange(points)
    return [spectrum(path, values, intensities, axis=NANOMETRES, quantity=quantity, note=note)]
