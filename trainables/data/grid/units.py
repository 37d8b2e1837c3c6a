"""What spectra are measured over: quantities of axes, their units, and the way from one to another."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis

SILENT = ("", "points", "point", "index", "channel", "channels", "a.u.", "arb.units")  # units that say nothing
SPELLINGS = {
    "nm": "nm",
    "nanometer": "nm",
    "nanometers": "nm",
    "ppm": "ppm",
    "ev": "eV",
    "kev": "keV",
    "micron": "um",
    "microns": "um",
    "/cm": "1/cm",
    "cm^{-1}": "1/cm",
    "å": "å",
    "a": "å",
    "angstrom": "å",
    "angstroms": "å",
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
    "ramanshift": "Raman shift",
    "wavelength": "wavelength",
    "wavelengths": "wavelength",
    "lambda": "wavelength",
    "λ": "wavelength",
    "energy": "energy",
    "bindingenergy": "binding energy",
    "frequency": "frequency",
    "angle": "2theta",
    "2theta": "2theta",
    "twotheta": "2theta",
    "2θ": "2theta",
    "d": "d",
    "dspacing": "d",
    "q": "scattering vector",
    "scatteringvector": "scattering vector",
    "time": "time",
    "retentiontime": "time",
    "m/z": "m/z",
    "chemicalshift": "chemical shift",
}


class Unit(NamedTuple):
    """What a unit measures, and how many of the first unit of that kind it is."""

    kind: str
    size: float
    quantity: str = ""  # what an axis in it is where no name says another


UNITS = {
    "nm": Unit("length", 1.0, "wavelength"),
    "um": Unit("length", 1e3, "wavelength"),
    "å": Unit("length", 0.1),  # of light, or of lattice spacings
    "1/cm": Unit("inverse length", 1.0, "wavenumber"),
    "1/nm": Unit("inverse length", 1e7, "scattering vector"),
    "1/å": Unit("inverse length", 1e8, "scattering vector"),
    "eV": Unit("energy", 1.0, "energy"),
    "meV": Unit("energy", 1e-3, "energy"),
    "keV": Unit("energy", 1e3, "energy"),
    "degrees": Unit("angle", 1.0, "2theta"),
    "s": Unit("time", 1.0, "time"),
    "ms": Unit("time", 1e-3, "time"),
    "min": Unit("time", 60.0, "time"),
    "Hz": Unit("frequency", 1.0, "frequency"),
    "kHz": Unit("frequency", 1e3, "frequency"),
    "MHz": Unit("frequency", 1e6, "frequency"),
    "GHz": Unit("frequency", 1e9, "frequency"),
}
LIGHT = {
    "wavenumber": "inverse length",
    "wavelength": "length",
    "energy": "energy",
    "Raman shift": "inverse length",
}  # of photons: all are known by the wavenumber
LATTICE = {"2theta": "angle", "d": "length", "scattering vector": "inverse length"}  # all are known by the last
KINDS = {**LIGHT, **LATTICE}
USUAL = {"wavenumber": "1/cm", "Raman shift": "1/cm", "2theta": "degrees"}  # what these are always measured in
PER_EV = 8065.543937  # 1/cm of a photon of 1 eV (CODATA 2018)
WAVELENGTHS = {  # angstrom, with the share of each line (International Tables C, table 4.2.2.1; Hoelzer et al. 1997)
    "CuKa": ((1.540593, 2 / 3), (1.544427, 1 / 3)),
    "CuKa1": ((1.540593, 1.0),),
    "CoKa": ((1.788996, 2 / 3), (1.792835, 1 / 3)),
    "CoKa1": ((1.788996, 1.0),),
    "FeKa": ((1.936041, 2 / 3), (1.939973, 1 / 3)),
    "FeKa1": ((1.936041, 1.0),),
    "CrKa": ((2.289726, 2 / 3), (2.293651, 1 / 3)),
    "CrKa1": ((2.289726, 1.0),),
    "MoKa": ((0.709317, 2 / 3), (0.713607, 1 / 3)),
    "MoKa1": ((0.709317, 1.0),),
    "AgKa": ((0.559422, 2 / 3), (0.563813, 1 / 3)),
    "AgKa1": ((0.559422, 1.0),),
}
CLOSE = 1e-3  # share by which wavelengths differ that count as one, as a doublet and its first line
GUESSES = ("1/cm", "nm", "um", "eV", "degrees", "å", "1/å")  # that an axis without a unit may be in

Floats = NDArray[np.float64]


def wavelength(text: str) -> float:
    """That of a named line, the mean of its doublet in angstrom, or the number that ``text`` is; 0 for "".

    ValueError for anything else.
    """
    if text in WAVELENGTHS:
        return sum(value * share for value, share in WAVELENGTHS[text])
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf or (text and not value):
        raise InputError(
            f"wavelength must be one of {', '.join(WAVELENGTHS)}, a number in angstrom (X-rays) or in nm (the laser of "
            f"a Raman shift), got {text!r}: choose one"
        )
    return value


def comparable(axis: Axis, target: Axis) -> None:
    """ValueError where two axes say that their values mean different things: another unit, or another quantity.

    Where one of them says nothing about its unit, the names of common quantities decide; what is not known is taken to
    fit. Nothing is converted.
    """
    if not alike(axis, target):
        raise InputError(
            f"spectra must be on the axis of the model, {label(target)}, got {label(axis)}: convert the axis, or "
            "correct what the file says of it"
        )


def alike(axis: Axis, target: Axis) -> bool:
    """Whether nothing that two axes say of themselves makes their values mean different things."""
    units = [_unit(one) for one in (axis, target)]
    if _apart(axis, target):
        return False
    if "" in units:
        units = [_named(one.name).replace("Raman shift", "wavenumber") for one in (axis, target)]
        return "" in units or units[0] == units[1]
    known = (axis.wavelength, target.wavelength)
    other = all(known) and not math.isclose(*known, rel_tol=CLOSE)
    return units[0] == units[1] and not (other and quantity(target) == "2theta")


def label(axis: Axis) -> str:
    """``name (unit)``, or one of both."""
    return f"{axis.name} ({axis.unit})" if axis.name and axis.unit else axis.name or axis.unit


def described(axis: Axis) -> str:
    """``label`` with the source where it is known."""
    return f"{label(axis)}{source(axis)}"


def source(axis: Axis) -> str:
    """``, X-rays 1.5406 angstrom``, or the laser; "" where the wavelength is not known."""
    if not axis.wavelength:
        return ""
    return f", laser {axis.wavelength:g} nm" if quantity(axis) in LIGHT else f", X-rays {axis.wavelength:.5g} angstrom"


def depends(axis: Axis) -> bool:
    """Whether its values are others with another source, as far as is known."""
    return quantity(axis) not in KINDS or quantity(axis) in ("2theta", "Raman shift")


def quantity(axis: Axis) -> str:
    """What an axis is, by its name where that fits the unit, else by its unit; "" where nothing says it."""
    unit, named = UNITS.get(spelled(axis.unit)), _named(axis.name)
    if unit and unit.kind == "inverse length" and "shift" in axis.name.lower():
        return "Raman shift"
    if unit is None or (named and KINDS.get(named, unit.kind) == unit.kind):
        return named
    return unit.quantity


def spelled(unit: str) -> str:
    """One spelling of a unit, empty where it says nothing. Prefixes keep their case: MHz is not mHz."""
    plain = re.sub(r"^(.+?)\^?[-\N{MINUS SIGN}]1$", r"1/\1", _plain(unit)).replace("\N{GREEK SMALL LETTER MU}", "u")
    if plain.lower() in ("", *SILENT):
        return ""
    exact = plain if plain in UNITS else SPELLINGS.get(plain.lower(), plain)
    return exact.lower() if exact.lower() in ("1/cm", "1/nm", "um") else exact


def convert(axis: Axis, onto: Axis) -> Axis:
    """``axis`` in the quantity and unit of ``onto``, whose values do not matter; monotonic as it was, or turned.

    Nothing is resampled, and no intensity changes. ValueError where the way is not known: units that have none, 2theta
    without the wavelength of the X-rays, a Raman shift without that of the laser, or values that no such axis has.
    """
    unit, wanted = (UNITS.get(_unit(one)) for one in (axis, onto))
    origin = quantity(axis)
    target = _target(origin, onto, wanted)
    if unit is None or wanted is None or _apart(axis, onto) or not (target or unit.kind == wanted.kind):
        raise InputError(
            f"an axis must be in a unit that can be converted to {label(onto)}, got {label(axis)}: correct what the "
            f"file says of it, or convert it beforehand"
        )
    values, known = axis.values * unit.size, onto.wavelength
    if target not in ("", origin) or (target == "2theta" and not alike(axis, onto)):
        known = _needed(target, onto, axis, onto)
        with np.errstate(all="ignore"):
            values = _from_base(_to_base(values, origin, _needed(origin, axis, axis, onto)), target, known)
        if not np.isfinite(values).all():
            raise InputError(
                f"every value of an axis must be possible to convert to {label(onto)}, got {axis.values.min():g} to "
                f"{axis.values.max():g} {axis.unit}: cut the range, or correct what is said of the axis"
            )
    name = onto.name if _named(onto.name) else target or axis.name
    return Axis(values / wanted.size, name, onto.unit, known)


def better(axis: Axis, target: Axis) -> str:
    """The unit in which the values of ``axis``, which are taken to be in that of ``target``, fit its range much better;
    "" where there is none."""
    best, share = "", max(0.5, 2 * overlap(axis, target))
    for unit in GUESSES:
        if unit != spelled(target.unit):
            try:
                found = overlap(convert(replace(axis, name="d" if unit == "å" else "", unit=unit), target), target)
            except InputError:
                continue
            best, share = (unit, found) if found > share else (best, share)
    return best


def overlap(axis: Axis, target: Axis) -> float:
    """What two ranges share, of what they span together."""
    (low, high), (first, last) = ((float(one.values.min()), float(one.values.max())) for one in (axis, target))
    whole = max(high, last) - min(low, first)
    return max(0.0, min(high, last) - max(low, first)) / whole if whole else 1.0


def _unit(axis: Axis) -> str:
    """The unit of an axis, that which its quantity always has where it does not say it; "" where nothing does."""
    return spelled(axis.unit) or USUAL.get(_named(axis.name), "")


def _apart(axis: Axis, other: Axis) -> bool:
    """Whether one is called light and the other a lattice, which have units in common."""
    names = {_named(axis.name), _named(other.name)}
    return bool(names & LIGHT.keys() and names & LATTICE.keys())


def _plain(text: str) -> str:
    """``text`` without blanks, with one sign for what Unicode has two of."""
    return unicodedata.normalize("NFKC", re.sub(r"[\s_]", "", text))


def _named(name: str) -> str:
    """The quantity of that name; "" where it is not known."""
    return QUANTITIES.get(_plain(name).lower().replace("-", ""), "")


def _target(source: str, onto: Axis, wanted: Unit | None) -> str:
    """The quantity to convert to: what ``onto`` is called, or what its unit is among those of the ``source``."""
    family = next((one for one in (LIGHT, LATTICE) if source in one), {})
    fitting = [name for name, kind in family.items() if wanted is not None and kind == wanted.kind]
    if (named := _named(onto.name)) in fitting:
        return named
    if "Raman shift" in fitting and source != "wavenumber" and (source == "Raman shift" or onto.wavelength):
        return "Raman shift"
    return fitting[0] if fitting else ""


def _needed(what: str, owner: Axis, axis: Axis, onto: Axis) -> float:
    """The wavelength that a quantity needs, of its ``owner`` or, where that does not say it, of the other; else 0."""
    needed = {"2theta": "CuKa", "Raman shift": "785"}.get(what)
    known = owner.wavelength or axis.wavelength or onto.wavelength
    if needed and not known:
        of = "X-rays, in angstrom" if what == "2theta" else "laser, in nm"
        raise InputError(
            f"the wavelength of the {of}, must be known to convert {label(axis)} to {label(onto)}, got none: give "
            f"wavelength, as wavelength={needed}"
        )
    return known if needed else 0.0


def _to_base(values: Floats, what: str, source: float) -> Floats:
    """Values in nm, 1/cm, eV or degrees as wavenumbers (1/cm) or scattering vectors (1/angstrom); NaN where none is."""
    match what:
        case "wavelength":
            found = 1e7 / values
        case "energy":
            found = values * PER_EV
        case "Raman shift":
            found = 1e7 / source - values
        case "2theta":
            found = 4 * np.pi / source * np.sin(np.radians(np.where(values <= 180, values, np.nan) / 2))
        case "d":
            found = 2 * np.pi / (10 * values)
        case "scattering vector":
            found = values / 1e8
        case _:
            found = values
    return np.where(found > 0, found, np.nan)


def _from_base(base: Floats, what: str, source: float) -> Floats:
    """The way back of ``_to_base``."""
    match what:
        case "wavelength":
            found = 1e7 / base
        case "energy":
            found = base / PER_EV
        case "Raman shift":
            found = 1e7 / source - base
        case "2theta":
            found = 2 * np.degrees(np.arcsin(base * source / (4 * np.pi)))
        case "d":
            found = 2 * np.pi / base / 10
        case "scattering vector":
            found = base * 1e8
        case _:
            found = base
    return np.asarray(found)
