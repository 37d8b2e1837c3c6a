"""Spectra to classify: a file read as those of training were, on the network's axis and in its quantity, or refused."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.measured import unlabelled
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.table import Table
from spectune.trainables.data.grid import intensities, label, resample, units
from spectune.trainables.export import Exported

OPTIONS = tuple(one.name for one in fields(Reading))
MEANING = ("axis", "unit", "wavelength", "intensity")  # hold for any file; the others for one laid out as in training
FAR = 10.0  # times the largest intensity of any training spectrum, or of the smallest one, from where on it is said
TRIED = 64  # spectra that are tried at another size
DIFFERENT = 0.01  # in a probability
LOGGER = logging.getLogger("spectune")


@dataclass(frozen=True, eq=False)
class Unknown:
    """``spectra`` (N, L) on the axis of a network and in its quantity, as measured, and the ``names`` of each."""

    spectra: NDArray[np.float64]
    names: list[str]


def unknown(exported: Exported, path: Path, given: Mapping[str, str]) -> Unknown:
    """What a file holds for the network. Options of reading are those of its training but for what is ``given``.

    Another unit, quantity or radiation is converted where that of both is known, and said in the log "spectune".
    ValueError in one line, with what to type, where it cannot be, and where nobody says the unit and another one than
    the network's would fit its axis much better.
    """
    table = _read(exported, path, given)
    for note in table.notes:
        LOGGER.info("%s: %s", path, note)
    try:
        axis = _axis(exported.axis, table, path, given)
        spectra = _intensities(exported.quantity, table, path)
        if axis is not None and not np.array_equal(axis.values, exported.axis.values):
            spectra = resample(spectra, axis, exported.axis)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    _size(exported, spectra, path)
    return Unknown(spectra, table.rows)


def _read(exported: Exported, path: Path, given: Mapping[str, str]) -> Table:
    """The file by the options of training, where it is laid out so, else by those alone that hold for any."""
    for name in given:
        if name not in OPTIONS:
            raise InputError(f"options of reading must be known, got {name!r}: choose one of {', '.join(OPTIONS)}")
    known = {name: value for name, value in exported.reading.items() if name in OPTIONS}
    unnamed = {name: value for name, value in known.items() if name not in ("label", "group")}
    anywhere = {name: value for name, value in known.items() if name in MEANING}
    ways = [way for n, way in enumerate((known, unnamed, anywhere)) if way not in (known, unnamed, anywhere)[:n]]
    for way in ways[:-1]:
        try:
            return unlabelled(path, Reading(**{**way, **given}))
        except InputError as error:
            if "columns" in way and not any(repr(value) in str(error) for value in way.values()):
                raise  # the file has these columns: others must not be read in their place
    table = unlabelled(path, Reading(**{**ways[-1], **given}))
    if left := [f"{name}={value}" for name, value in known.items() if name not in (*ways[-1], *given)]:
        LOGGER.info("%s: not laid out as in training, read without %s", path, ", ".join(left))
    return table


def _axis(target: Axis, table: Table, path: Path, given: Mapping[str, str]) -> Axis | None:
    """The axis of the ``table`` in the quantity and unit of the ``target``. What is taken for granted is said."""
    if (axis := table.axis) is None:
        return None
    silent = not units.spelled(axis.unit) or "unit" in table.assumed
    if silent and "unit" not in given and units.spelled(target.unit) and (other := units.better(axis, target)):
        raise InputError(
            f"the unit of the axis must be known where another one fits much better, got {axis.values.min():g} to "
            f"{axis.values.max():g} for a network on {target.values.min():g} to {target.values.max():g} {target.unit}: "
            f"give --data unit={other}, or --data unit={target.unit} if it is that"
        )
    if not units.alike(axis, target):
        moved = units.convert(axis, target)
        LOGGER.info("%s: axis converted from %s to %s", path, units.described(axis), units.described(target))
        return moved
    if units.spelled(axis.unit) and not units.spelled(target.unit):
        LOGGER.info("%s: the network does not know its unit, %s is taken to be the same", path, label(axis))
    guessed = "wavelength" not in given and ("wavelength" in table.assumed or not axis.wavelength)
    if guessed and target.wavelength and units.quantity(target) == "2theta":
        source = units.source(target).removeprefix(", ")
        LOGGER.info("%s: taken to be measured with %s, as in training: --data wavelength= says another", path, source)
    return axis


def _intensities(target: str, table: Table, path: Path) -> NDArray[np.float64]:
    """Those of the ``table`` in the quantity of the network."""
    spectra = np.asarray(table.spectra, np.float64)
    if intensities.same(table.quantity, target):
        if table.quantity and not target and table.quantity not in intensities.COUNTED:
            LOGGER.info("%s: the network does not know its quantity, %s is taken to be the same", path, table.quantity)
        return spectra
    moved, low = intensities.convert(spectra, table.quantity, target)
    at = f", {low} values at the floor of {intensities.FLOOR:g}" if low else ""
    LOGGER.info("%s: intensities converted from %s to %s%s", path, table.quantity, target, at)
    return np.asarray(moved, np.float64)


def _size(exported: Exported, spectra: NDArray[np.float64], path: Path) -> None:
    """Warn where intensities are of another size than those of training, and that changes what the network says."""
    if exported.likeness is None or not len(spectra):
        return
    low, high = exported.likeness.scale
    largest = float(np.median(np.abs(spectra).max(axis=1)))
    if not 0 < low <= high or not largest or low / FAR <= largest <= high * FAR:
        return
    times = largest / math.sqrt(low * high)
    some = spectra[:TRIED]
    try:
        change = np.abs(exported.predict(some) - exported.predict(some / times)).max()
    except InputError:
        return  # which the prediction will say
    if change > DIFFERENT:
        LOGGER.warning(
            "%s: intensities are %.2g times those of training, and what the network says depends on it: scale them",
            path,
            times,
        )
