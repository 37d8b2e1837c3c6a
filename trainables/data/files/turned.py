"""Tables with a spectrum a column: found, or asked about, and turned into tables with a spectrum a line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.names import is_any_unit, is_axis, is_unit, named, position, quantity
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import LABELS, beside, counted
from spectune.trainables.data.files.table import LEAST_POINTS, LEAST_SPECTRA, turn
from spectune.trainables.data.files.text import SAMPLE, Lines


@dataclass(frozen=True)
class Columns(Lines):
    """The columns of a file as if they were its lines."""

    table: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    def cells(self, line: int) -> list[str]:
        return list(self.table[line])

    def where(self, line: int) -> str:
        return f"{self.path}, {self.row(line)}"

    def row(self, line: int) -> str:
        return f"column {line + 1}"


@dataclass(frozen=True)
class Turned:
    """A table turned over, and what its corner and a row of units say of the axis and the intensities."""

    lines: Columns
    name: str
    unit: str
    quantity: str
    taken: dict[str, str]  # as in Table
    notes: tuple[str, ...]

    def axis(self, axis: Axis | None) -> Axis | None:
        """``axis``, which the lines alone do not name, under its name."""
        return axis and replace(axis, name=self.name or axis.name, unit=self.unit or axis.unit)


def by_columns(lines: Lines, reading: Reading) -> bool:
    """Whether a spectrum is a column. ValueError where the first column only rises and nothing says what it is."""
    if is_turned(lines):
        return True
    names = lines.cells(0)
    if reading.header or reading.label or (names[0] and beside(names[0])) or _placed(names[1:]):
        return False
    if lines.words(_sample(lines), len(names)) or len(values := _first(lines)) < max(LEAST_POINTS, len(lines) - 2):
        return False
    if turn(values) is not None or counted(values):
        return False
    raise InputError(
        f"{lines.path}: a spectrum must be known to be a row or a column, got a first column that only rises or falls, "
        f"{values[0]:g} to {values[-1]:g}: give orient=columns if it is the axis, or orient=rows"
    )


def is_turned(lines: Lines) -> bool:
    """Whether the corner names an axis, which the first column is, and words name the other columns."""
    names = lines.cells(0)
    if len(names) < 3 or not is_axis(names[0]) or any(lines.number(name) is not None for name in names[1:]):
        return False
    if lines.words(_sample(lines), len(names)) or len(values := _first(lines)) < LEAST_POINTS:
        return False
    if turn(values) is not None:
        return False
    stems = {_stem(name) for name in names[1:]}
    return len(names) > LEAST_POINTS or 3 * len(stems) <= len(names) - 1  # more than what one spectrum has of columns


def turn_over(lines: Lines) -> Turned:
    """The table of ``lines`` with a spectrum a line; the first has the axis, behind words that say what each is."""
    cells = [lines.cells(line) for line in range(len(lines))]
    for line, some in enumerate(cells):
        if len(some) != len(cells[0]):
            raise InputError(
                f"{lines.where(line)}: every line must have as many values as the first, {len(cells[0])}, got "
                f"{len(some)}: correct the line"
            )
    units = cells.pop(1) if len(cells) > 1 and all(is_any_unit(cell) for cell in cells[1] if cell) else [""]
    corner = cells[0][0]
    name, unit = named(corner) if is_axis(corner) else ("", "")
    taken: dict[str, str] = {}
    if not corner or lines.number(corner) is None:
        names = cells[0][1:]
        follow = any(lines.number(some[1]) is None for some in cells[1:4])  # rows of words, which say more
        classes = [] if follow else _classes(names)
        corner = corner if corner.lower() in LABELS else "class" if classes else "sample"
        cells[0] = [corner, *(classes or names)]
        if classes:
            taken["classes"] = "the names of the columns" + ("" if classes == names else " without their numbers")
    turned = tuple(zip(*cells, strict=True))
    table = Columns(lines.path, [], [], lines.separator, lines.commas, lines.quoted, table=turned)
    unit = unit or (units[0].strip("()[]") if is_unit(units[0]) else "")
    return Turned(table, name, unit, quantity(units[-1]), taken, ("row of units passed over",) if any(units) else ())


def _classes(names: list[str]) -> list[str]:
    """The classes that columns are named by, A and A.1 or A_1 and A_2 being one; none where all names differ."""
    mangled = [re.sub(r"\.\d+$", "", name) for name in names]  # as pandas writes names that come again
    names = [short if short in names else name for name, short in zip(names, mangled, strict=True)]
    if len(set(names)) < len(names):
        return names
    stems = [_stem(name) for name in names]
    counts = Counter(stems)
    return stems if len(counts) > 1 and min(counts.values()) >= LEAST_SPECTRA and all(counts) else []


def _stem(name: str) -> str:
    """A name without the number at its end."""
    return re.sub(r"[ _.-]*\d+$", "", name)


def _placed(names: list[str]) -> bool:
    """Whether most names say positions under one word, as V1, V2 ... or 400, 402 ..."""
    places = [place for name in names if (place := position(name))]
    stem, count = Counter(place.stem for place in places).most_common(1)[0] if places else ("", 0)
    steady = stem or turn(np.array([place.number for place in places if not place.stem], np.float64)) is None
    return 2 * count > len(names) and bool(steady)


def _sample(lines: Lines) -> list[list[str]]:
    return [lines.cells(line) for line in range(1, min(len(lines), SAMPLE))]


def _first(lines: Lines) -> NDArray[np.float64]:
    """The numbers of the first column."""
    found = (lines.number(lines.cells(line)[0]) for line in range(len(lines)))
    return np.array([value for value in found if value is not None], np.float64)
