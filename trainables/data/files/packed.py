"""Files as bytes: what they are by their first ones or their names, and .gz and .zip with a limit on what is inside."""

from __future__ import annotations

import gzip
import io
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spectune.spaces.errors import InputError

MOST_FILES = 1_000_000
HEAD = 4096  # bytes that say what a file is
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # the marks that such text begins with
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, KeyError)  # of an archive
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
BINARY = {
    b"Spectral Data File": ".spa",
    b"WDF1": ".wdf",
    b"\n\n\xfe\xfe": ".0",
    b"ASD": ".asd",
    b"as7": ".asd",
    b"as8": ".asd",
    b"RAW2": ".raw",
    b"RAW1.01": ".raw",
    b"RAW4.00": ".raw",
    b"PAR1": ".parquet",
}  # what a file with zeros begins with, and the suffix that it should have
TEXT = {
    ".jdx": re.compile(r"(?i)\s*##\s*(TITLE|JCAMP-?DX)\s*="),
    ".ras": re.compile(r"\s*\*RAS_(DATA|HEADER)_START"),
    ".uxd": re.compile(r"(?ms)\s*(?=[;_]).*?^_FILEVERSION\s*="),
    ".xrdml": re.compile(r"(?s)\s*(?=<).*?<xrdMeasurements\b"),
}
MEMBERS = {"xl/workbook": ".xlsx", ".npy": ".npz", "RawData": ".brml"}  # what is in the names of an archive's members
FOREIGN = {
    b"\x89HDF": "an HDF5 file",
    b"CDF": "a netCDF file",
    b"MATLAB": "a MATLAB file",
    b"RDX": "a file of R",
    b"SQLite": "a database",
    b"\x93NUMPY": "a single array (.npy)",
    b"PAR1": "a parquet table",
    b"\xd0\xcf\x11\xe0": "an old file of Excel or Word",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"{\\rtf": "a formatted document",
    b"<!DOCTYPE": "a page of the web",
    b"<html": "a page of the web",
    ZIP: "a .zip archive",
    b"BZh": "a .bz2 archive",
    b"\xfd7zXZ": "an .xz archive",
    b"7z\xbc\xaf": "a .7z archive",
    b"Rar!": "a .rar archive",
}  # what is no text, whatever it is called


def suffix(path: Path) -> str:
    """The ending that says the format: .csv of both a.csv and a.csv.gz, .0 of all numbers."""
    found = Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()
    return ".0" if found[1:].isdecimal() else found


def stem(path: Path) -> str:
    """The name without the endings: a of both a.csv and a.csv.gz."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def kind(path: Path) -> str:
    """The ``suffix`` that the first bytes of a file say, where they are sure, or else its name."""
    some = _beginning(path)
    if some.startswith(ZIP):
        return suffix(path) if suffix(path) in (".zip", *MEMBERS.values()) else _archived(path)
    if _binary(some):
        return next((ending for sign, ending in BINARY.items() if some.startswith(sign)), suffix(path))
    text = decoded(some)
    return next((ending for ending, sign in TEXT.items() if sign.match(text)), suffix(path))


def foreign(some: bytes) -> str:
    """What bytes that should be text are instead; "" where nothing says that they are none."""
    known = next((what for sign, what in FOREIGN.items() if some.startswith(sign)), "")
    return known or ("binary content" if _binary(some) else "")


def _binary(some: bytes) -> bool:
    return b"\0" in some and not _wide(some)


def _wide(some: bytes) -> str:
    """The encoding of text of two bytes a letter; "" for any other. Without a mark it must begin with Latin letters."""
    if some.startswith(UTF16):
        return "utf-16"
    first, second = set(some[:HEAD:2]), set(some[1:HEAD:2])
    if len(some) < 4 or {0} not in (first, second) or first == second:
        return ""
    return "utf-16-le" if second == {0} else "utf-16-be"


def _beginning(path: Path) -> bytes:
    """The first bytes of a file, those inside where it is packed; none where it cannot be read."""
    try:
        with path.open("rb") as stream:
            some = stream.read(HEAD)
            if not some.startswith(GZIP):
                return some
            stream.seek(0)
            with gzip.open(stream) as inside:
                return inside.read(HEAD)
    except (EOFError, OSError, zlib.error):
        return b""


def _archived(path: Path) -> str:
    """The suffix that an archive under another name should have, by its members."""
    try:
        with zipfile.ZipFile(seekable(path)) as archive:
            names = archive.namelist()
    except (*BROKEN, InputError):
        return suffix(path)
    return next((ending for sign, ending in MEMBERS.items() if any(sign in name for name in names)), ".zip")


def content(path: Path) -> bytes:
    """The bytes of a file, those inside where it is packed by gzip. ValueError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            packed = path.suffix.lower() == ".gz" or stream.read(len(GZIP)) == GZIP
            stream.seek(0)
            if not packed:
                return stream.read()
            most = memory() // 4
            with gzip.open(stream) as inside:
                some = inside.read(most + 1)
        if len(some) > most:
            raise InputError(f"{path} must fit into memory, got more than {most / 1e9:.3g} GB: split the file")
        return some
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} must be a .gz file, got {error}: pack it again") from None
    except OSError as error:
        raise InputError(f"{path} must be readable, got {error.strerror}: check the file and its permissions") from None


def decoded(some: bytes) -> str:
    """Text in UTF-8, UTF-16 with its mark or of Latin letters, or else Western Europe's Windows encoding."""
    if wide := _wide(some):
        return some.decode(wide, errors="replace")
    try:
        return some.decode("utf-8-sig")
    except UnicodeDecodeError:
        return some.decode("cp1252", errors="replace")


def memory() -> int:
    """The memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def fit(size: int) -> None:
    """MemoryError where ``size`` bytes are more than this machine has; a small file may say that it unpacks to them."""
    if size > memory():
        raise MemoryError(f"{size / 1e9:.3g} GB when unpacked, this machine has {memory() / 1e9:.3g}")


@contextmanager
def opened(path: Path, what: str, cure: str = "save it again") -> Iterator[zipfile.ZipFile]:
    """An archive, open; InputError, saying ``what`` the file must be, where it is damaged or too large for memory."""
    try:
        with zipfile.ZipFile(seekable(path)) as archive:
            yield archive
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} must fit into memory, got {error or 'more'}: split the file") from None
    except BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} must be {what}, got {reason}: {cure}") from None


def seekable(path: Path) -> Path | io.BytesIO:
    """A file, or its bytes where it is packed by gzip."""
    return io.BytesIO(content(path)) if path.suffix.lower() == ".gz" else path


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """What a .zip holds, as a folder for the time being, or as the file or folder that it holds alone.

    Messages name the archive in place of that folder.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        with opened(path, "a .zip file", "pack it again") as archive:
            _checked(path, archive)
            archive.extractall(folder)
        entries = [entry for entry in folder.iterdir() if entry.name != "__MACOSX" and not entry.name.startswith(".")]
        inside = entries[0] if len(entries) == 1 else folder
        try:
            yield inside
        except ValueError as error:
            raise InputError(str(error).replace(str(folder), str(path))) from None


def _checked(path: Path, archive: zipfile.ZipFile) -> None:
    """ValueError where an archive holds too much; its sizes are held to while unpacking."""
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or size > memory() // 4:
        raise InputError(
            f"{path} must hold at most {MOST_FILES} files of {memory() // 4 / 1e9:.3g} GB, got {len(entries)} of "
            f"{size / 1e9:.3g} GB: unpack it"
        )
