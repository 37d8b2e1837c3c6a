"""RAW of Bruker's and Siemens' DIFFRAC: ranges of a diffraction pattern, versions 2, 3 (RAW1.01) and 4 (RAW4.00).

Sources: DIFFRAC plus XCH V5.0 user's manual, appendix A (3); DIFFRAC-AT manual, appendix B (2); xylib's notes (4).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.content import Content
from spectune.trainables.data.files.instruments.spectrum import ANGLE, spectrum
from spectune.trainables.data.files.table import Spectrum

SCANS = ("locked coupled", "unlocked coupled", "unlocked coupled hrxrd", "detector scan")  # along 2 theta, version 4
ALONG = (0, 1, 2, 20)  # the same as numbers, version 3
ANGLES = 1  # bit of what version 3 records at each point
RANGE = (0, 160)  # segments of version 4 that are a range


def read_raw(path: Path) -> list[Spectrum]:
    """The ranges of a Bruker .raw file against 2 theta; InputError for other scans and other makers' files."""
    content = Content(path)
    if content.data.startswith(b"RAW4.00"):
        found = _four(content)
    elif content.data.startswith(b"RAW1.01"):
        found = _three(content)
    elif content.data.startswith(b"RAW2"):
        found = _two(content)
    else:
        raise InputError(
            f"{path} must be a .raw file of Bruker, version 2, 3 or 4, got another beginning, "
            f"{content.data[:7].decode('latin-1')!r}: export it as .xy or .xrdml"
        )
    if not found:
        raise InputError(f"{path} must hold a range, got none: export it again")
    return found


class Range(NamedTuple):
    """Where a range is: its first record at the byte ``at``, each of ``size`` bytes, the first four the intensity."""

    where: str
    start: float
    step: float
    at: int
    points: int
    size: int
    angles: bool = False  # whether 2 theta, as measured, follows the intensity


def _two(content: Content) -> list[Spectrum]:
    (ranges,) = content.fields("<H", 4)
    found, at = [], 256
    for number in range(1, ranges + 1):
        where = f"{content.path}, range {number}"
        length, points = content.fields("<2H", at)
        step, start = content.fields("<2f", at + 12)
        if length < 48:
            raise InputError(f"{where} must have a header of 48 bytes or more, got {length}: export it again")
        found.append(_range(content, Range(where, start, step, at + length, points, 4)))
        at += length + 4 * points
    return found


def _three(content: Content) -> list[Spectrum]:
    (ranges,) = content.fields("<I", 12)
    found, at = [], 712
    for number in range(1, ranges + 1):
        where = f"{content.path}, range {number}"
        length, points = content.fields("<2I", at)
        (start,), (step,), (scan,) = (
            content.fields(*one) for one in (("<d", at + 16), ("<d", at + 176), ("<I", at + 196))
        )
        varying, size, more = content.fields("<3I", at + 248)
        if length < 260 or size != 4 + 8 * varying.bit_count() or scan not in ALONG:
            raise InputError(
                f"{where} must be a scan along 2 theta with a header of 260 bytes or more, got scan {scan} and "
                f"{length} bytes: export the file as .xy"
            )
        one = Range(where, start, step, at + length + more, points, size, bool(varying & ANGLES))
        found.append(_range(content, one))
        at += length + more + size * points
    return found


def _four(content: Content) -> list[Spectrum]:
    """A chain of segments, each with its kind and length; a range has a header, drives and records."""
    found: list[Spectrum] = []
    at = 61
    while at + 8 <= len(content):
        kind, length = content.fields("<2I", at)
        if kind not in RANGE:
            at += max(length, 8)
            continue
        where = f"{content.path}, range {len(found) + 1}"
        scan = content.text(at + 32, 24)
        start, step, points = content.fields("<2dI", at + 72)
        size, drives = content.fields("<2I", at + 136)
        if scan.lower() not in SCANS or size < 4 or size % 4:
            raise InputError(
                f"{where} must be a scan along 2 theta, got {scan[:30]!r}: leave it out, or export the file as .xy"
            )
        at += 160 + drives
        found.append(_range(content, Range(where, start, step, at, points, size)))
        at += size * points
    return found


def _range(content: Content, one: Range) -> Spectrum:
    content.need(one.at, one.size * one.points)
    records = np.frombuffer(content.data, np.uint8, one.size * one.points, one.at).reshape(one.points, one.size)
    with np.errstate(all="ignore"):
        intensities = records[:, :4].copy().view("<f4")[:, 0].astype(np.float64)
        values = one.start + one.step * np.arange(one.points, dtype=np.float64)
    if one.angles:
        values = records[:, 4:12].copy().view("<f8")[:, 0].astype(np.float64)
    return spectrum(one.where, values, intensities, axis=ANGLE)
