"""Parquet tables: one spectrum a row, in a column a point or in one column of lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.packed import fit
from spectune.trainables.data.files.reading import Reading
from spectune.trainables.data.files.roles import attributes, few, roles
from spectune.trainables.data.files.table import Table


def read_parquet(path: Path, reading: Reading) -> Table:
    """The spectra of a .parquet file. ``reading`` may choose the columns of the classes and of the groups."""
    reading.without(path, "columns", "orient", "decimal", "header")
    import pyarrow as arrow  # costs 0.1 s, and only this format needs it
    from pyarrow import parquet

    try:
        content = _read(parquet.ParquetFile(path, memory_map=False))
    except MemoryError as error:
        raise InputError(f"{path} must fit into memory, got {error or 'more'}: split the file") from None
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} must be a parquet file, got {reason}: write it again") from None
    types = content.schema.types
    lists = [n for n, kind in enumerate(types) if _is_list(arrow.types, kind)]
    numeric = {n for n, k in enumerate(types) if arrow.types.is_integer(k) or arrow.types.is_floating(k)}
    text = set(range(len(types))) - numeric - set(lists)
    found = roles(str(path), content.column_names, text, columns=len(types), reading=reading)
    if lists:
        known = (lists[0], found.label, found.split, found.group)
        left = {name: n for n, name in enumerate(content.column_names) if n not in known}
        taken = {**found.taken, "axis": "none, points are numbered", "intensities": content.column_names[lists[0]]}
        taken = {**taken, "ignored": few(list(left))} if left else taken
        ignored = {name: column for name, column in left.items() if column not in lists}
        found = found._replace(spectrum=lists[:1], axis=None, ignored=ignored, taken=taken)
    if not found.spectrum or not len(content):
        raise InputError(f"{path} must hold one spectrum a row, got {content.shape} of no numbers: check the file")
    rows = [f"row {row}" for row in range(len(content))]
    return Table(
        _lists(path, content.column(lists[0])) if lists else _columns(path, content, found.spectrum),
        rows,
        axis=found.axis,
        taken=found.taken,
        **attributes(str(path), rows, found, lambda column: _words(content, column)),
    )


def _read(file: Any) -> Any:
    """The whole table, checked, after its size was looked at: a column of one value over and over takes no room."""
    about = file.metadata
    for number in range(about.num_row_groups):  # damage is an error here; pyarrow's metadata of a column would abort
        next(file.iter_batches(batch_size=1, row_groups=[number], use_threads=False), None)
    groups = (about.row_group(number) for number in range(about.num_row_groups))
    fit(sum(8 * group.column(n).num_values for group in groups for n in range(about.num_columns)))
    content = file.read(use_threads=False)
    content.validate(full=True)  # text that is none, among others
    return content


def _is_list(types: Any, kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _columns(path: Path, content: Any, columns: list[int]) -> NDArray[np.float64]:
    """Columns of numbers side by side (N, L), NaN where null."""
    spectra = np.empty((len(content), len(columns)))
    for place, column in enumerate(columns):
        try:
            spectra[:, place] = content.column(column).to_numpy()
        except (ValueError, TypeError):
            name = content.column_names[column]
            raise InputError(
                f"{path}, column {name!r}: intensities must be numbers, got others: convert them"
            ) from None
    return spectra


def _lists(path: Path, column: Any) -> NDArray[np.float64]:
    """A column of lists as (N, L)."""
    rows = [np.array(row.as_py() or [], dtype=object) for row in column]
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{path}, row {number}: every spectrum must have as many values as the first, {len(rows[0])}, got "
                f"{len(row)}: resample the spectra to one length"
            )
    try:
        return np.stack(rows).astype(np.float64)
    except (ValueError, TypeError):
        raise InputError(f"{path}: lists of intensities must hold numbers, got others: convert them") from None


def _words(content: Any, column: int) -> list[str]:
    return ["" if word is None else str(word) for word in content.column(column).to_pylist()]
