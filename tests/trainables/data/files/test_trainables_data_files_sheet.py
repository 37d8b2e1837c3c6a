"""Spreadsheets are read by the rules of .csv."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import torch
from hypothesis import strategies as st

from spectune.trainables.data import load, read

HEADER = ["label", *range(400, 410)]
ROWS = [["ester; mixed" if row % 2 else "ether; pure", *(row * 10 + n * 0.125 for n in range(10))] for row in range(12)]


def workbook(*sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet{number}")
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def saved(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def test_a_sheet_is_read_as_the_same_csv(tmp_path: Path) -> None:
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [HEADER, *ROWS]).replace("; ", " and ")
    csv, xlsx = saved(tmp_path / "a.csv", text.encode()), saved(tmp_path / "a.xlsx", workbook([HEADER, *ROWS], []))
    one, other = load(csv), load(xlsx)
    assert one.axis == other.axis
    np.testing.assert_array_equal(one.test.batch(torch.arange(2)), other.split("test").batch(torch.arange(2)))
    assert other.classes == ("ester; mixed", "ether; pure")


def test_two_columns_are_one_spectrum(tmp_path: Path) -> None:
    rows = [["Wavenumber (1/cm)", "Absorbance"], *([400 + n, n / 8] for n in range(12))]
    spectra, axis, labels, _ = read(saved(tmp_path / "a.xlsx", workbook(rows)))
    np.testing.assert_array_equal(spectra, [np.arange(12) / 8])
    assert labels is None
    assert axis is not None
    assert (axis.name, axis.unit) == ("Wavenumber", "1/cm")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\3\4", "must be an .xlsx file, got .*: save it again, or as .csv"),
        (b"label,1,2", "must be an .xlsx file"),
        (workbook([HEADER, *ROWS], [HEADER]), "must have one sheet with cells, got sheet0, sheet1 ...: keep one"),
        (workbook([]), "must have one sheet with cells, got none"),
    ],
)
def test_what_is_no_sheet_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load(saved(tmp_path / "a.xlsx", content))
    assert "\n" not in str(error.value)


def test_a_missing_value_is_named_by_its_row(tmp_path: Path) -> None:
    rows = [list(row) for row in ROWS]
    rows[4][3] = None
    with pytest.raises(ValueError, match="line 6, at 402: an intensity must be a finite number, got a missing value"):
        load(saved(tmp_path / "a.xlsx", workbook([HEADER, *rows])))


def spoilt(change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with its sheet changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook([HEADER, *ROWS]))) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if "worksheets" in name else content)
    return out.getvalue()


def test_a_sheet_that_says_to_be_huge_costs_nothing(tmp_path: Path) -> None:
    far = spoilt(lambda sheet: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', sheet))
    assert len(load(saved(tmp_path / "a.xlsx", far)).classes) == 2


def test_rows_that_end_in_the_last_column_are_no_bomb(tmp_path: Path) -> None:
    cells = b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(20, 700))
    wide = spoilt(lambda sheet: sheet.replace(b"</sheetData>", cells + b"</sheetData>"))
    with pytest.raises(ValueError, match="must have 10000000 cells and 100000000 characters at most, got more"):
        load(saved(tmp_path / "a.xlsx", wide))


def test_a_long_word_in_many_cells_is_no_bomb(tmp_path: Path) -> None:
    cell = b'<c t="inlineStr"><is><t>%s</t></is></c>' % (b"x" * 30_000)
    rows = b"".join(b'<row r="%d">%s</row>' % (n, cell * 100) for n in range(20, 60))
    long = spoilt(lambda sheet: sheet.replace(b"</sheetData>", rows + b"</sheetData>"))
    with pytest.raises(ValueError, match="100000000 characters at most, got more"):
        load(saved(tmp_path / "a.xlsx", long))


def test_any_damage_is_read_or_refused_in_one_line(fuzz: Callable[..., None]) -> None:
    whole = workbook([HEADER, *ROWS])
    plain = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():  # not compressed, so that damage reaches the XML
            new.writestr(name, old.read(name))
    content = plain.getvalue()
    places, damage = st.integers(0, len(content) - 1), st.binary(min_size=1, max_size=6)

    def attempt(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                load(saved(Path(folder) / "a.xlsx", content))
            except ValueError as error:
                assert "a.xlsx" in str(error)
                assert "\n" not in str(error)

    fuzz(st.builds(lambda at, what: content[:at] + what + content[at + len(what) :], places, damage), attempt)
