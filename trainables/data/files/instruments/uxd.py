"""UXD of Bruker's DIFFRAC: text of ``_KEY = value`` and columns, several ranges one after the other.

Source: DIFFRAC plus XCH V5.0 user's manual, appendix B. Keys hold until they are given again.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.spectrum import ANGLE, NUMBER, spectrum
from spectune.trainables.data.files.packed import content, decoded
from spectune.trainables.data.files.table import Spectrum

KEY = re.compile(r"_(\w+)\s*(?:=\s*(.*))?")
VALUES = re.compile(rf"\s*{NUMBER}(?:[\s,;]+{NUMBER})*[\s,;]*")
COLUMNS = {"COUNTS": 1, "CPS": 1, "2THETACOUNTS": 2, "2THETACPS": 2, "2THETACOUNTSTIME": 3}  # a mark: numbers a point


def read_uxd(path: Path) -> list[Spectrum]:
    """The ranges of a .uxd file against 2 theta; InputError names the line that cannot be read."""
    keys: dict[str, str] = {}
    found: list[Spectrum] = []
    mark, numbers = "", list[float]()
    for number, line in enumerate(decoded(content(path)).splitlines(), start=1):
        text = line.split(";", 1)[0].strip() if line.lstrip().startswith(";") else line.strip()
        key = KEY.match(text)
        if key and mark:
            found.append(_range(f"{path}, range {len(found) + 1}", keys, mark, numbers))
            mark = ""
        if key and key[1].upper() in COLUMNS and key[2] is None:
            mark, numbers = key[1].upper(), []
        elif key:
            keys[key[1].upper()] = (key[2] or "").strip().strip("'")
        elif text and mark:
            if not VALUES.fullmatch(text):
                raise InputError(f"{path}, line {number}: a range must hold numbers, got {text[:30]!r}: correct it")
            numbers += [float(value) for value in re.findall(NUMBER, text)]
    if mark:
        found.append(_range(f"{path}, range {len(found) + 1}", keys, mark, numbers))
    if not found:
        marks = ", ".join(f"_{name}" for name in COLUMNS)
        raise InputError(f"{path} must hold a range that begins with one of {marks}, got none: export it again")
    return found


def _range(where: str, keys: dict[str, str], mark: str, numbers: list[float]) -> Spectrum:
    drive = keys.get("DRIVE", "COUPLED").upper()
    if drive not in ("COUPLED", "2THETA", "TWOTHETA"):
        raise InputError(f"{where} must be a scan along 2 theta, got one along {drive[:30]}: leave it out")
    columns = COLUMNS[mark]
    if len(numbers) % columns:
        raise InputError(f"{where} must hold {columns} numbers a point, got {len(numbers)}: it is cut off")
    table = np.array(numbers, np.float64).reshape(-1, columns)
    if columns == 1:
        start, step = _number(where, keys, "START", "2THETA"), _number(where, keys, "STEPSIZE")
        with np.errstate(all="ignore"):
            table = np.column_stack([start + step * np.arange(len(table)), table])
    quantity = "counts per second" if "CPS" in mark else "counts"
    return spectrum(where, table[:, 0], table[:, 1], axis=ANGLE, quantity=quantity)


def _number(where: str, keys: dict[str, str], *names: str) -> float:
    """The number of the first of the keys that is there."""
    for name in names:
        if re.fullmatch(NUMBER, keys.get(name, "")):
            return float(keys[name])
    raise InputError(f"{where} must say _{names[0]} before its intensities, got none: export it again")
