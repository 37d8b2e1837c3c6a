"""The background thread that keeps MLflow up to date with a study, however slow or dead the server is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from spectune.search.store import SQLITE, public
from spectune.search.tracking import Follower

FIRST_SECONDS = 10.0  # before the first delivery: workers that start need the processors that importing MLflow takes
FLUSH_SECONDS = 2.0  # between two deliveries
PATIENCE_SECONDS = 60.0  # longest pause between two tries at an absent server
FILE_SECONDS, SERVER_SECONDS = 300.0, 30.0  # to deliver the rest at the end: a file may be slow, a server silent


class Writer:
    """The background thread that keeps one store up to date with a study's journal.

    ``note`` is told, once each, when the store goes out of reach and when it is back.
    """

    def __init__(self, folder: Path, uri: str, note: Callable[[str], None]) -> None:
        self._follower = Follower(folder, uri)
        self._note = note
        self._ending = threading.Event()
        self._failed = ""
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def close(self, patience: float | None = None) -> int:
        """Deliver the rest, waiting ``patience`` seconds at most, by default what suits the store; returns the bytes
        that could not be delivered."""
        self._ending.set()
        if patience is None:
            patience = FILE_SECONDS if self._follower.uri.startswith(SQLITE) else SERVER_SECONDS
        self._thread.join(patience)
        return self._follower.behind

    def _work(self) -> None:
        pause = FIRST_SECONDS
        while True:
            ending = self._ending.wait(pause)
            try:
                self._follower.catch_up()
            except Exception as error:
                pause = min(PATIENCE_SECONDS, 2 * pause)
                if not self._failed:
                    self._failed = f"{type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ''}"
                    uri = public(self._follower.uri)
                    self._note(f"MLflow at {uri} is out of reach ({self._failed}); the journal keeps what it misses")
            else:
                if self._failed:
                    self._note("MLflow is back")
                self._failed, pause = "", FLUSH_SECONDS
            if ending:
                return
