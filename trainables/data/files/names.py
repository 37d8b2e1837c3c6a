"""What the headers of columns say: the name and unit of an axis, the quantity of intensities, a position."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = "position"  # of an axis that the file has and does not name
_AXIS = re.compile(
    r"(wave(number|length)s?|raman(shift)?|(raman|stokes)?shifts?|(2|two)(theta|θ)|θ|theta|angles?|bindingenergy|energ(y|ies)|"
    r"chemicalshift|frequenc(y|ies)|lambda|λ|m/z|mz|mass|q|(retention)?time)"
)
_UNITS = (
    r"nm|[uµμ]m|microns?|cm\^?[-\N{MINUS SIGN}⁻]?[1¹]|cm\^\{-1\}|1/cm|/cm|"
    r"ppm|[kmgt]?hz|[km]?ev|°|deg(rees?)?|°2θ|°2theta|å|angstroms?|"
    r"1/å|1/a|1/nm|å\^?[-\N{MINUS SIGN}⁻][1¹]|nm\^?[-\N{MINUS SIGN}⁻]1|m/z|da"
)
_SHORT = r"s|sec|seconds?|min|minutes?|a|points?"  # units of an axis where nothing but a unit can stand
_UNIT = re.compile(rf"(?i)[(\[]?({_UNITS}|{_SHORT})[)\]]?")
_INTENSITY_UNIT = re.compile(r"(?i)[(\[]?(a\.?u\.?|arb\.? ?u(nits?|\.)?|%|counts?|cps|cts|[mkµ]?v|abs(orbance)?)[)\]]?")
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_PLAIN = re.compile(  # R writes the number 400 as the name X400
    rf"X?([+-]?{_NUMBER}(?:[eE][+-]?\d+)?)\s*(?:[(\[]?((?i:{_UNITS}))[)\]]?)?"
)
_STEMMED = re.compile(rf"(?i)(.*?\D)({_NUMBER})\s*(?:[(\[]?({_UNITS})[)\]]?)?")
_QUANTITIES = (  # of intensities: what a header says, in small letters without blanks and underscores
    ("absorbance", re.compile(r"abs(orbance|orption|\.)?|log\(?1/[rt]\)?|absorbanceunits?|a")),
    ("% transmittance", re.compile(r"(%|percent)t(ransmi(ttance|ssion))?|t%|transmi(ttance|ssion)[(\[,/]?%[)\]]?")),
    ("transmittance", re.compile(r"t|transmi(ttance|ssion)")),
    ("% reflectance", re.compile(r"(%|percent)r(eflect(ance|ion))?|r%|reflect(ance|ion)[(\[,/]?%[)\]]?")),
    ("reflectance", re.compile(r"r|reflect(ance|ion)")),
    ("kubelka-munk", re.compile(r"kubelka-?munk")),
    ("counts", re.compile(r"(intensity)?[(\[]?(counts?|cts)[)\]]?")),
)
_ERROR = re.compile(
    r"(?i)(errors?|err|e\.?s\.?d\.?|sigma|\N{GREEK SMALL LETTER SIGMA}|std(ev|dev)?|sd|"
    r"uncertainty|standard.?deviation)\b.*|"
    r".*[ _.-](error|err|esd|std|sigma)"
)
_INDEX = re.compile(r"(?i)(unnamed: ?\d+|#|index|idx|row|no\.?|nr\.?|pixels?|channels?|points?|__index_level_0__)?")
_ASIDE = re.compile(r"(?i)(dark|ref|reference|background|bg|blank|white|baseline|lamp|io|i0)\b.*")
_INTENSITY = re.compile(
    r"(?i)(raman|normali[sz]ed|processed|corrected)?[\s_]*(intensit(y|ies)|counts?|signal|sample|y|i|cps|processed|raw|scope|"
    r"value|amplitude|response)\b.*"
)


class Position(NamedTuple):
    """A header that ends in a number: ``spc.400 nm`` is spc., 400 and nm."""

    stem: str
    number: float
    unit: str


def position(header: str) -> Position | None:
    """Where the header of a column says that it stands; None where it has no number at its end."""
    if found := _PLAIN.fullmatch(header):
        return Position("", float(found[1]), found[2] or "")
    if found := _STEMMED.fullmatch(header):
        return Position(found[1], float(found[2]), found[3] or "")
    return None


def named(header: str) -> tuple[str, str]:
    """Name and unit of ``Wavenumber (1/cm)``, ``Wavelength [nm]``, ``Shift/cm-1`` or ``lambda, nm``; "" where none."""
    text = header.strip().strip('"').strip()
    if found := re.fullmatch(r"([^()\[\]]*?)\s*[(\[]([^()\[\]]*)[)\]]", text):
        return found[1], found[2].strip()
    if found := re.fullmatch(rf"(?i)(.+?)\s*[/,_ ]\s*({_UNITS})", text):
        return found[1], found[2]
    return ("", text) if is_unit(text) and len(text) > 1 else (text, "")


def is_axis(header: str) -> bool:
    """Whether a header names what spectra are measured over, by its name or by its unit."""
    name, unit = named(header)
    return _AXIS.fullmatch(re.sub(r"[\s_-]", "", name).lower()) is not None or (unit != "" and is_unit(unit))


def is_unit(text: str) -> bool:
    """Whether ``text`` is the unit of an axis, and nothing else."""
    return _UNIT.fullmatch(text.strip()) is not None


def is_any_unit(text: str) -> bool:
    """Whether ``text`` is a unit of an axis or of intensities."""
    return is_unit(text) or _INTENSITY_UNIT.fullmatch(text.strip()) is not None


def is_error(header: str) -> bool:
    """Whether a header names an uncertainty."""
    return _ERROR.fullmatch(header.strip()) is not None


def is_index(header: str) -> bool:
    """Whether a header may name a column of row numbers, as no name does."""
    return _INDEX.fullmatch(header.strip()) is not None


def is_aside(header: str) -> bool:
    """Whether a header names what is measured beside the sample: dark, reference, background."""
    return _ASIDE.fullmatch(header.strip()) is not None


def quantity(header: str) -> str:
    """The quantity of intensities by their header: absorbance, transmittance, % transmittance ...; "" if not known."""
    plain = re.sub(r"[\s_]", "", header.strip().strip('"')).lower()
    return next((name for name, pattern in _QUANTITIES if pattern.fullmatch(plain)), "")


def is_intensity(header: str) -> bool:
    """Whether a header names intensities."""
    return quantity(header) != "" or _INTENSITY.fullmatch(header.strip()) is not None
