"""What axis and intensities of a table are: what the file says, what the user says, and one converted into another.

``unit=U`` is what the axis shall be in: a file that says another unit is converted, one that says none is taken to be
in U. ``unit=V:U`` takes the latter to be in V and converts it. ``intensity`` does the same for intensities.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.names import quantity
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.table import Table
from spectune.trainables.data.grid import intensities, label, units


def settled(path: Path, table: Table, reading: Reading) -> Table:
    """``table`` of the file ``path`` in the unit and quantity that are asked for. Where it is in these already, as when
    it was settled before, nothing changes. ValueError where it cannot be converted.
    """
    try:
        return _intensities(_axis(table, reading), reading)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _axis(table: Table, reading: Reading) -> Table:
    given, wanted = reading.pair("unit")
    if (says := table.axis) is None:
        if given:
            raise InputError(f"unit must be one unit where there is no axis, got {reading.unit!r}: leave it away")
        return table
    axis, assumed = _said(says, given, wanted, reading)
    onto = Axis(axis.values, reading.axis, wanted or axis.unit, axis.wavelength)
    if wanted and units.spelled(axis.unit) != units.spelled(wanted):
        moved = units.convert(axis, onto)
        note = f"axis converted from {label(axis)} to {label(moved)}"
        table = replace(table, notes=(*table.notes, note))
    else:
        moved = replace(axis, unit=wanted or axis.unit)
    named = replace(moved, name=reading.axis or moved.name)
    named = replace(named, wavelength=named.wavelength if units.depends(named) else 0.0)
    found = {"unit": assumed, "wavelength": bool(named.wavelength and not says.wavelength)}
    return replace(table, axis=named, assumed=table.assumed | {what for what, one in found.items() if one})


def _said(axis: Axis, given: str, wanted: str, reading: Reading) -> tuple[Axis, bool]:
    """``axis`` with the unit and the wavelength that it was measured in, and whether the unit is assumed.

    The names of some quantities say the unit; of others, such as wavelength, it has to be known.
    """
    source = axis.wavelength or units.wavelength(reading.wavelength)
    if units.spelled(axis.unit):
        return replace(axis, wavelength=source), False
    known = units.quantity(axis)
    named = axis if known else replace(axis, name=reading.axis or axis.name)
    unit = given or (units.USUAL.get(known, "") if wanted else "") or wanted
    found = units.UNITS.get(units.spelled(unit))
    if found and known and units.KINDS.get(known, found.kind) != found.kind:
        raise InputError(
            f"the unit of an axis must be known to convert it, got {axis.name} without one: give unit=UNIT:{wanted}"
        )
    return replace(named, unit=unit or axis.unit, wavelength=source), bool(unit)


def _intensities(table: Table, reading: Reading) -> Table:
    given, wanted = map(_known, reading.pair("intensity"))
    said = quantity(table.quantity) or table.quantity
    known = intensities.percent(said or given or wanted, table.spectra)
    assumed = table.assumed | ({"intensity"} if known and not said else set())
    if not wanted or known == wanted:
        return replace(table, quantity=known, assumed=assumed)
    spectra, low = intensities.convert(table.spectra, known, wanted)
    at = f" ({low} values at the floor of {intensities.FLOOR:g})" if low else ""
    note = f"intensities converted from {known} to {wanted}{at}"
    return replace(table, spectra=spectra, quantity=wanted, assumed=assumed, notes=(*table.notes, note))


def _known(text: str) -> str:
    """A quantity of intensities by any of its names."""
    found = quantity(text) or text.lower()
    if found and found not in intensities.KNOWN:
        raise InputError(f"intensity must be one of {', '.join(intensities.KNOWN)}, got {text!r}: choose one")
    return found
