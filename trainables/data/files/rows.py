"""Text tables: one spectrum a line, a column of labels, the axis in the header where it is numeric."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.table import LABELS, NAME, Roles, Table, roles, split_name, strict, turn
from spectune.trainables.data.files.text import SAMPLE, Lines, read_lines

UNNAMED = ("", "unnamed: 0")  # how pandas calls a column of row numbers


def read_rows(path: Path, label: str = "", group: str = "") -> Table:
    """The spectra of a .csv, .tsv or .txt table. ``label`` chooses the column of classes by name or number from 0,
    ``group`` that of the groups.
    """
    lines = read_lines(path)
    if columns := _pairs(lines):
        return Table(columns[1][None], [path.name], axis=columns[0])
    first = lines.cells(0)
    sample = [lines.cells(line) for line in range(1, min(len(lines), SAMPLE))]
    if sample and len(first) != len(sample[0]):
        raise InputError(
            f"{lines.where(0)}: every line must have as many values as the next, {len(sample[0])}, got {len(first)}: "
            f"correct the line, or put # before it if it is a remark"
        )
    text = _text(lines, sample or [first], len(first))
    header, start = _header(lines, first, sample, text)
    found = roles(str(path), header, text, columns=len(first), label=label, group=group)
    if header is None and found.spectrum and not any(cells[-1] for cells in [first, *sample]):
        found = found._replace(spectrum=found.spectrum[:-1])  # every line ends with a separator
    if not found.spectrum:
        raise InputError(
            f"{path} must hold one spectrum a line, got no column of numbers: check the separator (it looks like "
            f"{lines.separator or ' '!r})"
        )
    return _table(lines, found, start=start)


def _table(lines: Lines, found: Roles, *, start: int) -> Table:
    spectra = np.empty((len(lines) - start, len(found.spectrum)))
    labels, splits, rows, groups = [], [], [], []
    others: dict[str, list[str]] = {name: [] for name in found.ignored}
    columns = len(lines.cells(0))
    low, high = found.spectrum[0], found.spectrum[-1] + 1
    whole = high - low == len(found.spectrum)
    for row, line in enumerate(range(start, len(lines))):
        cells = lines.cells(line)
        if len(cells) != columns:
            raise InputError(
                f"{lines.where(line)}: every line must have as many values as the first, {columns}, got {len(cells)}: "
                f"correct the line, or resample the spectra to one length (a folder per class does it by itself)"
            )
        spectra[row] = lines.values(line, cells[low:high] if whole else [cells[column] for column in found.spectrum])
        rows.append(f"line {lines.numbers[line]}")
        if found.label is not None:
            labels.append(cells[found.label])
        if found.split is not None:
            splits.append(split_name(lines.where(line), cells[found.split]))
        if found.group is not None:
            groups.append(cells[found.group])
        for name, column in found.ignored.items():
            others[name].append(cells[column])
    return Table(
        spectra,
        rows,
        labels=labels if found.label is not None else None,
        splits=splits if found.split is not None else None,
        axis=None if found.axis is None else Axis(found.axis, NAME, ""),
        notes=found.notes,
        groups=groups if found.group is not None else None,
        grouped=found.grouped,
        others=others,
    )


def _text(lines: Lines, sample: list[list[str]], columns: int) -> set[int]:
    """Columns that hold words: most of their cells are neither numbers nor missing."""
    words = np.zeros(columns, int)
    for cells in sample:
        for column, cell in enumerate(cells[:columns]):
            words[column] += lines.number(cell) is None
    return set(np.flatnonzero(2 * words > len(sample)).tolist())


def _header(lines: Lines, first: list[str], sample: list[list[str]], text: set[int]) -> tuple[list[str] | None, int]:
    """The names of the columns, if the first line or the comment above it has them, and the first line of spectra."""
    names, start = first, 1
    if not _headed(lines, first, sample, text):
        names, start = lines.split(lines.remark), 0
        if len(names) != len(first) or not _headed(lines, names, [first, *sample], text):
            return None, 0
    if start == len(lines):
        raise InputError(f"{lines.path} must hold spectra, got only a header: check the file")
    return [name.replace(",", ".") if lines.comma else name for name in names], start


def _headed(lines: Lines, first: list[str], sample: list[list[str]], text: set[int]) -> bool:
    """Whether the first line names the columns: words over most columns of numbers, or an axis that rises or falls."""
    if any(first[column] == cells[column] for column in text for cells in sample if column < len(cells)):
        return False  # its label comes again: a spectrum
    values = [lines.number(cell) for column, cell in enumerate(first) if column not in text]
    words = sum(value is None for value in values)
    if any(cell.lower() in LABELS for cell in first) or 2 * words > max(len(values), 1):
        return True
    axis = [value for value in values if value is not None and math.isfinite(value)]
    steps = np.diff(axis)
    return len(axis) > 2 and len(axis) >= len(values) - 2 and bool((steps > 0).all() or (steps < 0).all())


def _pairs(lines: Lines) -> tuple[Axis, NDArray[np.float64]] | None:
    """Axis and intensities if the file is one spectrum in two columns rather than a table."""
    if len(lines) < 8 or len(lines.cells(len(lines) - 1)) not in (2, 3):
        return None
    try:
        return read_pairs(lines)
    except ValueError:
        return None


def read_pairs(lines: Lines) -> tuple[Axis, NDArray[np.float64]]:
    """Axis and intensities of a two-column text file; a third column (errors) is left out, as are leading words, and a
    first one of three that the header leaves without a name (row numbers, as pandas writes them).

    The axis is called by the last line of words before the numbers, as in ``Wavenumber (1/cm), Absorbance``.
    """
    start = next((line for line in range(len(lines)) if _numeric(lines, line)), None)
    if start is None:
        raise InputError(
            f"{lines.path} must hold two columns of numbers, axis and intensity, got none: export it as such"
        )
    header = lines.texts[start - 1] if start else lines.remark
    names = lines.split(header)
    first = 1 if len(names) == 3 and names[0].lower() in UNNAMED else 0
    values = np.empty((len(lines) - start, 2))
    for row, line in enumerate(range(start, len(lines))):
        cells = lines.cells(line)
        while len(cells) > 2 and not cells[-1]:
            cells.pop()
        if len(cells) not in ((3,) if first else (2, 3)):
            raise InputError(
                f"{lines.where(line)}: a line must have two columns, axis and intensity, got {len(cells)}: correct the "
                f"line, or export the spectrum as two columns"
            )
        values[row] = lines.values(line, cells[first : first + 2])
        if not math.isfinite(values[row, 0]):
            raise InputError(f"{lines.where(line)}: the axis must be a number, got {cells[first]!r}: remove the line")
    strict(lines.where(start + (turn(values[:, 0]) or 0)), values[:, 0])
    name, unit = _named(lines, header.split(lines.separator, 1)[1] if first else header)
    return Axis(values[:, 0].copy(), name, unit), values[:, 1]


def _named(lines: Lines, header: str) -> tuple[str, str]:
    """Name and unit of the axis from the header of the first column, if ``header`` looks like two headers."""
    word, end = (r"[^()\[\]\"]+?", r"\"?$") if lines.separator else (r"[^\s()\[\]]+", r"(?=\s)")
    first = header.split(lines.separator, maxsplit=1)[0].strip() if lines.separator else header
    found = re.match(rf"\"?({word})\s*(?:[(\[]([^()\[\]]*)[)\]]|{end})", first)
    two = found is not None and (len(lines.split(header)) in (2, 3) if lines.separator or not found[2] else True)
    if not found or not two or not any(character.isalpha() for character in found[1]) or found[1].endswith(":"):
        return NAME, ""
    return found[1], found[2] or ""


def _numeric(lines: Lines, line: int) -> bool:
    cells = lines.cells(line)
    return len(cells) >= 2 and all(lines.number(cell) is not None for cell in cells[:2]) and bool(cells[0])
