"""Files that are packed: .gz and .zip, with a limit on what they unpack to."""

from __future__ import annotations

import gzip
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spectune.spaces.errors import InputError

MOST_FILES = 1_000_000
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # the marks that such text begins with


def suffix(path: Path) -> str:
    """The ending that says the format: .csv of both a.csv and a.csv.gz."""
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def stem(path: Path) -> str:
    """The name without the endings: a of both a.csv and a.csv.gz."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def content(path: Path) -> bytes:
    """The bytes of a file, those inside where it is .gz. ValueError where it cannot be read."""
    try:
        if path.suffix.lower() != ".gz":
            return path.read_bytes()
        most = memory()
        with gzip.open(path) as file:
            some = file.read(most // 4 + 1)
        if len(some) > most // 4:
            raise InputError(f"{path} must fit into memory, got more than {most // 4 / 1e9:.3g} GB: split the file")
        return some
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} must be a .gz file, got {error}: pack it again") from None
    except OSError as error:
        raise InputError(f"{path} must be readable, got {error.strerror}: check the file and its permissions") from None


def decoded(some: bytes) -> str:
    """Text in UTF-8, UTF-16 with its mark, or else Western Europe's Windows encoding."""
    if some.startswith(UTF16):
        return some.decode("utf-16", errors="replace")
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
def unpacked(path: Path) -> Iterator[Path]:
    """What a .zip holds, as a folder for the time being, or as the file or folder that it holds alone.

    Messages name the archive in place of that folder.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        try:
            with zipfile.ZipFile(path) as archive:
                _checked(path, archive)
                archive.extractall(folder)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as error:
            if isinstance(error, InputError):
                raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{path} must be a .zip file, got {reason}: pack it again") from None
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
