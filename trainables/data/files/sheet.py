"""Spreadsheets as text: the sheet of an .xlsx file with what its cells show, for the readers of text."""

from __future__ import annotations

import contextlib
import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spectune.spaces.errors import InputError

CELLS = 10_000_000  # of a sheet, empty ones too: a few bytes may say that a row ends in its last column
HELD, UNPACKED = 500_000_000, 4_000_000_000  # bytes of what is held as a whole (words, styles), and of everything
WRITTEN = 100_000_000  # characters of a sheet; a word of many is kept once for all the cells that show it


def read_sheet(path: Path, archive: zipfile.ZipFile) -> str:
    """The only sheet with cells of an .xlsx file, open as an archive, as lines of cells between semicolons.

    InputError where the file is damaged, or where several sheets have cells: nobody said which.
    """
    import openpyxl  # costs 0.3 s, and only this format needs it

    parts = archive.infolist()
    held = sum(part.file_size for part in parts if "worksheets/" not in part.filename)
    if held > HELD or sum(part.file_size for part in parts) > UNPACKED:
        raise MemoryError("more than 0.5 GB of words or 4 GB of cells")
    try:
        book = openpyxl.load_workbook(archive.fp, read_only=True, data_only=True, keep_links=False)
        with contextlib.closing(book):
            return _only(path, ((sheet.title, _text(path, sheet)) for sheet in book.worksheets))
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever openpyxl raises on a damaged file: it knows no class of its own
        raise ValueError(str(error)[:100] or type(error).__name__) from None


def _only(path: Path, sheets: Iterator[tuple[str, str]]) -> str:
    """The text of the only one of ``sheets``, names and texts, that has cells."""
    found = ("", "")
    for name, text in sheets:
        if text.strip("; \n"):
            if found[1]:
                raise InputError(
                    f"{path} must have one sheet with cells, got {found[0]}, {name} ...: keep one, or save each as .csv"
                )
            found = name, text
    if not found[1]:
        raise InputError(f"{path} must have one sheet with cells, got none: save it again")
    return found[1]


def _text(path: Path, sheet: Any) -> str:
    sheet.reset_dimensions()  # what a file says of its size need not be true
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=";", lineterminator="\n")
    count = 0
    for row in sheet.iter_rows(values_only=True):
        count += len(row) + 1
        if count > CELLS or lines.tell() > WRITTEN:
            raise InputError(
                f"{path} must have {CELLS} cells and {WRITTEN} characters at most, got more: save it as .parquet"
            )
        writer.writerow(_words(row))
    return lines.getvalue()


def _words(row: tuple[Any, ...]) -> Iterator[str]:
    """What the cells of a row say, in one line each."""
    return (" ".join(str(cell).split()) if cell is not None else "" for cell in row)
