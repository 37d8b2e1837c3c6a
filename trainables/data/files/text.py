"""Text as instruments and spreadsheets write it: encodings, comments, separators and decimal commas."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.packed import content, decoded, foreign, kind, opened
from spectune.trainables.data.files.sheet import read_sheet

COMMENTS = ("#", "%", "//", "!")
MISSING = {"", "na", "nan", "n/a", "#n/a", "null", "none", "-", "--", "?"}
SAMPLE = 20  # lines that decide on the separator
NARROW = 64  # columns of a file whose commas are all looked at, not those of the first lines only
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


@dataclass(frozen=True)
class Lines:
    """The lines of a file that are neither blank nor comments, each with its number in the file, and its dialect.

    ``remark`` is the comment right above the first of them, where numpy and others write the header; names of the
    columns in it are the first line. ``skip`` columns from the left, such as row numbers, are left out.
    """

    path: Path
    numbers: list[int]
    texts: list[str]
    separator: str  # "" is any white space
    commas: str  # what commas in numbers are: decimal, thousands or ""
    quoted: bool
    remark: str = ""
    skip: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def cells(self, line: int) -> list[str]:
        """The stripped cells of a line."""
        return self.split(self.texts[line])[self.skip :]

    def split(self, text: str) -> list[str]:
        """The stripped cells of any text in the dialect of the file."""
        return _cells(text, self.separator, self.quoted)

    def where(self, line: int) -> str:
        return f"{self.path}, line {self.numbers[line]}"

    def row(self, line: int) -> str:
        """What messages and answers call the spectrum of a line."""
        return f"line {self.numbers[line]}"

    def words(self, sample: list[list[str]], columns: int) -> set[int]:
        """Columns that hold words: most of their cells in ``sample`` are neither numbers nor missing."""
        counts = np.zeros(columns, int)
        for cells in sample:
            for column, cell in enumerate(cells[:columns]):
                counts[column] += self.number(cell) is None
        return set(np.flatnonzero(2 * counts > len(sample)).tolist())

    def headed(self) -> bool:
        """Whether the first line has words, or nothing in its first cell: it names the columns."""
        first = self.cells(0)
        return not first[0] or any(self.number(cell) is None for cell in first)

    def leading(self, most: int, *, start: int | None = None, columns: int | None = None) -> NDArray[np.float64]:
        """The numbers (N, M) of lines that are as long as the first of them, NaN where a cell is none: of ``most`` at
        most, from ``start`` or the first one below the names, and of so many ``columns``."""
        first = int(self.headed()) if start is None else start
        rows = [self.cells(line) for line in range(first, min(len(self), first + most))]
        found = [[self.number(cell) for cell in cells[:columns]] for cells in rows if len(cells) == len(rows[0])]
        return np.array(found, np.float64) if found else np.empty((0, 0))

    def number(self, cell: str) -> float | None:
        """What a cell says: NaN when it is missing, None when it is neither a number nor missing."""
        if cell.lower() in MISSING:
            return float("nan")
        try:
            return float(self.plain(cell)) if "_" not in cell else None
        except ValueError:
            return None

    def values(self, line: int, cells: list[str]) -> NDArray[np.float64]:
        """The numbers of ``cells``, NaN where missing. ValueError names the first that is none."""
        text = list(map(self.plain, cells)) if self.commas else cells
        if not any("_" in cell for cell in cells):
            try:
                return np.fromiter(map(float, text), np.float64, len(text))
            except ValueError:
                pass
        numbers = [self.number(cell) for cell in cells]
        if None in numbers:
            separators = "commas between thousands" if self.commas == "thousands" else "no thousands separators"
            raise InputError(
                f"{self.where(line)}: an intensity must be a number, got {_short(cells[numbers.index(None)])}: correct "
                f"it (decimal {'comma' if self.commas == 'decimal' else 'point'}, {separators})"
            )
        return np.array(numbers, np.float64)

    def plain(self, cell: str) -> str:
        """A cell as Python writes numbers, if it is one."""
        if self.commas == "thousands":
            return cell.replace(",", "") if _THOUSANDS.fullmatch(cell) else cell
        return cell.replace(",", ".") if self.commas else cell


def read_lines(path: Path, decimal: str = "") -> Lines:
    """The lines of a text file with its separator worked out, and its decimal sign unless it is given."""
    numbers: list[int] = []
    texts: list[str] = []
    remark, above = "", 0
    lines = re.split(r"\r\n|\r|\n", _decode(path))
    comments = COMMENTS if 2 * sum(";" in line.lstrip()[1:] for line in lines) > len(lines) / 2 else (*COMMENTS, ";")
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if stripped.startswith(comments) or re.fullmatch(r"(?i)sep=.", stripped):  # the latter is for spreadsheets
            remark, above = (remark, above) if texts else (stripped.lstrip("#%/!; "), number)
        elif stripped:
            numbers.append(number)
            texts.append(line.strip(" \r"))
    if not texts:
        raise InputError(f"{path} must hold spectra, got no line that is not blank or a comment: check the file")
    separator = _separator(texts[:SAMPLE])
    quoted = any('"' in text for text in texts)
    commas = {"comma": "decimal", "point": "thousands"}.get(decimal) or _commas(path, texts, separator, quoted)
    found = Lines(path, numbers, texts, separator, commas, quoted, remark)
    names = found.split(remark)
    if len(names) == len(found.cells(0)) and 2 * sum(found.number(name) is None for name in names) > len(names):
        return replace(found, numbers=[above, *numbers], texts=[remark, *texts], remark="")
    return found


def _decode(path: Path) -> str:
    """The text of a file or of a spreadsheet."""
    if kind(path) == ".xlsx":
        with opened(path, "an .xlsx file", "save it again, or as .csv") as archive:
            return read_sheet(path, archive)
    some = content(path)
    if what := foreign(some):
        raise InputError(f"{path} must be text, got {what}: convert it to text, .npz or .parquet")
    return decoded(some)


def _separator(texts: list[str]) -> str:
    """The separator of most lines: semicolon, tab, bar, then comma unless commas are decimal, then white space."""
    for separator in (";", "\t", "|"):
        if 2 * sum(separator in text for text in texts) > len(texts):
            return separator
    if 2 * sum("," in text and not _spaced(text) for text in texts) > len(texts):
        return ","
    return ""


def _spaced(text: str) -> bool:
    """Whether a line is numbers with decimal commas between white space, such as ``12,5 3,4``."""
    cells = text.split()
    return len(cells) > 1 and any(map(_with_comma, cells)) and not any(c.endswith(",") for c in cells)


def _with_comma(cell: str) -> bool:
    return _COMMA.fullmatch(cell) is not None or _THOUSANDS.fullmatch(cell) is not None


def _commas(path: Path, texts: list[str], separator: str, quoted: bool) -> str:
    """What commas in numbers are: decimal signs, separators of thousands, or nothing where there are none.

    ValueError where they may be either: groups of three digits, beside whole numbers below 100.
    """
    if (separator == "," and not quoted) or not any(re.search(r"\d,\d", text) for text in texts):
        return ""
    rows = [_cells(text, separator, quoted) for text in texts[:SAMPLE]]
    if max(map(len, rows)) <= NARROW:
        rows += [_cells(text, separator, quoted) for text in texts[SAMPLE:]]
    found = {_column(cells) for cells in zip_longest(*rows, fillvalue="")}
    commas, points = (sum(p.fullmatch(cell) is not None for row in rows for cell in row) for p in (_COMMA, _POINT))
    if found & {"thousands", "either"} and "decimal" not in found:
        if "thousands" not in found:
            example = next(cell for row in rows for cell in row if _THOUSANDS.fullmatch(cell))
            raise InputError(
                f"{path} must have one decimal sign, got {example!r} beside whole numbers, which may be a thousand or "
                f"one point: give decimal=point or decimal=comma"
            )
        return "thousands"
    unseen = separator != "," and not commas and not points  # by the lines that were looked at
    return "decimal" if commas > points or unseen else ""


def _column(cells: tuple[str, ...]) -> str:
    """What the commas of one column are: decimal, thousands, either, or "" where they do not say."""
    some = [cell for cell in cells if _with_comma(cell)]
    if not some:
        return ""
    if not all(map(_THOUSANDS.fullmatch, some)):
        return "decimal"
    if any(cell.count(",") > 1 or "." in cell for cell in some):
        return "thousands"
    whole = [int(cell) for cell in cells if cell.isascii() and cell.isdigit() and len(cell) < 10]
    if any(number >= 1000 for number in whole):
        return "decimal"
    if any(0 < number < 100 for number in whole):
        return "either"
    return "thousands" if any(whole) else ""


def _cells(text: str, separator: str, quoted: bool) -> list[str]:
    if not separator:
        return text.split()
    if quoted and '"' in text:
        try:
            return [cell.strip() for cell in next(csv.reader([text], delimiter=separator, skipinitialspace=True))]
        except csv.Error:
            pass
    return [cell.strip() for cell in text.split(separator)]


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
