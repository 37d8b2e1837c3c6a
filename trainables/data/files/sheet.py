"""Spreadsheets as text: the sheet of an .xlsx file with what its cells show, for the readers of text."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spectune.spaces.errors import InputError

CELLS = 20_000_000  # of a sheet, empty ones too: a few bytes may say that a row ends in its last column
HELD = 500_000_000  # bytes, unpacked, of the parts that are held as a whole: the words of all cells, and styles


def read_sheet(path: Path) -> str:
    """The only sheet with cells of an .xlsx file as lines of cells between semicolons.

    InputError where the file is damaged, or where several sheets have cells: nobody said which.
    """
    import openpyxl  # costs 0.3 s, and only this format needs it

    try:
        with zipfile.ZipFile(path) as archive:
            held = sum(entry.file_size for entry in archive.infolist() if "worksheets/" not in entry.filename)
        if held > HELD:
            raise MemoryError(f"{held / 1e9:.3g} GB of words")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        sheets = {sheet.title: text for sheet in book.worksheets if (text := _text(path, sheet)).strip("; \n")}
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} must fit into memory, got {error or 'more'}: split the file") from None
    except Exception as error:  # whatever openpyxl raises on a damaged file: it knows no class of its own
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise InputError(f"{path} must be an .xlsx file, got {reason}: save it again, or as .csv") from None
    if len(sheets) != 1:
        names = ", ".join(sheets) or "none"
        raise InputError(f"{path} must have one sheet with cells, got {names[:80]}: keep one, or save each as .csv")
    return next(iter(sheets.values()))


def _text(path: Path, sheet: Any) -> str:
    sheet.reset_dimensions()  # what a file says of its size need not be true
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=";", lineterminator="\n")
    count = 0
    for row in sheet.iter_rows(values_only=True):
        count += len(row) + 1
        if count > CELLS:
            raise InputError(f"{path} must have {CELLS} cells at most, got more: save it as .npz or .parquet")
        writer.writerow(_words(row))
    return lines.getvalue()


def _words(row: tuple[Any, ...]) -> Iterator[str]:
    """What the cells of a row say, in one line each."""
    return (" ".join(str(cell).split()) if cell is not None else "" for cell in row)
