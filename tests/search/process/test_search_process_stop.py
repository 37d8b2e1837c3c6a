"""Signals that end a session, in this process."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from spectune.search.process import stop


@pytest.mark.parametrize("number", stop.SIGNALS)
def test_a_signal_ends_the_session_and_is_handled_as_before_after_it(number):
    before = signal.getsignal(number)
    director = SimpleNamespace(interrupted=False)
    with pytest.raises(KeyboardInterrupt), stop.restored():
        stop.listen(director)
        os.kill(os.getpid(), number)
    assert director.interrupted
    assert signal.getsignal(number) == before


def test_what_was_ignored_stays_ignored():
    """As SIGINT is in a job that a script began with &."""
    director = SimpleNamespace(interrupted=False)
    with stop.restored():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stop.listen(director)
        os.kill(os.getpid(), signal.SIGINT)
        assert not director.interrupted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_session_that_ends_is_not_disturbed():
    with stop.restored():
        stop.ignore()
        for number in stop.SIGNALS:
            os.kill(os.getpid(), number)


def test_nothing_is_set_from_another_thread():
    before = [signal.getsignal(number) for number in stop.SIGNALS]
    during = []

    def session():
        with stop.restored():
            stop.listen(SimpleNamespace(interrupted=False))
            stop.ignore()
            during.extend(signal.getsignal(number) for number in stop.SIGNALS)

    thread = threading.Thread(target=session)
    thread.start()
    thread.join()
    assert during == before
