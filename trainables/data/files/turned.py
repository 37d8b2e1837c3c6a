"""Tables with a spectrum a column: found, or asked about, and turned into tables with a spectrum a line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.matrix import LINES, TALL, numbered, paired, smoother_down
from spectune.trainables.data.files.names import is_any_unit, is_axis, is_index, is_unit, named, position, quantity
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import LABELS, beside, placed
from spectune.trainables.data.files.table import LEAST_POINTS, LEAST_SPECTRA, counted, turn
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
        return f"column {line + 1 + self.skip}"


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
    """Whether a spectrum is a column. ValueError where it may be one and nothing says what it is."""
    names = lines.cells(0)
    if is_turned(lines):
        return True
    numbers = (names[0] and beside(names[0]) and names[0].lower() != "x") or _positions(names[1:])
    said = lines.headed() and numbers
    if said or reading.header or reading.label or reading.group or lines.words(_sample(lines), len(names)):
        return False
    values = _first(lines)
    if len(values) >= max(LEAST_POINTS, len(lines) - 2) and turn(values) is None:
        raise InputError(
            f"{lines.path}: a spectrum must be known to be a row or a column, got a first column that only rises or "
            f"falls, {values[0]:g} to {values[-1]:g}: give orient=columns if it is the axis (or columns=0,1 for the "
            f"first spectrum alone), orient=rows if the rows are spectra, or group=0 if they are and it numbers them"
        )
    tall = len(lines) > TALL * len(names) and not lines.headed()
    if tall and smoother_down(lines.leading(LINES)):
        raise InputError(
            f"{lines.path}: a spectrum must be known to be a row or a column, got {len(lines)} lines of {len(names)} "
            f"numbers that change less down the columns than along the lines: give orient=columns, or orient=rows"
        )
    return False


def one_axis(lines: Lines) -> None:
    """ValueError where each spectrum has an axis of its own beside it."""
    many = len(lines.cells(0)) >= LEAST_POINTS
    if many and paired(lines.leading(LINES, columns=3)) and paired(lines.leading(LINES)):
        raise InputError(
            f"{lines.path} must have one axis, got columns 1, 3, 5 ... that only rise or fall, as pairs of axis and "
            f"intensities: save each pair as a file of its own, or give columns=0,1 for the first alone"
        )


def is_turned(lines: Lines) -> bool:
    """Whether the corner, or the name beside row numbers, is that of an axis, and words name the other columns."""
    lines = unnumbered(lines)
    names = lines.cells(0)
    if len(names) < 3 or not is_axis(names[0]) or any(lines.number(name) is not None for name in names[1:]):
        return False
    if lines.words(_sample(lines), len(names)) or len(values := _first(lines)) < LEAST_SPECTRA:
        return False
    if turn(values) is not None or any(is_axis(name) and not position(name) for name in names[1:]):
        return False
    stems = {_stem(name) for name in names[1:]}
    return len(names) > LEAST_POINTS or 3 * len(stems) <= len(names) - 1  # more than what one spectrum has of columns


def unnumbered(lines: Lines) -> Lines:
    """``lines`` without their first column where it has row numbers and the second is an axis."""
    name, values = lines.cells(0)[0], lines.leading(LINES, columns=3)
    index = numbered(values) and turn(values[:, 1]) is None and (is_index(name) or not lines.headed())
    return replace(lines, skip=lines.skip + 1) if index else lines


def turn_over(lines: Lines) -> Turned:
    """The table of ``lines`` with a spectrum a line; the first has the axis, behind words that say what each is."""
    whole, lines = lines, unnumbered(lines)
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
    taken = {"ignored": "row numbers"} if lines.skip > whole.skip else {}
    if not corner or lines.number(corner) is None:
        names = cells[0][1:]
        follow = any(lines.number(some[1]) is None for some in cells[1:4])  # rows of words, which say more
        classes = [] if follow else _classes(names)
        corner = corner if corner.lower() in LABELS else "class" if classes else "sample"
        cells[0] = [corner, *(classes or names)]
        if classes:
            taken["classes"] = "the names of the columns" + ("" if classes == names else " without their numbers")
    turned = tuple(zip(*cells, strict=True))
    table = Columns(lines.path, [], [], lines.separator, lines.commas, lines.quoted, skip=lines.skip, table=turned)
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


def _positions(names: list[str]) -> bool:
    """Whether most names are an axis, and not the numbers of spectra or points."""
    numbers = [place.number for name in names if (place := position(name))]
    return placed(names) and not counted(np.array(numbers, np.float64))


def _sample(lines: Lines) -> list[list[str]]:
    return [lines.cells(line) for line in range(1, min(len(lines), SAMPLE))]


def _first(lines: Lines) -> NDArray[np.float64]:
    """The numbers of the first column."""
    found = (lines.number(lines.cells(line)[0]) for line in range(int(lines.headed()), len(lines)))
    return np.array([value for value in found if value is not None], np.float64)
