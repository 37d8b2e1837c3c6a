"""OPUS of Bruker: blocks of parameters and numbers, listed in a directory.

The format was never published; codes and offsets agree with those of brukeropus and of opusFC's documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.instruments.content import Content
from spectune.trainables.data.files.instruments.spectrum import MICROMETRES, SHIFT, WAVENUMBER, evenly, spectrum
from spectune.trainables.data.files.names import NAME
from spectune.trainables.data.files.table import Spectrum

MAGIC = b"\n\n\xfe\xfe"
AXES = {"WN": WAVENUMBER, "MI": MICROMETRES, "RSFT": SHIFT, "RS": SHIFT, "RN": SHIFT}
RESULTS = {
    4: "absorbance",
    5: "transmittance",
    12: "reflectance",
    6: "kubelka-munk",
    10: "raman intensity",
    16: "atr",
    15: "log(1/r)",
    17: "photoacoustic",
    11: "emission",
    18: "transmittance",
    19: "absorbance",
    1: "single beam",
}  # code of what was measured, in the order of preference
SINGLE, SAMPLE, PARAMETERS, SERIES = 1, 1, 1, 2
BLOCKS = 4096  # files have some twenty
SIZES = {0: "<i", 1: "<d"}


class Entry(NamedTuple):
    """A block: where it is, its length in bytes, and what it holds by the fields of its code."""

    at: int
    length: int
    part: int  # 0 or 3: amplitudes
    source: int  # 1 sample, 2 reference, 3 their ratio
    parameters: int  # 1: first and last abscissa, points ... of numbers
    kind: int
    derivative: int
    extra: int


def read_opus(path: Path) -> list[Spectrum]:
    """The result of an OPUS file, or the sample's single beam where there is no other; a series gives each spectrum.

    Interferograms, phases and references are left out; a second result is, too, with a note.
    """
    content = Content(path)
    if not content.data.startswith(MAGIC):
        raise InputError(f"{path} must be a file of OPUS, got another beginning: export it as .dpt or JCAMP-DX")
    entries = _directory(content)
    found: list[tuple[Entry, Entry]] = []
    for key in dict.fromkeys(_key(entry) for entry in entries if _result(entry)):
        same = sorted(entry for entry in entries if _key(entry) == key)  # in the order of the file
        about = [entry for entry in same if entry.parameters == PARAMETERS]
        found += zip([entry for entry in same if _result(entry)], about, strict=False)
    if not found:
        raise InputError(f"{path} must hold a spectrum, got interferograms or none: transform and save it in OPUS")
    found.sort(key=lambda pair: (list(RESULTS).index(pair[0].kind), -pair[0].at))  # the last is the one OPUS shows
    others = [RESULTS[entry.kind] for entry, _ in found[1:] if entry.kind != SINGLE]
    note = f"left out {', '.join(others)}, which the file holds as well" if others else ""
    return _spectra(content, *found[0], note)


def _directory(content: Content) -> list[Entry]:
    _, at, _, count = content.fields("<diii", 4)
    entries = []
    if count > BLOCKS:
        raise InputError(f"{content.path} must have {BLOCKS} blocks at most, got {count}: save it again in OPUS")
    content.need(at, 12 * max(count, 0))
    for number in range(count):
        code, words, start = content.fields("<Iii", at + 12 * number)
        fields = ((code, 2), (code >> 2, 2), (code >> 4, 6), (code >> 10, 7), (code >> 17, 2), (code >> 19, 3))
        entries.append(Entry(start, 4 * words, *(value & (1 << bits) - 1 for value, bits in fields)))
    return entries


def _result(entry: Entry) -> bool:
    """Whether a block holds a spectrum of the sample."""
    single = entry.kind == SINGLE and entry.source != SAMPLE
    return (
        entry.parameters == 0
        and entry.kind in RESULTS
        and entry.part in (0, 3)
        and entry.extra in (0, SERIES)
        and not single
    )


def _key(entry: Entry) -> tuple[int, ...]:
    """What a block of numbers shares with the block of its parameters."""
    return entry.part, entry.source, entry.kind, entry.derivative, entry.extra


def _spectra(content: Content, entry: Entry, status: Entry, note: str) -> list[Spectrum]:
    about = _parameters(content, status)
    first, last, points = (about.get(name) for name in ("FXV", "LXV", "NPT"))
    if not (isinstance(first, float) and isinstance(last, float) and isinstance(points, int)):
        raise InputError(f"{content.path} must say where its axis begins and ends, got not all: save it again in OPUS")
    scale = about.get("CSF", 1.0)
    rows = _numbers(content, entry, points, "<i4" if about.get("DPF") == 2 else "<f4")
    values = evenly(content.path, first, last, points)
    axis, quantity = AXES.get(str(about.get("DXU")), (NAME, "")), RESULTS[entry.kind]
    with np.errstate(all="ignore"):
        spectra = [row * (scale if isinstance(scale, float) else 1.0) for row in rows]
    return [spectrum(content.path, values, one, axis=axis, quantity=quantity, note=note) for one in spectra]


def _numbers(content: Content, entry: Entry, points: int, kind: str) -> list[NDArray[np.float64]]:
    """The ordinates (points,) of the spectra of a block."""
    content.need(entry.at, entry.length)
    if entry.extra != SERIES:
        content.need(entry.at, 4 * points)
        return [content.numbers(kind, entry.at, points)]
    _, count, offset, size, gap = content.fields("<5i", entry.at)
    at, end, rows = entry.at + offset, entry.at + entry.length, []
    for _ in range(count):
        if size < 4 * max(points, 1) or gap < 0 or at + size > end:  # not all that were planned are there
            break
        rows.append(content.numbers(kind, at, points))
        at += size + gap
    if not rows:
        raise InputError(f"{content.path} must hold the spectra of its series, got none: save it again in OPUS")
    return rows


def _parameters(content: Content, entry: Entry) -> dict[str, int | float | str]:
    """The parameters of a block by their three letters."""
    found: dict[str, int | float | str] = {}
    at, end = entry.at, entry.at + entry.length
    content.need(entry.at, entry.length)
    while at + 8 <= end:
        name = content.text(at, 3)
        if name == "END":
            break
        kind, words = content.fields("<HH", at + 4)
        if kind in SIZES:
            (found[name],) = content.fields(SIZES[kind], at + 8)
        else:
            found[name] = content.text(at + 8, 2 * words)
        at += 8 + 2 * words
    return found
