"""JCAMP-DX: spectra and compound files, versions 4.24 to 6, text of labelled records ``##LABEL=value``.

Sources: McDonald and Wilks 1988 (4.24), Davies and Lampen 1993 (5.0, NMR with NTUPLES), Lampen et al. 1999 (5.01).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.asdf import Lines, ordinates, pairs
from spectune.trainables.data.files.instruments.spectrum import SHIFT, evenly, named, spectrum
from spectune.trainables.data.files.packed import content, decoded
from spectune.trainables.data.files.table import Spectrum

RECORD = re.compile(r"\s*##([^=]*)=(.*)")
TABLES = ("XYDATA", "XYPOINTS", "PEAKTABLE", "PEAKASSIGNMENTS", "ASSIGNMENTS", "RADATA", "DATATABLE")
FORM = re.compile(r"\((X\+\+\(([A-Z])\.\.\2\)|XY\.\.XY)")
ALL = 20_000_000  # points of all blocks of a file; a repeat of a few letters may stand for millions
QUANTITIES = {"a": "absorbance", "abs": "absorbance", "t": "transmittance", "%t": "% transmittance"}


@dataclass
class Block:
    """Records of a block by their label without blanks and marks, and its tables: label, value, page, lines."""

    where: str
    records: dict[str, str] = field(default_factory=dict)
    tables: list[tuple[str, str, str, list[tuple[str, str]]]] = field(default_factory=list)

    def number(self, label: str) -> float | None:
        """The number of a record; None where there is none."""
        return _float(self.records.get(label, ""))

    def several(self, label: str) -> list[str]:
        """The values of a record that has one for each variable of NTUPLES."""
        return [value.strip() for value in self.records.get(label, "").split(",")]


def read_jcamp(path: Path) -> list[Spectrum]:
    """The spectra of a JCAMP-DX file, one for each block of a compound file and each page of NTUPLES that is one.

    Peak tables, assignments and free induction decays are left out with a note; InputError where nothing else is
    there, or where the numbers of points or the abscissas of lines contradict the header.
    """
    blocks = _blocks(path)
    if not blocks:
        raise InputError(f"{path} must be JCAMP-DX, got no record ##TITLE=: export it again")
    found: list[Spectrum] = []
    left: list[str] = []
    points = 0
    for block in blocks:
        for label, form, page, lines in block.tables:
            reason = _unfit(block, label, form)
            if reason:
                left.append(reason)
            else:
                found.append(_spectrum(block, form, page, lines))
                points += len(found[-1].axis)
            if points > ALL:
                raise InputError(f"{path} must have {ALL} points at most in all blocks, got more: split the file")
    if not found:
        got = left[0] if left else "none"
        raise InputError(f"{path} must hold a spectrum, got {got}: export the spectrum itself as JCAMP-DX")
    if not left:
        return found
    note = f"left out {', '.join(dict.fromkeys(left))}"
    return [one._replace(notes=(note,)) for one in found]


def _blocks(path: Path) -> list[Block]:
    """The blocks in the order of their titles; a compound file's own block comes first, without tables."""
    blocks: list[Block] = []
    open_: list[Block] = []
    page = ""
    lines: list[tuple[str, str]] | None = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", decoded(content(path))), start=1):
        text = line.split("$$", 1)[0]
        record = RECORD.match(text)
        if not record:
            if lines is not None and text.strip(" \t\0\x1a"):
                lines.append((f"{path}, line {number}", text.strip()))
            continue
        label, value = re.sub(r"[\s/_-]", "", record[1]).upper(), record[2].strip()
        lines = None
        if label == "TITLE":
            open_.append(Block(f"{path}, line {number}", {"TITLE": value}))
            blocks.append(open_[-1])
        elif not open_:
            continue
        elif label == "END":
            open_.pop()
        elif label == "PAGE":
            page = value
        elif label in TABLES:
            lines = []
            open_[-1].tables.append((label, re.sub(r"\s", "", value).upper(), page, lines))
        else:
            open_[-1].records[label] = value
    return blocks


def _unfit(block: Block, label: str, form: str) -> str:
    """Why a table is no spectrum; "" where it is one."""
    kind = block.records.get("DATATYPE", "").upper()
    if "FID" in kind.split():
        return "a free induction decay"
    found = FORM.match(form)
    sticks = "MASS" in kind and "CONTINUOUS" not in kind and not (found and found[2])
    if "PEAK" in label + form or sticks:
        return "a peak table"
    if label not in ("XYDATA", "XYPOINTS", "DATATABLE"):
        return "a table that is no spectrum"
    if not found:
        return f"a table of the form {form[:40]!r}"
    return "an imaginary part" if found[2] == "I" else ""


def _spectrum(block: Block, form: str, page: str, lines: Lines) -> Spectrum:
    found = FORM.match(form)
    symbol = found[2] if found else None
    xunits, yunits = block.records.get("XUNITS", ""), block.records.get("YUNITS", "")
    if "SYMBOL" in block.records:
        block, xunits, yunits = _variables(block, symbol or "Y")
    if symbol is None:
        table = pairs(lines) if lines else np.zeros((0, 2))
        values, intensities = table[:, 0] * _factor(block, "XFACTOR"), table[:, 1]
    else:
        intensities, starts = ordinates(lines)
        values = _abscissas(block, len(intensities), starts)
    axis = named(xunits)
    if axis[1] == "1/cm" and "RAMAN" in block.records.get("DATATYPE", "").upper():
        axis = SHIFT
    quantity = yunits.strip().lower()
    with np.errstate(over="ignore", invalid="ignore"):
        intensities = intensities * _factor(block, "YFACTOR")
    return spectrum(
        block.where,
        values,
        intensities,
        axis=axis,
        quantity=QUANTITIES.get(quantity, quantity),
    )


def _variables(block: Block, symbol: str) -> tuple[Block, str, str]:
    """The block with the records of one dependent variable of NTUPLES as if it were alone, and the units of both."""
    symbols = [word.upper() for word in block.several("SYMBOL")]
    if "X" not in symbols or symbol not in symbols:
        raise InputError(f"{block.where}: SYMBOL must name X and {symbol}, got {', '.join(symbols)[:80]}: correct it")
    x, y = symbols.index("X"), symbols.index(symbol)

    def of(label: str, place: int) -> str:
        values = block.several(label)
        return values[place] if place < len(values) else ""

    same = (("FIRSTX", "FIRST", x), ("LASTX", "LAST", x), ("XFACTOR", "FACTOR", x), ("YFACTOR", "FACTOR", y))
    own = {name: of(label, place) for name, label, place in (*same, ("NPOINTS", "VARDIM", y)) if of(label, place)}
    return Block(block.where, block.records | own), of("UNITS", x), of("UNITS", y)


def _abscissas(block: Block, points: int, starts: list[tuple[float, int]]) -> NDArray[np.float64]:
    """The axis from the header, checked against the number of points and the abscissa of each line."""
    claimed, first, last = (block.number(label) for label in ("NPOINTS", "FIRSTX", "LASTX"))
    if claimed is not None and claimed != points:
        raise InputError(
            f"{block.where}: the table must have NPOINTS={claimed:g} ordinates, got {points}: the file is cut off or "
            f"damaged, export it again"
        )
    if first is None or last is None:
        raise InputError(f"{block.where} must say FIRSTX and LASTX, got not both: export it again")
    values = evenly(block.where, first, last, points)
    lines = np.array([line * _factor(block, "XFACTOR") for line, place in starts if place < points])
    with np.errstate(over="ignore", invalid="ignore"):
        away = np.abs(lines - values[[place for _, place in starts if place < points]])
        wrong = np.flatnonzero(~(away <= 0.02 * abs(last - first) + abs(_factor(block, "XFACTOR"))))
    if len(wrong):
        raise InputError(
            f"{block.where}: the abscissas of lines must follow FIRSTX={first:g} and LASTX={last:g}, got "
            f"{lines[wrong[0]]:g} in line {wrong[0] + 1} of the table: correct the header, or export it again"
        )
    return values


def _factor(block: Block, label: str) -> float:
    number = block.number(label)
    return 1.0 if number is None else number


def _float(text: str) -> float | None:
    """The number that a record begins with, also one with a decimal comma."""
    found = re.match(r"\s*[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?", text)
    return float(found[0].replace(",", ".")) if found else None
