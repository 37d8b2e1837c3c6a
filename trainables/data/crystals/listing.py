"""The texts of CIFs in a folder, an archive or a list, within limits that no bomb passes."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from spectune.spaces.errors import InputError
from spectune.trainables.data.files.folder import SUFFIXES

ZIP = ".zip"  # may as well hold spectra
ARCHIVES = (ZIP, ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
LISTS = (".txt", ".list", ".lst")
CIF = ".cif"
TABLES = (".csv", ".tsv")  # text that may lie beside CIFs and says something of them
LINE = 10_000  # characters
LARGEST, TOTAL, MOST = 1 << 24, 1 << 32, 500_000  # bytes of a CIF, bytes of all that an archive holds, and its entries
BROKEN = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, RuntimeError)


def holds(path: Path) -> bool:
    """Whether ``path`` is a source of crystal structures, by its kind, its name or its first line.

    InputError for a folder in which there are as many spectra.
    """
    name = path.name.lower()
    if path.is_dir():
        return _holds(path)
    if name.endswith(ZIP):
        return _has_cifs(path)
    return name.endswith((CIF, *ARCHIVES)) or (name.endswith(LISTS) and _first(path).lower().endswith(CIF))


def _has_cifs(path: Path) -> bool:
    """Whether a .zip has CIFs; one of spectra, or what is none, is left to whoever reads these."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(CIF) for name in islice(archive.namelist(), MOST))
    except BROKEN:
        return False


def _holds(folder: Path) -> bool:
    endings = Counter(file.suffix.lower() for file in folder.rglob("*") if file.is_file())
    spectra = sum(endings[ending] for ending in SUFFIXES if ending not in TABLES)
    if 0 < endings[CIF] <= spectra:
        raise InputError(
            f"{folder} must hold CIFs or spectra, got {endings[CIF]} files that end in .cif and {spectra} of text: "
            f"move one kind away, or give the CIFs as a list, a .txt with a path a line"
        )
    return endings[CIF] > 0


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of each CIF, its path within ``path`` without the ending; those of a folder by name.

    InputError where an archive is broken or too large, a file of a list is missing, or one is too large.
    """
    if path.is_dir():
        for file in sorted(_found(path)):
            yield _name(file.relative_to(path).as_posix()), _read(file)
    elif path.name.lower().endswith(ARCHIVES):
        yield from _archived(path)
    elif path.name.lower().endswith(CIF):
        yield path.stem, _read(path)
    else:
        for line in _named(_read(path).splitlines()):
            file = path.parent / line
            if not file.is_file():
                raise InputError(f"{path} must list files that exist, got {line!r}: correct the line or remove it")
            yield _name(line), _read(file)


def _found(folder: Path) -> Iterator[Path]:
    return (entry for entry in folder.rglob("*") if entry.suffix.lower() == CIF and entry.is_file())


def _name(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _first(path: Path) -> str:
    """The first line that a list would have."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return next(_named(islice(iter(lambda: file.readline(LINE), ""), 100)), "")


def _named(lines: Iterable[str]) -> Iterator[str]:
    """Lines that name something."""
    return (line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _read(path: Path) -> str:
    if (size := path.stat().st_size) > LARGEST:
        raise InputError(
            f"a CIF, or a list of them, must have at most {LARGEST:,} bytes, {path} has {size:,}: remove it"
        )
    return path.read_text("utf-8", errors="replace")


def _archived(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of the CIFs in an archive. Nothing is written to the disk, and nothing is followed."""
    try:
        entries = _zipped(path) if path.name.lower().endswith(".zip") else _tarred(path)
        for name, content in entries:
            yield _name(name), content.decode("utf-8", errors="replace")
    except BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} must be an archive of CIFs, got {reason}: pack it again") from None


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        _fit(path, len(entries), sum(entry.file_size for entry in entries))
        for entry in entries:
            if entry.filename.lower().endswith(CIF) and not entry.is_dir():
                with archive.open(entry) as stream:
                    yield entry.filename, _within(path, entry.filename, stream.read(LARGEST + 1))


def _tarred(path: Path) -> Iterator[tuple[str, bytes]]:
    total = 0
    with tarfile.open(path, "r|*") as archive:  # as a stream: what is skipped is unpacked as well, and counts
        for number, entry in enumerate(archive):
            total += entry.size
            _fit(path, number, total)
            if entry.isfile() and entry.name.lower().endswith(CIF):
                stream = archive.extractfile(entry)
                assert stream is not None
                yield entry.name, _within(path, entry.name, stream.read(LARGEST + 1))


def _fit(path: Path, entries: int, size: int) -> None:
    if entries > MOST or size > TOTAL:
        raise InputError(
            f"{path} must hold at most {MOST:,} files of {TOTAL:,} bytes together, got {entries:,} of {size:,}: "
            "unpack what is needed into a folder"
        )


def _within(path: Path, name: str, content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise InputError(f"a CIF must have at most {LARGEST:,} bytes, {name} in {path} has more: remove it")
    return content
