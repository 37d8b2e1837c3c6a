"""How a process of our own is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PATIENCE = 10.0  # seconds for a process to end by itself
STARTS = 60.0  # seconds for a server to answer


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs an installed module in this Python, and never one that lies in the working folder."""
    return [sys.executable, "-P", "-m", name, *arguments]


@contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """A process that leads a session of its own, which ends with the block: all of it, whatever ends the block.

    Within it SIGTERM is an exit like any other, with exit code 0; so is Ctrl-C.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield process
    except KeyboardInterrupt:
        sys.exit(0)
    finally:
        signal.signal(signal.SIGTERM, before)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)


def opened(url: str, health: str) -> None:
    """Show a page in the user's browser once its server answers; nothing where there is no screen."""
    if not any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")):
        return
    deadline = time.monotonic() + STARTS
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(health, timeout=1):
            webbrowser.open(url)
            return
        time.sleep(0.2)
