"""Long tables: a point a line, and columns that say which spectrum it is of. N spectra, L points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.files.axes import REPEATED, averaged, common
from spectune.trainables.data.files.names import NAME, is_aside, is_axis, is_error, is_index, named, quantity
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import (
    CIRCUMSTANCE,
    IDENTITIES,
    LABELS,
    SPLIT,
    attributes,
    find,
    origin,
    roles,
)
from spectune.trainables.data.files.table import Table, strict, turn
from spectune.trainables.data.files.text import SAMPLE, Lines


class Points(NamedTuple):
    """Columns of a long table: the axis, those that may be intensities, and those that say what a point belongs to."""

    axis: int
    intensities: list[int]
    keys: list[int]


def long_points(lines: Lines, reading: Reading) -> Points | None:
    """The columns of a long table; None where the header, an axis that comes again or keys are missing."""
    names = lines.cells(0)
    sample = [cells for line in range(1, min(len(lines), SAMPLE)) if len(cells := lines.cells(line)) == len(names)]
    if len(names) < 3 or not sample or any(lines.number(name) is not None for name in names):
        return None
    numbers = [n for n in range(len(names)) if all(lines.number(cells[n]) is not None for cells in sample)]
    asked = [find(names, word.strip()) for word in reading.columns.split(",")] if reading.columns else []
    axes = [column for column in numbers if is_axis(names[column])]
    axis = asked[0] if asked else axes[0] if len(axes) == 1 else None
    keys = [n for n, name in enumerate(names) if n not in (axis, *asked) and (n not in numbers or _key(name, reading))]
    if axis is None or axis not in numbers or not keys or not _comes_again(lines, axis):
        return None
    left = [column for column in numbers if column not in (axis, *keys)]
    usual = [n for n in left if not (is_error(names[n]) or is_index(names[n]) or is_aside(names[n]))]
    chosen = [column for column in asked[1:] if column is not None]
    return Points(axis, chosen or usual or left, keys)


def read_long(lines: Lines, points: Points, reading: Reading) -> Table:
    """The spectra of a long table. Points of one are those with the same keys, cut where the axis starts again."""
    names = lines.cells(0)
    if len(points.intensities) != 1:
        pairs = " or ".join(f"columns={names[points.axis]},{names[column]}" for column in points.intensities[:3])
        raise InputError(
            f"{lines.path}: the intensities must be clear, got {len(points.intensities)} columns that may be: give "
            f"{pairs or 'columns=AXIS,INTENSITY'}"
        )
    intensity = points.intensities[0]
    cells = [_line(lines, line, len(names)) for line in range(1, len(lines))]
    values = np.array([lines.values(line, [some[points.axis], some[intensity]]) for line, some in enumerate(cells, 1)])
    parts = _parts(values[:, 0], [tuple(some[key] for key in points.keys) for some in cells])
    rows = [f"line {lines.numbers[part[0] + 1]}" for part in parts]
    found = roles(
        str(lines.path),
        [names[key] for key in points.keys],
        range(len(points.keys)),
        columns=len(points.keys),
        reading=reading,
    )
    grid, spectra, notes = _spectra(lines, rows, [values[part] for part in parts])
    name, unit = named(names[points.axis])
    taken = {"axis": f"column {points.axis + 1}", "intensities": names[intensity]}
    return Table(
        spectra,
        rows,
        axis=Axis(grid, name or NAME, unit),
        quantity=quantity(names[intensity]),
        notes=notes,
        taken={**taken, **{role: what for role, what in found.taken.items() if role not in taken}},
        **attributes(
            str(lines.path), rows, found, lambda column: [cells[part[0]][points.keys[column]] for part in parts]
        ),
    )


def _spectra(
    lines: Lines, rows: list[str], values: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """A common axis, the spectra (N, L) on it and notes, from axis and intensity of the points of each (L, 2)."""
    pairs = []
    for some, row in zip(values, rows, strict=True):
        axis, intensities, _ = averaged(some[:, 0], some[:, 1])
        pairs.append((strict(f"{lines.path}, {row}", axis), intensities))
    grid, spectra, notes = common(pairs, [f"{lines.path}, {row}" for row in rows])
    repeated = any(len(axis) < len(some) for (axis, _), some in zip(pairs, values, strict=True))
    return grid, spectra, (*((REPEATED,) if repeated else ()), *notes)


def _parts(axis: NDArray[np.float64], keys: Sequence[tuple[str, ...]]) -> list[list[int]]:
    """The points of each spectrum, as places in ``axis``."""
    by_key: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(keys):
        by_key.setdefault(key, []).append(place)
    parts = []
    for places in by_key.values():
        steps = np.diff(axis[places])
        back = np.flatnonzero(steps < 0 if 2 * np.count_nonzero(steps > 0) >= len(steps) else steps > 0) + 1
        ends = [0, *back.tolist(), len(places)]
        parts += [places[start:end] for start, end in pairwise(ends)]
    return parts


def _line(lines: Lines, line: int, columns: int) -> list[str]:
    cells = lines.cells(line)
    if len(cells) != columns:
        raise InputError(
            f"{lines.where(line)}: every line must have as many values as the first, {columns}, got {len(cells)}: "
            f"correct the line"
        )
    return cells


def _key(name: str, reading: Reading) -> bool:
    """Whether a column of numbers under that name says what a point belongs to."""
    lower = name.lower()
    known = lower in (*LABELS, SPLIT, *IDENTITIES) and lower not in ("x", "y")
    asked = lower in (reading.label.lower(), reading.group.lower())
    return known or asked or origin(name) or CIRCUMSTANCE.fullmatch(name) is not None


def _comes_again(lines: Lines, axis: int) -> bool:
    """Whether the axis does not only rise or only fall, by the lines that have it."""
    cells = (lines.cells(line) for line in range(1, len(lines)))
    numbers = [lines.number(some[axis]) if axis < len(some) else None for some in cells]
    return turn(np.array([number for number in numbers if number is not None], np.float64)) is not None
