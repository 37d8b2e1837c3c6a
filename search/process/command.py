"""How a process of our own is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PATIENCE = 10.0  # seconds for a process to end by itself


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
