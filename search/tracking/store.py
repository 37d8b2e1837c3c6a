"""Which MLflow store a study is tracked in: its URI, and how it may be shown."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from spectune.search.process.command import module
from spectune.search.records import JOURNAL, read
from spectune.spaces.files import cache

SQLITE = "sqlite:///"
LOCAL = ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs")
# What of a query is nobody's business.
SECRET = re.compile(r"(?i)([?&;][^=&;#]*(?:pass|pwd|token|secret|key|credential)[^=&;#]*=)[^&;#]*")
MOUNTS = Path("/proc/self/mounts")


def default_uri() -> str:
    """MLflow's own variable, or a SQLite file in the working folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{Path('mlflow.db').absolute()}"


def database(uri: str) -> Path | None:
    """The file of a SQLite store; None for any other."""
    return Path(uri.removeprefix(SQLITE)).absolute() if uri.startswith(SQLITE) else None


def make_database(uri: str) -> None:
    """Make a missing database file at once: MLflow takes seconds and, killed among its tables, leaves a wreck.

    An empty one is kept in the user's cache, so that MLflow makes it once. Raises OSError with MLflow's own words when
    it can't.
    """
    file = database(uri)
    if file is None or file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    cached = cache() / f"mlflow-{version('mlflow')}.db"
    if cached.is_file() and cached.stat().st_uid == os.geteuid():
        _place(cached, file)
        return
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "mlflow.db"
        command = module("mlflow", "db", "upgrade", f"{SQLITE}{made}")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            os.setpriority(os.PRIO_PROCESS, process.pid, 19)  # five seconds of work, which no trial should wait for
            said = process.communicate()[1]
        if process.returncode:
            raise OSError(f"{file} could not be made: {(said.strip() or 'no message').splitlines()[-1]}")
        with contextlib.suppress(OSError):  # a home that cannot be written to
            cached.parent.mkdir(parents=True, exist_ok=True)
            _place(made, cached)
        _place(made, file)


def analyse(uri: str) -> None:
    """Tell SQLite how much a database file holds: else it looks through all metrics for each run it sorts."""
    _tell(uri, "PRAGMA analysis_limit = 1000", "ANALYZE")  # rows of each index that are looked at: some 25 ms


def write_ahead(uri: str) -> None:
    """Have a database file written through SQLite's write-ahead log: a commit waits for the disk once instead of
    three or four times, and nobody who reads waits.

    Those who have the file open share memory then, so that it is left alone on what may not be a disk of this machine.
    """
    file = database(uri)
    if file is not None and local(file, MOUNTS):
        _tell(uri, "PRAGMA journal_mode = WAL")


def at_rest(uri: str) -> None:
    """Make one plain file of it again, to copy, move or only read, unless somebody else has it open."""
    _tell(uri, "PRAGMA journal_mode = DELETE")


def local(path: Path, mounts: Path) -> bool:
    """Whether a path is on a disk of this machine; False where nothing says so."""
    try:
        lines = [line.split() for line in mounts.read_text("utf-8", "surrogateescape").splitlines()]
    except OSError:
        return False
    kinds = {Path(place.replace("\\040", " ")): kind for _, place, kind, *_ in lines}  # the last on a place covers it
    path = path.resolve()
    return next((kinds[place] in LOCAL for place in (path, *path.parents) if place in kinds), False)


def _tell(uri: str, *statements: str) -> None:
    """Run statements on a database file, if there is one; what it refuses is left."""
    file = database(uri)
    if file is None or not file.exists():
        return
    with contextlib.closing(sqlite3.connect(file)) as connection, contextlib.suppress(sqlite3.Error):
        for statement in statements:
            connection.execute(statement)


def _place(source: Path, file: Path) -> None:
    """Copy a file whole or not at all; one that another process has put there first stays."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, part)
        with contextlib.suppress(FileExistsError):
            os.link(part, file)
    finally:
        part.unlink(missing_ok=True)


def public(uri: str) -> str:
    """The URI without user and password, also those of its query, as it may be shown and stored."""
    return SECRET.sub(r"\1***", re.sub(r"//[^/?#]*@", "//", uri))


def last_study(studies: Path) -> tuple[str, str] | None:
    """Name and store, without user and password, of the study that was begun last; None before there is a study."""
    for journal in sorted(studies.glob(f"*/{JOURNAL}"), key=lambda path: path.stat().st_mtime, reverse=True):
        with contextlib.suppress(ValueError, KeyError):  # one that never began, or is damaged
            study = read(journal.parent)
            return study.name, str(study.header["store"])
    return None
