"""What the user says of how files are to be read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.grid import units

CHOICES = {"orient": ("rows", "columns"), "decimal": ("point", "comma"), "header": ("yes", "no")}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Options of reading; what is "" is found out, or asked for where it can be read in two ways."""

    label: str = ""  # column of the classes, by name or number from 0; found by itself where it can be
    group: str = ""  # what must not be torn apart: a column, an array, or a part of the files' names, from 0
    columns: str = ""  # of a file with a point a line: AXIS,INTENSITY by name or number from 0
    orient: str = ""  # a spectrum is one of the rows or one of the columns
    decimal: str = ""  # the decimal sign, point or comma; of two the other separates thousands
    header: str = ""  # whether the first line is a header: yes or no
    axis: str = ""  # name of the axis, such as wavenumber
    unit: str = ""  # the unit it shall be in, such as 1/cm, or FROM:TO where files do not say theirs
    wavelength: str = ""  # of the source: X-rays by name or in angstrom, the laser of a Raman shift in nm
    intensity: str = ""  # the quantity that intensities shall be in, such as absorbance, or FROM:TO

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in ("", *choices):
                raise InputError(f"{name} must be {' or '.join(choices)}, got {getattr(self, name)!r}: change it")
        units.wavelength(self.wavelength)
        for name in ("unit", "intensity"):
            self.pair(name)

    @property
    def given(self) -> dict[str, str]:
        """The options that say something."""
        return {one.name: value for one in fields(Reading) if (value := getattr(self, one.name))}

    def pair(self, name: str) -> tuple[str, str]:
        """What files that do not say it are in, and what is wanted, by the option ``name``; "" where nothing."""
        text = getattr(self, name)
        given, _, wanted = text.rpartition(":")
        if text and (not wanted or (":" in text and not given) or ":" in given):
            raise InputError(f"{name} must be one {name}, or two as FROM:TO, got {text!r}: change it")
        return given, wanted

    def without(self, what: Path | str, *names: str, cure: str = "the file says it itself") -> None:
        """ValueError where one of the options ``names`` is given, which ``what``, a file or a format, does not have."""
        for name in names:
            if given := getattr(self, name):
                raise InputError(f"{name} must be left away for {what}, got {given!r}: {cure}")
