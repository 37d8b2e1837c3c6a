"""RAS of Rigaku's SmartLab: text of ``*KEY "value"`` and three columns, axis, intensity and attenuator."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.spectrum import ANGLE, NUMBER, spectrum
from spectune.trainables.data.files.packed import content, decoded
from spectune.trainables.data.files.table import Spectrum

KEY = re.compile(r"\*(\w+)\s*(.*)")
VALUES = re.compile(rf"{NUMBER}(?:\s+{NUMBER}){{1,2}}")
QUANTITIES = {"counts": "counts", "cps": "counts per second"}
SCANS = ("2THETA", "TWOTHETA")  # in the name of the axis of a scan along 2 theta


def read_ras(path: Path) -> list[Spectrum]:
    """The scans of a .ras file against 2 theta, the intensities as stored; where attenuators changed it is noted."""
    keys: dict[str, str] = {}
    found: list[Spectrum] = []
    rows: list[list[float]] | None = None
    for number, line in enumerate(decoded(content(path)).splitlines(), start=1):
        key = KEY.match(line.strip())
        if key and key[1].upper() == "RAS_INT_START":
            rows = []
        elif key and rows is not None:
            found.append(_scan(f"{path}, scan {len(found) + 1}", keys, rows))
            rows = None
        elif key:
            keys[key[1].upper()] = key[2].strip().strip('"')
        elif rows is not None and line.strip():
            if not VALUES.fullmatch(line.strip()):
                raise InputError(
                    f"{path}, line {number}: a line must hold axis, intensity and attenuator, got {line[:30]!r}: "
                    f"correct it"
                )
            rows.append([float(value) for value in line.split()])
    if rows is not None:
        raise InputError(f"{path} must end its intensities by *RAS_INT_END, got none: it is cut off, copy it again")
    if not found:
        raise InputError(f"{path} must hold intensities after *RAS_INT_START, got none: export it again")
    return found


def _scan(where: str, keys: dict[str, str], rows: list[list[float]]) -> Spectrum:
    along = keys.get("MEAS_SCAN_AXIS_X", "2Theta")
    if not any(name in re.sub(r"[\s_-]", "", along).upper() for name in SCANS):
        raise InputError(f"{where} must be along 2 theta, got one along {along[:30]!r}: leave it out")
    values = np.array([row[:2] for row in rows], np.float64).reshape(-1, 2)
    attenuated = len({row[2] for row in rows if len(row) > 2}) > 1
    return spectrum(
        where,
        values[:, 0],
        values[:, 1],
        axis=ANGLE,
        quantity=QUANTITIES.get(keys.get("MEAS_SCAN_UNIT_Y", "").lower(), ""),
        note="attenuators changed within a scan, intensities left as stored" if attenuated else "",
    )
