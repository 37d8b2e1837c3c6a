"""The journal: the append-only file that is a study's single truth, written by one driver and read by all."""

from __future__ import annotations

import fcntl
import json
import math
import os
import platform
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from spectune.spaces.errors import InputError

JOURNAL = "journal.jsonl"
FORMAT = 3  # of the events, in every study event; 1 had no number, 2 no trials that are paused and go on
HOLDER = "driver.json"  # who writes the journal, while somebody does


PATHS = {"export": ("folder",), "artifact": ("path",)}  # events that name files
# On the disk before the study goes on.
LASTING = ("study", "start", "end", "test", "evaluate", "compare", "versus", "export", "finish")


class Journal:
    """The one writer of a study's journal. A second writer, also in another process, is refused with ValueError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / JOURNAL
        self._file = self.path.open("a+b", buffering=0)
        try:
            self._hold()
            self._size = _whole(self.path)
            self._file.truncate(self._size)  # a last line that a crash left unfinished
        except BaseException:
            self._file.close()
            raise
        with suppress(OSError):  # without space for it nothing is lost
            (folder / HOLDER).write_text(json.dumps({"host": platform.node(), "pid": os.getpid(), "time": time.time()}))

    def _hold(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"a study has one driver at a time, and {_holder(self.path.parent)} is writing {self.path}: "
                "wait for it, stop it, or choose another --name"
            ) from None

    @property
    def begun(self) -> bool:
        """Whether it holds anything."""
        return self._size > 0

    def append(self, event: str, **values: Any) -> dict[str, Any]:
        """Write one event, whole or not at all; returns it as it will be read back. OSError when it cannot."""
        about = {"format": FORMAT} if event == "study" else {}
        line: dict[str, Any] = _finite({"event": event, "time": round(time.time(), 3), **about, **values})
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
            if event in LASTING:
                os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(data)
        return line

    def close(self) -> None:
        if not self._file.closed:
            (self.path.parent / HOLDER).unlink(missing_ok=True)
            self._file.close()


def events(path: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """(event, byte offset behind it) of every whole line from a byte offset on; a torn last line is left out."""
    if not path.is_file():
        raise InputError(f"a study folder holds {JOURNAL}, but there is none in {path.parent}: give a study's folder")
    with path.open("rb") as file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            offset += len(raw)
            try:
                line = json.loads(raw)
                line["event"]
            except (ValueError, TypeError, KeyError, RecursionError):
                raise InputError(
                    f"every line of a journal is one JSON event, but the one before byte {offset} of {path} is not: "
                    "restore it from a copy"
                ) from None
            for key in PATHS.get(str(line["event"]), ()):
                inside(path.parent, line.get(key))
            yield line, offset


def inside(folder: Path, name: Any) -> Path:
    """A file or folder that a journal names, which is one of its study's. ValueError for any other, also by a link."""
    path = folder / str(name)
    if not isinstance(name, str) or not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"a journal names only what is in its study's folder, that of {folder} names {str(name)[:100]!r}: it was "
            "changed by somebody, restore it from a copy"
        )
    return path


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value


def _whole(path: Path) -> int:
    """Bytes of the whole lines of a file."""
    with path.open("rb") as file:
        return sum(len(raw) for raw in file if raw.endswith(b"\n"))


def _holder(folder: Path) -> str:
    """Who says to be writing in a folder."""
    try:
        said = json.loads((folder / HOLDER).read_text())
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(said["time"]))
        return f"process {int(said['pid'])} on {str(said['host'])[:64]!r} (since {since})"
    except (OSError, ValueError, TypeError, KeyError):
        return "another process"
