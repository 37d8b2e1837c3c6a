"""Files as instruments write them: ``READERS`` gives the spectra of a file by its suffix, ``reader`` by its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spectune.trainables.data.files.instruments.asd import read_asd
from spectune.trainables.data.files.instruments.brml import read_brml
from spectune.trainables.data.files.instruments.jcamp import read_jcamp
from spectune.trainables.data.files.instruments.opus import read_opus
from spectune.trainables.data.files.instruments.ras import read_ras
from spectune.trainables.data.files.instruments.raw import read_raw
from spectune.trainables.data.files.instruments.spa import read_spa
from spectune.trainables.data.files.instruments.spc import read_spc
from spectune.trainables.data.files.instruments.uxd import read_uxd
from spectune.trainables.data.files.instruments.wdf import read_wdf
from spectune.trainables.data.files.instruments.xrdml import read_xrdml
from spectune.trainables.data.files.packed import kind, suffix
from spectune.trainables.data.files.table import Spectrum

__all__ = ["READERS", "reader"]

READERS: dict[str, Callable[[Path], list[Spectrum]]] = {
    ".jdx": read_jcamp,
    ".dx": read_jcamp,
    ".jcm": read_jcamp,
    ".jcamp": read_jcamp,
    ".spc": read_spc,
    ".spa": read_spa,
    ".wdf": read_wdf,
    ".0": read_opus,  # OPUS numbers the files of a sample .0, .1, .2 ...
    ".asd": read_asd,
    ".xrdml": read_xrdml,
    ".brml": read_brml,
    ".raw": read_raw,
    ".uxd": read_uxd,
    ".ras": read_ras,
}


def reader(path: Path) -> Callable[[Path], list[Spectrum]] | None:
    """What reads a file, by its first bytes or its name; None where nothing does."""
    return READERS.get(kind(path)) or READERS.get(suffix(path))
