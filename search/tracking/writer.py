"""The process that keeps MLflow up to date with a study, however slow or dead the server is.

It is one of its own because MLflow's code takes 40 ms of a core for each trial, and Python's lock with it: in the
driver no trial could be started or stopped meanwhile. It ends with its input, so that a driver that is killed leaves
none behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from spectune.search.process.collector import relaxed
from spectune.search.process.command import module
from spectune.search.process.stop import SIGNALS
from spectune.search.tracking.follower import Follower
from spectune.search.tracking.store import SQLITE, at_rest, make_database, public, write_ahead

FIRST_SECONDS = 10.0  # before the first delivery: workers that start need the processors that importing MLflow takes
FLUSH_SECONDS = 2.0  # between two deliveries
PATIENCE_SECONDS = 60.0  # longest pause between two tries at an absent server
FILE_SECONDS, SERVER_SECONDS = 300.0, 30.0  # to deliver the rest at the end: a file may be slow, a server silent
END = "end"  # what the driver says when nothing more will be written


class Writer:
    """The driver's end of it. ``note`` is told, once each, when the store goes out of reach and when it is back."""

    def __init__(self, folder: Path, uri: str, note: Callable[[str], None]) -> None:
        self._folder = folder
        self._uri = uri
        self._process = subprocess.Popen(
            module("spectune.search.tracking.writer"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is the driver's to answer
        )
        pauses = FIRST_SECONDS, FLUSH_SECONDS, PATIENCE_SECONDS
        self._say(json.dumps([str(folder), uri, *pauses]))  # a URI may hold a password: no command line shows it
        self._listener = threading.Thread(target=self._listen, args=(note,), name="tracking", daemon=True)
        self._listener.start()

    def close(self, patience: float | None = None) -> int:
        """Have the rest delivered, waiting ``patience`` seconds at most, by default what suits the store; returns the
        bytes that could not be delivered."""
        if patience is None:
            patience = FILE_SECONDS if self._uri.startswith(SQLITE) else SERVER_SECONDS
        with suppress(BrokenPipeError), self._process:  # which closes its pipes
            self._say(END)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._listener.join()
        at_rest(self._uri)
        return Follower(self._folder, self._uri).behind

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: its cursor tells what is left
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _listen(self, note: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            note(line.rstrip("\n"))


def deliver(
    follower: Follower,
    note: Callable[[str], None],
    ending: threading.Event,
    *,
    first: float,
    flush: float,
    longest: float,
) -> None:
    """Deliver what is new again and again, with pauses of so many seconds, and once more at the end."""
    failed, pause, last, ready = "", first, False, False
    while not last:
        last = ending.wait(pause)
        try:
            if not ready:
                make_database(follower.uri)
                write_ahead(follower.uri)
                ready = True
            if last:
                follower.rest()
            follower.catch_up()
            if not last:
                follower.watch()
        except Exception as error:
            follower.rest()
            pause = min(longest, 2 * pause)
            if not failed:
                failed = f"{type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ''}"
                uri = public(follower.uri)
                note(f"MLflow at {uri} is out of reach ({failed}); the journal keeps what it misses")
        else:
            if failed:
                note("MLflow is back")
            failed, pause = "", flush


def _obey(ending: threading.Event) -> None:
    """Wait for the driver's last word; without one it was killed, and this process ends where it is."""
    for line in sys.stdin:
        if line.strip() == END:
            ending.set()
            return
    os._exit(1)


def main() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # sent to a whole job: the driver says when it ends
    notes, sys.stdout = sys.stdout, sys.stderr  # whatever MLflow prints is no note
    folder, uri, first, flush, longest = json.loads(sys.stdin.readline())
    ending = threading.Event()
    threading.Thread(target=_obey, args=(ending,), daemon=True).start()

    def note(text: str) -> None:
        print(text, file=notes, flush=True)

    deliver(Follower(Path(folder), uri), note, ending, first=first, flush=flush, longest=longest)


if __name__ == "__main__":
    with relaxed():
        main()
