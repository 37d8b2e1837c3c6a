"""One spectrum of a text file with a point a line: which of its columns are axis and intensities."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.axes import REPEATED, averaged
from spectune.trainables.data.files.names import (
    NAME,
    is_any_unit,
    is_aside,
    is_axis,
    is_error,
    is_index,
    is_intensity,
    named,
    position,
    quantity,
)
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import called, few, find, placed
from spectune.trainables.data.files.table import LEAST_POINTS, Spectrum, counted, strict, turn
from spectune.trainables.data.files.text import SAMPLE, Lines

BARE = "points without an axis at the ends left out"
TRAILER = "lines of words after the numbers passed over"
Cells = list[list[str]]


class Header(NamedTuple):
    """What is written above the columns; "" where nothing is."""

    names: list[str]
    units: list[str]


def read_points(lines: Lines, reading: Reading) -> Spectrum:
    """The spectrum of a text file with a column for the axis and one for the intensities.

    Words before and after the numbers are passed over; the last line of words above them names the columns, as in
    ``Wavenumber (1/cm), Absorbance``. Row numbers and errors are left out; what else there is must be chosen from.
    """
    start = _start(lines)
    if start is None:
        raise InputError(
            f"{lines.path} must hold two columns of numbers, axis and intensity, got none: export it as such"
        )
    stop = len(lines)
    while stop > start + 1 and lines.number(lines.cells(stop - 1)[0]) is None:
        stop -= 1
    rows = [_filled(lines.cells(line)) for line in range(start, stop)]
    header = _header(lines, start, len(rows[0]))
    axis, intensity = chosen = _chosen(lines, header, rows, reading)
    kept = [row for row, cells in enumerate(rows) if len(cells) <= axis or cells[axis]] or [0, len(rows) - 1]
    notes = [note for note, said in ((TRAILER, stop < len(lines)), (BARE, kept[-1] - kept[0] < len(rows) - 1)) if said]
    start, rows = start + kept[0], rows[kept[0] : kept[-1] + 1]
    values = np.array([_values(lines, start + row, cells, chosen) for row, cells in enumerate(rows)])
    places, intensities, first = averaged(values[:, 0], values[:, 1])
    strict(lines.where(start + int(first[turn(places) or 0])), places)
    name, unit = named(header.names[axis])
    ignored = [called(header.names, column) for column in range(len(rows[0])) if column not in chosen]
    return Spectrum(
        Axis(places, name or NAME, header.units[axis].strip("()[]") or unit),
        intensities,
        quantity(header.names[intensity]) or quantity(header.units[intensity]),
        {
            "axis": f"column {axis + 1}",
            "intensities": called(header.names, intensity),
            **({"ignored": few(ignored)} if ignored else {}),
        },
        (*((REPEATED,) if len(places) < len(values) else ()), *notes),
    )


def names_points(lines: Lines) -> bool:
    """Whether a column behind the first is called as an axis is and goes as one: ``Pixel,Wavelength,Dark,Raw``."""
    start = _start(lines)
    if not start:  # no numbers, or nothing above them
        return False
    middle = (start + len(lines)) // 2  # the first may have no axis
    rows = [_filled(lines.cells(line)) for line in range(middle, min(middle + SAMPLE, len(lines)))]
    names = _header(lines, start, len(rows[0])).names
    axes = [n for n, name in enumerate(names) if n and is_axis(name) and not position(name)]
    going = (np.array([_number(lines, cells, column) for cells in rows]) for column in axes)
    return len(lines) - start >= LEAST_POINTS and not placed(names) and any(turn(values) is None for values in going)


def _start(lines: Lines) -> int | None:
    """The first line of numbers; None where there is none."""
    return next((line for line in range(len(lines)) if _numeric(lines, line)), None)


def _numeric(lines: Lines, line: int) -> bool:
    cells = lines.cells(line)
    return len(cells) >= 2 and all(lines.number(cell) is not None for cell in cells[:2]) and bool(cells[0])


def _filled(cells: list[str]) -> list[str]:
    """``cells`` without empty ones behind the second."""
    while len(cells) > 2 and not cells[-1]:
        cells.pop()
    return cells


def _values(lines: Lines, line: int, cells: list[str], chosen: tuple[int, int]) -> NDArray[np.float64]:
    """Axis and intensity of a line."""
    if len(cells) <= max(chosen):
        raise InputError(
            f"{lines.where(line)}: a line must have two columns, axis and intensity, got {len(cells)}: correct the "
            f"line, or export the spectrum as two columns"
        )
    values = lines.values(line, [cells[column] for column in chosen])
    if not math.isfinite(values[0]):
        raise InputError(f"{lines.where(line)}: the axis must be a number, got {cells[chosen[0]]!r}: remove the line")
    return values


def _header(lines: Lines, start: int, columns: int) -> Header:
    """The names and units of the columns: the last lines of words above the first line of numbers, or the comment."""
    above = [lines.texts[line] for line in range(max(start - 3, 0), start)] or [lines.remark]
    rows = [_names(lines, text, columns) for text in above]
    units = [""] * columns
    if rows[-1] and any(rows[-1]) and all(is_any_unit(cell) for cell in rows[-1] if cell):
        units = rows.pop()
        rows = rows or [[]]
    names = rows[-1]
    sure = (names and any(map(is_axis, names[:2]))) or any(map(is_intensity, names[1:]))
    if not names or names[0].endswith(":") or (not sure and len(rows) > 1 and rows[-2]):  # a line of metadata
        names = [""] * columns
    return Header(names, units)


def _names(lines: Lines, text: str, columns: int) -> list[str]:
    """The headers in a line, if it has one for each of the columns; otherwise none."""
    word = r"[^\s()\[\]]+(?:\s*[(\[][^()\[\]]*[)\]])?"
    ways = [lines.split(text)] if lines.separator else [re.split(r"\t|\s{2,}", text), re.findall(word, text)]
    for cells in (*ways, *(text.split(mark) for mark in ",;")):
        headers = [cell.strip().strip('"') for cell in cells]
        headers = headers[:columns] if not any(headers[columns:]) else headers  # a line that ends with a separator
        wrong = any(re.search(r"[<>=]", header) for header in headers) or not re.search(r"[^\W\d]", text)
        if len(headers) == columns and not wrong:
            return headers
    return []


def _chosen(lines: Lines, header: Header, rows: Cells, reading: Reading) -> tuple[int, int]:
    """The columns of axis and intensities. ValueError where two readings are possible, with the options to type."""
    names = header.names
    if reading.columns:
        return _asked(lines, names, reading.columns)
    if len(names) <= 2:
        return (0, 1)
    values = np.array([[_number(lines, cells, column) for column in range(len(names))] for cells in rows])
    numbers = [column for column in range(len(names)) if np.isfinite(values[:, column]).any()]
    axes, intensities = candidates(lines, names, values, numbers)
    if len(axes) != 1 or len(intensities) != 1:
        pairs = [f"columns={_typed(names, x)},{_typed(names, y)}" for x in axes for y in intensities if x < y]
        pairs = pairs or ["columns=AXIS,INTENSITY"]
        shown = ", ".join(called(names, column) for column in range(len(names)))
        raise InputError(
            f"{lines.path}: the columns of axis and intensities must be clear, got {shown}: give "
            f"{', '.join(pairs[:3])}{' or another pair' if len(pairs) > 3 else ''}, or orient=columns if each of the "
            f"others is a spectrum"
        )
    return axes[0], intensities[0]


def candidates(
    lines: Lines, names: Sequence[str], values: NDArray[np.float64], numbers: list[int]
) -> tuple[list[int], list[int]]:
    """The columns that may be the axis, and those that may be the intensities, of ``values`` (lines, columns)."""
    headed = any(names)
    rest = [column for column in numbers if not is_error(names[column])]
    if headed and len(rest) > 2 and is_index(names[rest[0]]) and counted(values[:, rest[0]]):
        rest = rest[1:]
    axes = [column for column in rest if is_axis(names[column])] or rest[:1]
    if not headed and counted(values[:, 0]) and turn(values[:, 1]) is None:
        axes = rest[:2]  # the first may be row numbers
    some = [column for column in rest if column not in axes[:1] and not is_axis(names[column])]
    some = [column for column in some if not is_aside(names[column])] or some
    if not some:
        return axes, rest[1:2]
    others = [column for column in some[1:] if not _error(lines, values[:, some[0]], values[:, column])]
    return axes, [some[0], *others]


def _error(lines: Lines, intensities: NDArray[np.float64], column: NDArray[np.float64]) -> bool:
    """Whether a column without such a name is an error: the root of the counts, the same everywhere, or of an .xye."""
    root = np.sqrt(np.maximum(intensities, 1))
    known = np.isfinite(column)
    same = bool(known.any()) and float(np.ptp(column[known])) == 0
    return same or lines.path.suffix.lower() == ".xye" or bool(np.allclose(column, root, rtol=0.02, atol=0.01))


def _asked(lines: Lines, names: list[str], columns: str) -> tuple[int, int]:
    """The two columns that the user names."""
    found = [find(names, word.strip()) for word in columns.split(",")]
    if len(found) != 2 or None in found or found[0] == found[1]:
        known = few([name or str(column) for column, name in enumerate(names)])
        raise InputError(
            f"{lines.path}: columns must be AXIS,INTENSITY by name or number from 0, got {columns!r}: the columns are "
            f"{known}"
        )
    return found[0] or 0, found[1] or 0


def _typed(names: Sequence[str], column: int) -> str:
    """What to type for a column."""
    name = named(names[column])[0] or names[column]
    return name if name and "," not in name and find(names, name) == column else str(column)


def _number(lines: Lines, cells: list[str], column: int) -> float:
    value = lines.number(cells[column]) if column < len(cells) else None
    return math.nan if value is None else value
