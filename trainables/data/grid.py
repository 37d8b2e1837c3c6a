"""Moving spectra to another axis."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis

SILENT = ("", "points", "point", "index", "channel", "channels", "a.u.", "arb.units")  # units that say nothing
SPELLINGS = {
    "nm": "nm",
    "ppm": "ppm",
    "ev": "eV",
    "micron": "um",
    "å": "å",
    "a": "å",
    "angstrom": "å",
    "1/å": "1/å",
    "1/a": "1/å",
    "1/angstrom": "1/å",
    "°": "degrees",
    "deg": "degrees",
    "degree": "degrees",
    "°2theta": "degrees",
    "°2θ": "degrees",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "minute": "min",
    "minutes": "min",
}
QUANTITIES = {
    "wavenumber": "wavenumber",
    "wavenumbers": "wavenumber",
    "ramanshift": "wavenumber",
    "wavelength": "wavelength",
    "energy": "energy",
    "frequency": "frequency",
    "angle": "angle",
    "2theta": "angle",
    "twotheta": "angle",
    "q": "scattering vector",
    "time": "time",
    "retentiontime": "time",
    "m/z": "m/z",
    "chemicalshift": "chemical shift",
}
LIKE = 1e-3  # relative difference up to which two wavelengths are of one kind, as a doublet and its first line
OUTSIDE = 0.05  # share of the target axis that spectra may not cover: their end values are repeated there


def comparable(axis: Axis, target: Axis) -> None:
    """ValueError where two axes say that their values mean different things: another unit, or another quantity.

    Where one of them says nothing about its unit, the names of common quantities decide; what is not known is taken to
    fit. So are angles of diffraction at a wavelength that is not said. Nothing is converted.
    """
    units = [_unit(one.unit) for one in (axis, target)]
    if "" in units:
        units = [QUANTITIES.get(_plain(one.name).lower(), "") for one in (axis, target)]
    if "" not in units and units[0] != units[1]:
        raise InputError(
            f"spectra must be on the axis of the model, {label(target)}, got {label(axis)}: convert the axis, or "
            "correct what the file says of it"
        )
    if not _alike(axis, target):
        raise InputError(
            f"spectra must be measured at the wavelength of the model, {target.wavelength:g} angstrom, got "
            f"{axis.wavelength:g}: convert them, or correct what the file says of it"
        )


def diffracted(spectra: NDArray[np.floating[Any]], axis: Axis, target: Axis) -> tuple[NDArray[np.floating[Any]], Axis]:
    """``spectra`` (N, L) and their axis, moved by Bragg's law to where they would be at the wavelength of ``target``;
    as they are where the wavelengths are alike, or one is not said. Intensities stay. InputError where less than two
    points are left.
    """
    if _alike(axis, target):
        return spectra, axis
    _fit(spectra, axis)
    assert axis.wavelength and target.wavelength
    sines = np.sin(np.radians(axis.values / 2)) * (target.wavelength / axis.wavelength)
    there = np.abs(sines) < 1
    if there.sum() < 2:
        raise InputError(
            f"spectra must reach to angles that {target.wavelength:g} angstrom have as well, got "
            f"{axis.values.min():g} to {axis.values.max():g} at {axis.wavelength:g}: take a model for that wavelength"
        )
    values = np.degrees(2 * np.arcsin(sines[there]))
    return spectra[:, there], replace(axis, values=values, wavelength=target.wavelength)


def _alike(axis: Axis, target: Axis) -> bool:
    """Whether both are at one wavelength, as far as they say it."""
    if not (axis.wavelength and target.wavelength):
        return True
    return abs(axis.wavelength / target.wavelength - 1) <= LIKE


def label(axis: Axis) -> str:
    """``name (unit)``, with the wavelength where it says one."""
    words = [axis.unit, f"at {axis.wavelength:.5g} angstrom" if axis.wavelength else ""]
    said = " ".join(filter(None, words))
    return f"{axis.name} ({said})" if said else axis.name


def _plain(text: str) -> str:
    """``text`` without blanks, with one sign for what Unicode has two of."""
    return unicodedata.normalize("NFKC", re.sub(r"[\s_]", "", text))


def _unit(unit: str) -> str:
    """One spelling of a unit, empty where it says nothing. Prefixes keep their case: MHz is not mHz."""
    plain = re.sub(r"^(.+?)\^?[-\N{MINUS SIGN}]1$", r"1/\1", _plain(unit)).replace("\N{GREEK SMALL LETTER MU}", "u")
    return "" if plain.lower() in SILENT else SPELLINGS.get(plain.lower(), plain)


def resample(spectra: NDArray[np.floating[Any]], axis: Axis, target: Axis) -> NDArray[np.float64]:
    """``spectra`` (N, L) on ``axis`` at the values of ``target``, linearly. Axes may rise or fall.

    Where ``target`` goes beyond ``axis`` the end value is repeated; ValueError if that is more than 5 % of it.
    """
    _fit(spectra, axis)
    low, high = axis.values.min(), axis.values.max()
    outside = np.mean((target.values < low) | (target.values > high))
    if outside > OUTSIDE:
        raise InputError(
            f"spectra must cover the model's axis, {target.values.min():g} to {target.values.max():g} {target.unit}, "
            f"got {low:g} to {high:g}: measure that range, or train on the range that you have"
        )
    return interpolate(spectra, axis.values, target.values)


def _fit(spectra: NDArray[np.floating[Any]], axis: Axis) -> None:
    if spectra.ndim != 2 or spectra.shape[1] != len(axis):
        raise InputError(
            f"spectra must have one intensity for each of the {len(axis)} values of their axis, got the shape "
            f"{spectra.shape}: give (spectra, points)"
        )


def interpolate(
    spectra: NDArray[np.floating[Any]], axis: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Linear interpolation of each row (N, L) at ``target``; end values beyond the ends."""
    step = -1 if len(axis) > 1 and axis[0] > axis[-1] else 1
    moved = np.empty((len(spectra), len(target)))
    for row, spectrum in enumerate(spectra):
        moved[row] = np.interp(target, axis[::step], spectrum[::step])
    return moved
