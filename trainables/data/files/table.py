"""What a file of spectra holds before it is a dataset, and which of its columns mean what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS, Axis
from spectune.trainables.data.grid import comparable
from spectune.trainables.data.grid.units import described

LEAST_POINTS, LEAST_SPECTRA = 8, 3  # of a spectrum, and of a class
AND = "\x1f"  # between the labels of a spectrum that has several, where a file has a column for each
ALIASES = {
    "training": "train",
    "cal": "train",
    "calibration": "train",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "testing": "test",
}


@dataclass(frozen=True)
class Table:
    """Spectra of a file, NaN where values are missing, and what the file says about them.

    ``rows`` names each spectrum for messages (``line 7``, ``calcite/a.txt``); ``labels`` and ``splits`` are a word
    each, ``labels`` several of them where there is a ``separator``; ``classes`` gives the names in order where the
    file does; ``notes`` is what the reader had to decide. ``groups`` names the group of each spectrum and ``grouped``
    what names it; ``others`` holds what else the file says of each spectrum, by the words that ``group=`` takes.
    ``quantity`` is that of the intensities, such as absorbance, where a header says it. ``taken`` says where axis,
    intensities, classes, groups and splits were found and what was ignored; the labels are ``guessed`` where no column,
    or more than one, is called so, and ``warnings`` are what a person should look at. ``assumed`` has "unit",
    "wavelength" and "intensity" where the options alone say what these are.
    """

    spectra: NDArray[np.floating[Any]]  # (N, L)
    rows: list[str]
    labels: list[str] | None = None
    splits: list[str] | None = None
    axis: Axis | None = None
    classes: tuple[str, ...] = ()
    separator: str = ""
    notes: tuple[str, ...] = ()
    baseline: str = "none"  # what has removed the baselines already
    groups: list[str] | None = None
    grouped: str = ""
    others: dict[str, list[str]] = field(default_factory=dict)
    quantity: str = ""
    taken: dict[str, str] = field(default_factory=dict)
    guessed: bool = False
    warnings: tuple[str, ...] = ()
    assumed: frozenset[str] = frozenset()

    @property
    def said(self) -> str:
        """What was taken for what, in one line, such as ``axis shift (1/cm) from the header; classes from mineral``."""
        taken = dict(self.taken)
        if "axis" in taken and self.axis is not None:
            taken["axis"] = f"{described(self.axis)} from {taken['axis']}"
        if self.quantity:
            taken["intensities"] = f"{taken.get('intensities', 'the file')} ({self.quantity})"
        froms = ("classes", "groups", "splits", "intensities")
        return "; ".join(f"{role} {'from ' if role in froms else ''}{what}" for role, what in taken.items())


class Spectrum(NamedTuple):
    """One spectrum of a file: its axis and ``intensities`` (L,), NaN where missing, and what the file says about them,
    as in ``Table``; ``quantity`` is one of the words that files use, in lower case."""

    axis: Axis
    intensities: NDArray[np.float64]
    quantity: str = ""
    taken: dict[str, str] = {}  # noqa: RUF012 (never written to)
    notes: tuple[str, ...] = ()


def alike(axes: Sequence[tuple[object, Axis]]) -> Axis | None:
    """The first of ``axes``, each with where it is, that says its wavelength, or of all. ValueError where they
    mean different things by what they say of themselves."""
    place, first = next((one for one in axes if one[1].wavelength), axes[0] if axes else (None, None))
    for where, axis in axes:
        assert first is not None
        try:
            comparable(axis, first)
        except InputError:
            raise InputError(
                f"{where} must be on the axis of {place}, {described(first)}, got {described(axis)}: give "
                f"unit={first.unit}, which converts them, or convert or remove one of them"
            ) from None
    return first


def alias(word: str) -> str:
    """A word in lower case, as the project has it where it is another name of a split."""
    return ALIASES.get(word.lower(), word.lower())


def split_name(where: str, word: str) -> str:
    """``train``, ``validation`` or ``test`` for what a file calls a split."""
    name = alias(word.strip())
    if name not in SPLITS:
        raise InputError(f"{where}: a split must be one of {', '.join(SPLITS)}, got {word!r}: correct it")
    return name


def shared(tables: Sequence[Table]) -> dict[str, list[str]]:
    """The ``others`` that all of ``tables`` have, one behind the other."""
    names = set.intersection(*({*table.others} for table in tables))
    return {name: [word for table in tables for word in table.others[name]] for name in sorted(names)}


def words(text: str, separator: str) -> set[str]:
    """The labels of a spectrum; one where there is no ``separator``."""
    return {word.strip() for word in text.split(separator)} - {""} if separator else {text}


def turn(values: NDArray[np.float64]) -> int | None:
    """Where ``values`` stop only rising or only falling: the index of the first wrong one; None if they never do."""
    with np.errstate(invalid="ignore"):  # infinite less infinite, which the check of spectra refuses
        steps = np.diff(values)
    rising = 2 * np.count_nonzero(steps > 0) >= len(steps)
    wrong = np.flatnonzero(~((steps > 0) if rising else (steps < 0)))
    return int(wrong[0]) + 1 if len(wrong) else None


def counted(values: NDArray[np.float64]) -> bool:
    """Whether ``values`` are the numbers of rows or columns, from 0 or 1."""
    return len(values) > 1 and values[0] in (0, 1) and bool((values == values[0] + np.arange(len(values))).all())


def strict(where: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``values`` if they are finite and only rise or only fall; otherwise ValueError."""
    wrong = turn(values)
    if wrong is not None or not np.isfinite(values).all():
        got = f"{values[wrong]:g} after {values[wrong - 1]:g}" if wrong else "an infinite value"
        raise InputError(
            f"{where}: the axis must be finite and only rise or only fall, got {got}: sort it without repeats"
        )
    return values
