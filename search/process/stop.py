"""How a session ends before its time: by a signal, or because the disk is full. What had finished stays."""

from __future__ import annotations

import errno
import os
import signal
from typing import Any, Protocol

FAILED, INTERRUPTED = 1, 130  # exit codes
HURRY = 10.0  # seconds for MLflow to take the rest; schedulers kill 30 s after their SIGTERM
FULL = (errno.ENOSPC, errno.EDQUOT)
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruptible(Protocol):
    """What is told of a signal, as Ray may swallow the exception that the signal raises."""

    interrupted: bool


def listen(director: Interruptible) -> None:
    """Ctrl-C and a scheduler's SIGTERM end the session; Ray's own handler would end the process without a word."""

    def interrupt(signum: int, frame: Any) -> None:
        director.interrupted = True
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, interrupt)


def deaf() -> None:
    """The session ends already: a second signal must not disturb that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def full(error: BaseException) -> bool:
    """Whether a full disk is behind an error. Of some that pass through Ray and Tune only the text is left."""
    return getattr(error, "errno", None) in FULL or any(os.strerror(code) in str(error) for code in FULL)
