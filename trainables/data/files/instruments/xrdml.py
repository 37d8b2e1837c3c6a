"""XRDML of Malvern Panalytical: XML of scans, versions 1.0 to 2.1.

Source: the XRDML schema of PANalytical: intensities are corrected for attenuators, counts are not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.spectrum import ANGLE, evenly, spectrum
from spectune.trainables.data.files.instruments.xml import Element, every, first, numbers, parsed
from spectune.trainables.data.files.packed import content
from spectune.trainables.data.files.table import Spectrum

SHORTEST, LONGEST = 0.01, 100.0  # wavelength of X-rays, angstrom


def read_xrdml(path: Path) -> list[Spectrum]:
    """The scans of an .xrdml file along 2 theta; others are left out with a note, and InputError where no other is."""
    root = parsed(path, content(path))
    scans = [(f"{path}, scan {place}", scan) for place, scan in enumerate(every(root, "scan"), start=1)]
    along = [(where, scan) for where, scan in scans if _positions(scan) is not None]
    if not along:
        raise InputError(f"{path} must hold a scan along 2 theta, got {len(scans)} others: export such a scan")
    note = f"left out {len(scans) - len(along)} scans that are not along 2 theta" if len(scans) > len(along) else ""
    wavelength = _wavelength(str(path), root)
    return [_scan(where, scan, note, wavelength) for where, scan in along]


def _wavelength(where: str, root: Element) -> float:
    """The intended one of those that the tube gives, in angstrom: K alpha is the mean of its two lines."""
    used = first(root, "usedWavelength")
    if used is None:
        return 0.0
    named = {"kAlpha1": 0.0, "kAlpha2": 0.0, "kBeta": 0.0, "ratioKAlpha2KAlpha1": 0.5}
    for name in named:
        element = first(used, name)
        if element is not None and (element.text or "").strip():
            named[name] = float(numbers(where, element.text)[0])
    one, two, beta, ratio = (value if value > 0 else 0.0 for value in named.values())
    intended = (used.get("intended") or "").replace(" ", "").lower()
    mean = (one + ratio * two) / (1 + ratio) if two else one
    found = {"k-alpha1": one, "k-alpha2": two, "k-beta": beta}.get(intended, mean)
    if found and not SHORTEST <= found <= LONGEST:
        raise InputError(f"{where}: X-rays must be of {SHORTEST:g} to {LONGEST:g} angstrom, got {found:g}: correct it")
    return found


def _positions(scan: Element) -> Element | None:
    """The positions of 2 theta of a scan that moves along it."""
    for positions in every(scan, "positions"):
        if positions.get("axis") == "2Theta" and first(positions, "commonPosition") is None:
            return positions
    return None


def _scan(where: str, scan: Element, note: str, wavelength: float) -> Spectrum:
    measured, counts = first(scan, "intensities"), first(scan, "counts")
    given = measured if measured is not None else counts
    if given is None:
        raise InputError(f"{where} must hold intensities or counts, got none: measure it to its end")
    intensities = numbers(where, given.text)
    factors = first(scan, "beamAttenuationFactors")
    if measured is None and factors is not None:
        attenuation = numbers(where, factors.text)
        if len(attenuation) not in (1, len(intensities)):
            raise InputError(f"{where} must have an attenuation for each point, got {len(attenuation)}: export again")
        intensities = intensities * attenuation
    quantity = {"cps": "counts per second"}.get(given.get("unit", "counts"), "counts")
    values = _angles(where, scan, len(intensities))
    known = {"quantity": quantity, "note": note}
    return spectrum(where, values, intensities, axis=ANGLE, wavelength=wavelength, **known)


def _angles(where: str, scan: Element, points: int) -> NDArray[np.float64]:
    """2 theta in degrees at each of ``points`` points."""
    positions = _positions(scan)
    listed = first(positions, "listPositions")
    if listed is not None:
        return numbers(where, listed.text)
    ends = [first(positions, name) for name in ("startPosition", "endPosition")]
    values = np.concatenate([numbers(where, None if end is None else end.text) for end in ends])
    if len(values) != 2:
        raise InputError(f"{where} must say where 2 theta starts and ends, got {len(values)} numbers: export it again")
    return evenly(where, values[0], values[1], points)
