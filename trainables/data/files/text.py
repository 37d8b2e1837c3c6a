"""Text as instruments and spreadsheets write it: encodings, comments, separators and decimal commas."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.sheet import read_sheet

COMMENTS = ("#", "%", "//", "!")
MISSING = {"", "na", "nan", "n/a", "#n/a", "null", "none", "-", "--", "?"}
SAMPLE = 20  # lines that decide on the separator
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Lines:
    """The lines of a file that are neither blank nor comments, each with its number in the file, and its dialect.

    ``remark`` is the comment right above the first of them, where numpy and others write the header.
    """

    path: Path
    numbers: list[int]
    texts: list[str]
    separator: str  # "" is any white space
    comma: bool  # whether numbers have decimal commas
    quoted: bool
    remark: str = ""

    def __len__(self) -> int:
        return len(self.texts)

    def cells(self, line: int) -> list[str]:
        """The stripped cells of a line."""
        return self.split(self.texts[line])

    def split(self, text: str) -> list[str]:
        """The stripped cells of any text in the dialect of the file."""
        return _cells(text, self.separator, self.quoted)

    def where(self, line: int) -> str:
        return f"{self.path}, line {self.numbers[line]}"

    def number(self, cell: str) -> float | None:
        """What a cell says: NaN when it is missing, None when it is neither a number nor missing."""
        if cell.lower() in MISSING:
            return float("nan")
        try:
            return float(cell.replace(",", ".") if self.comma else cell) if "_" not in cell else None
        except ValueError:
            return None

    def values(self, line: int, cells: list[str]) -> NDArray[np.float64]:
        """The numbers of ``cells``, NaN where missing. ValueError names the first that is none."""
        text = [cell.replace(",", ".") for cell in cells] if self.comma else cells
        if "_" not in self.texts[line]:
            try:
                return np.fromiter(map(float, text), np.float64, len(text))
            except ValueError:
                pass
        numbers = [self.number(cell) for cell in cells]
        if None in numbers:
            raise InputError(
                f"{self.where(line)}: an intensity must be a number, got {_short(cells[numbers.index(None)])}: correct "
                f"it (decimal {'comma' if self.comma else 'point'}, no thousands separators)"
            )
        return np.array(numbers, np.float64)


def read_lines(path: Path) -> Lines:
    """The lines of a text file with its separator and decimal sign worked out."""
    numbers: list[int] = []
    texts: list[str] = []
    remark = ""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", _decode(path)), start=1):
        stripped = line.strip()
        if stripped.startswith(COMMENTS) or re.fullmatch(r"(?i)sep=.", stripped):  # the latter is for spreadsheets
            remark = remark if texts else stripped.lstrip("#%/! ")
        elif stripped:
            numbers.append(number)
            texts.append(line.strip(" \r"))
    if not texts:
        raise InputError(f"{path} must hold spectra, got no line that is not blank or a comment: check the file")
    separator = _separator(texts[:SAMPLE])
    quoted = any('"' in text for text in texts)
    cells = [cell for text in texts[:SAMPLE] for cell in _cells(text, separator, quoted)]
    return Lines(path, numbers, texts, separator, _decimal_comma(cells, texts, separator), quoted, remark)


def _decode(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or else Western Europe's Windows encoding."""
    if path.suffix.lower() == ".xlsx":
        return read_sheet(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} must be readable, got {error.strerror}: check the file and its permissions") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise InputError(f"{path} must be text, got binary content: convert it to text, .npz or .parquet")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


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
    return len(cells) > 1 and any(_COMMA.fullmatch(cell) for cell in cells) and not any(c.endswith(",") for c in cells)


def _decimal_comma(cells: list[str], texts: list[str], separator: str) -> bool:
    commas = sum(_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(_POINT.fullmatch(cell) is not None for cell in cells)
    if commas or points or separator == ",":
        return commas > points
    return any(re.search(r"\d,\d", text) for text in texts)


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
