"""Text tables: one spectrum a line or a column, a column of labels, the axis in the header where it is numeric."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.long import long_points, read_long
from spectune.trainables.data.files.matrix import foreign, numbered
from spectune.trainables.data.files.names import is_any_unit, position, quantity
from spectune.trainables.data.files.points import names_points, read_points
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import LABELS, Roles, attributes, few, find, in_turn, roles
from spectune.trainables.data.files.table import LEAST_POINTS, Spectrum, Table, counted, turn
from spectune.trainables.data.files.text import SAMPLE, Lines, read_lines
from spectune.trainables.data.files.turned import by_columns, is_turned, one_axis, turn_over

TYPES = {"c", "continuous", "d", "discrete", "s", "string", "text", "t", "time"}  # of columns, as Orange writes them
FLAGS = {"class", "meta", "m", "ignore", "i", "weight", "w"}
# Before a name: flags and a type, as in C#400, mS#patient or cD#mineral.
PREFIX = re.compile(r"((?=[cmiwCDST])[cmiw]*[CDST]?)#(?=.)")
CLASS = {"class", "c"}  # flags of the column of classes; c alone in a row of types is continuous
ASIDE = FLAGS - CLASS  # neither classes nor intensities
WORDS = {"d", "discrete", "s", "string", "text", "t", "time", "D", "S", "T"}  # types of what is no intensity


class Header(NamedTuple):
    """The names of the columns where there are, the first line of spectra, and what rows below the names say."""

    names: list[str] | None
    start: int
    classes: int | None = None  # the column that they call class
    quantity: str = ""
    notes: tuple[str, ...] = ()
    aside: frozenset[int] = frozenset()  # columns that are neither by what they say
    words: frozenset[int] = frozenset()  # and those that are no numbers


def read_rows(path: Path, reading: Reading) -> Table:
    """The spectra of a .csv, .tsv or .txt file in any layout: a table with a spectrum a line or a column, a long table
    with a point a line, or a single spectrum in columns.
    """
    return read_text(read_lines(path, reading.decimal), reading, least=LEAST_POINTS)


@np.errstate(over="ignore", invalid="ignore")  # huge values are refused where the spectra are known
def read_text(lines: Lines, reading: Reading, *, least: int) -> Table:
    """The spectra of ``lines``: from ``least`` on, few columns are a spectrum with a point a line."""
    if not (reading.columns or reading.orient == "rows"):
        one_axis(lines)
    if not reading.orient:
        if points := long_points(lines, reading):
            return read_long(lines, points, reading)
        if reading.columns or (len(lines) >= least and single(lines)):
            return _one(lines.path.name, read_points(lines, reading))
    return read_table(lines, reading)


@np.errstate(over="ignore", invalid="ignore")
def read_table(lines: Lines, reading: Reading) -> Table:
    """The spectra of a table with a spectrum a line or a column."""
    if reading.orient == "columns" or (not reading.orient and by_columns(lines, reading)):
        turned = turn_over(lines)
        table = _table(turned.lines, replace(reading, header="yes", orient="columns"))
        first = turned.lines.skip + 1
        found = {"axis": f"column {first}", "intensities": f"columns {first + 1} to {first + len(table.rows)}"}
        return replace(
            table,
            axis=turned.axis(table.axis),
            quantity=turned.quantity,
            notes=(*table.notes, *turned.notes),
            taken={**table.taken, **found, **turned.taken},
        )
    return _table(lines, reading)


def _one(name: str, spectrum: Spectrum) -> Table:
    """The table of one spectrum."""
    axis, intensities, quantity, taken, notes = spectrum
    return Table(intensities[None], [name], axis=axis, quantity=quantity, taken=taken, notes=notes)


def single(lines: Lines) -> bool:
    """Whether a file has a point a line: it has fewer columns than a spectrum has points, or one called as an axis."""
    few = len(lines.cells(len(lines) // 2)) < LEAST_POINTS
    return not is_turned(lines) and (few or names_points(lines))


def _table(lines: Lines, reading: Reading) -> Table:
    path, first = lines.path, lines.cells(0)
    sample = [lines.cells(line) for line in range(1, min(len(lines), SAMPLE))]
    if sample and len(first) != len(sample[0]):
        raise InputError(
            f"{lines.where(0)}: every line must have as many values as the next, {len(sample[0])}, got {len(first)}: "
            f"correct the line, or put # before it if it is a remark"
        )
    head = _header(lines, first, sample, reading)
    body = [lines.cells(line) for line in range(max(head.start, 1), min(len(lines), SAMPLE))] or [first]
    text = lines.words(body, len(first)) | head.words
    index = {0} if numbered(lines.leading(SAMPLE, start=head.start, columns=3)) else set()
    found = roles(
        str(path), head.names, text, columns=len(first), reading=reading, classes=head.classes, aside=head.aside | index
    )
    if head.names is None and found.spectrum and not any(cells[-1] for cells in [first, *sample]):
        found = found._replace(spectrum=found.spectrum[:-1])  # every line ends with a separator
    if not found.spectrum:
        raise InputError(
            f"{path} must hold one spectrum a row, got no column of numbers: check the separator (it looks like "
            f"{lines.separator or ' '!r})"
        )
    table = _filled(lines, found, head)
    if not reading.orient:
        _sure(path, table, found, head)
    return table


def _sure(path: Path, table: Table, found: Roles, head: Header) -> None:
    """ValueError with the options to type where columns may be no points of a spectrum."""
    axis, names = found.axis, [head.names[column] for column in found.spectrum] if head.names else []
    if axis is None and found.label is None and names and not in_turn(names):
        raise InputError(
            f"{path}: columns must be the points of a spectrum, got some called {few(names)}: give orient=rows if they "
            f"are, orient=columns if each is a spectrum, or columns=AXIS,INTENSITY if each line is a point"
        )
    if not names or (axis is not None and counted(axis.values)):
        for place in foreign(table.spectra):
            column = found.spectrum[place]
            raise InputError(
                f"{path}: column {column + 1} must be known to hold intensities or not, got whole numbers unlike those "
                f"beside them: give label={column} if it holds the classes, group={column} if it numbers patients or "
                f"spectra, or orient=rows if it is a point of the spectra"
            )


def _filled(lines: Lines, found: Roles, head: Header) -> Table:
    """The table of all lines from where the header ends."""
    spectra = np.empty((len(lines) - head.start, len(found.spectrum)))
    beside = (found.label, found.split, found.group, *found.ignored.values())
    words: dict[int, list[str]] = {column: [] for column in beside if column is not None}
    columns = len(lines.cells(0))
    low, high = found.spectrum[0], found.spectrum[-1] + 1
    whole = high - low == len(found.spectrum)
    for row, line in enumerate(range(head.start, len(lines))):
        cells = lines.cells(line)
        if len(cells) != columns:
            raise InputError(
                f"{lines.where(line)}: every line must have as many values as the first, {columns}, got {len(cells)}: "
                f"correct the line, or resample the spectra to one length (a folder per class does it by itself)"
            )
        spectra[row] = lines.values(line, cells[low:high] if whole else [cells[column] for column in found.spectrum])
        for column, some in words.items():
            some.append(cells[column])
    rows = [lines.row(line) for line in range(head.start, len(lines))]
    return Table(
        spectra,
        rows,
        axis=found.axis,
        quantity=head.quantity,
        notes=head.notes,
        taken=found.taken,
        **attributes(str(lines.path), rows, found, words.__getitem__),
    )


def _header(lines: Lines, first: list[str], sample: list[list[str]], reading: Reading) -> Header:
    """The names of the columns, if the first line or the comment above it has them, and what rows below them say."""
    text = lines.words(sample or [first], len(first))
    names, start = [PREFIX.sub("", cell) for cell in first], 1
    if not _headed(lines, names, sample, text, reading):
        names, start = lines.split(lines.remark), 0
        if len(names) != len(first) or not _headed(lines, names, [first, *sample], text, reading):
            return Header(None, 0)
    names = [lines.plain(name) for name in names]
    said = [list(found[1]) if start and (found := PREFIX.match(cell)) else [] for cell in first]
    notes = ["prefixes of Orange taken from the names"] if any(said) else []
    kind = ""
    while start < min(len(lines), 4) and (what := _below(lines, start, typed=bool(notes))):
        cells = lines.cells(start)
        if what == "units":
            kind = kind or next((quantity(cell) for cell in cells if quantity(cell)), "")
        else:
            more = ([] if cell.lower() == "c" else [cell.lower()] for cell in cells)
            said = [[*words, *some] for words, some in zip(said, more, strict=False)]
        notes.append(f"row of {what} passed over")
        start += 1
    if start == len(lines):
        raise InputError(f"{lines.path} must hold spectra, got only a header: check the file")
    classes = next((column for column, words in enumerate(said) if CLASS & {*words}), None)
    aside, typed = (
        frozenset(column for column, words in enumerate(said) if some & {*words} and column != classes)
        for some in (ASIDE, WORDS)
    )
    return Header(names, start, classes, kind, tuple(notes), aside, typed)


def _below(lines: Lines, line: int, *, typed: bool) -> str:
    """What a row under the names says of the columns: their types, below these flags, or units; "" for a spectrum."""
    cells = [cell for cell in lines.cells(line) if cell]
    lower = [cell.lower() for cell in cells]
    if len(cells) > 1 and 2 * sum(cell in TYPES for cell in lower) > len(cells):  # others list the words of a column
        return "types"
    if typed and cells and all(cell in FLAGS for cell in lower):
        return "flags"
    return "units" if len(cells) > 1 and all(map(is_any_unit, cells[1:])) and lines.number(cells[0]) is None else ""


def _headed(lines: Lines, first: list[str], sample: list[list[str]], text: set[int], reading: Reading) -> bool:
    """Whether the first line names the columns: words over most columns of numbers, or an axis that rises or falls.

    ValueError where its numbers may as well be a spectrum that only rises.
    """
    if reading.header:
        return reading.header == "yes"
    labels = text if (asked := _given(reading.label, len(first))) is None else text | {asked}
    if any(first[column] == cells[column] for column in labels for cells in sample if column < len(cells)):
        return False  # its label comes again: a spectrum
    values = [lines.number(cell) for column, cell in enumerate(first) if column not in text]
    words = sum(value is None for value in values)
    places = [place.number for cell in first if (place := position(cell)) and place.unit]
    if any(cell.lower() in LABELS for cell in first) or 2 * words > max(len(values), 1) or 2 * len(places) > len(first):
        return True
    axis = [value for value in values if value is not None and math.isfinite(value)]
    if len(axis) < 3 or len(axis) < len(values) - words - 2 or turn(np.array(axis)) is not None:
        return False
    if not labels and not words and _alike(lines, first, sample):
        raise InputError(
            f"{lines.where(0)}: numbers that only rise or fall may be the axis or a spectrum, got {axis[0]:g} to "
            f"{axis[-1]:g}: give header=yes if they are the axis, or header=no"
        )
    return True


def _given(label: str, columns: int) -> int | None:
    """The column of labels that the user numbers."""
    return find([""] * columns, label) if label else None


def _alike(lines: Lines, first: list[str], sample: list[list[str]]) -> bool:
    """Whether a first line of numbers that only rise or fall looks like the spectra below it rather than like an axis.

    An axis has steps that change slowly; a spectrum has values that others have too, and goes as they do.
    """
    rows = [[lines.number(cell) for cell in cells] for cells in sample if len(cells) == len(first)]
    values = np.array([[lines.number(cell) for cell in first], *rows], np.float64)
    values = values[:, np.isfinite(values).all(axis=0)]
    if len(values) < 2 or values.shape[1] < 3:
        return False
    axis, mean = values[0], values[1:].mean(axis=0)
    steps = np.abs(np.diff(axis))
    rough = float(np.median(np.abs(np.diff(steps)))) > 0.25 * float(np.median(steps))
    low, high = values[1:].min(), values[1:].max()
    going = float(np.corrcoef(axis, mean)[0, 1]) if np.ptp(mean) > 0 else 0.0
    if rough:
        return bool(axis.min() <= high and axis.max() >= low)
    return bool(low <= axis.min() and axis.max() <= high) and going > 0.8
