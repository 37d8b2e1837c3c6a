"""Writing a file so that it is whole or not there, whatever happens meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path of one's own to write to; behind the block what is there takes the place of ``path``, at once.

    A crash, a full disk or an error within the block leave the old file. Of several writers the last one wins, whole.
    OSError where it cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def replace(path: Path, data: bytes | str) -> None:
    """Replace a file by ``data``, text as UTF-8, whole or not at all."""
    with replacing(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


def cache() -> Path:
    """The folder of what spectune makes once for a user; nothing is lost when it is removed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()).absolute() / "spectune"
