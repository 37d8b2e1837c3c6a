"""How a session ends before its time: by a signal, or because the disk is full. What had finished stays."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

FAILED, INTERRUPTED = 1, 130  # exit codes
HURRY = 10.0  # seconds for MLflow to take the rest; schedulers kill 30 s after their SIGTERM
FULL = (errno.ENOSPC, errno.EDQUOT)
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruptible(Protocol):
    """What is told of a signal, as Ray may swallow the exception that the signal raises."""

    interrupted: bool


@contextmanager
def restored() -> Iterator[None]:
    """After the block signals are handled as before it, whatever a session and Ray set within."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            _handle(number, handler)


def listen(director: Interruptible) -> None:
    """Ctrl-C and a scheduler's SIGTERM end the session; Ray's own handler would end the process without a word.

    A signal that the process was started to ignore stays ignored, as SIGINT is in a job that a script began with ``&``.
    """

    def interrupt(signum: int, frame: Any) -> None:
        director.interrupted = True
        raise KeyboardInterrupt

    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            _handle(number, interrupt)


def ignore() -> None:
    """The session ends already: a second signal must not disturb that."""
    for number in SIGNALS:
        _handle(number, signal.SIG_IGN)


def _handle(number: signal.Signals, handler: Any) -> None:
    """Python allows it in the main thread only; a session in another one is not interrupted by signals."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)


def full(error: BaseException) -> bool:
    """Whether a full disk is behind an error. Of some that pass through Ray and Tune only the text is left."""
    return getattr(error, "errno", None) in FULL or any(os.strerror(code) in str(error) for code in FULL)
