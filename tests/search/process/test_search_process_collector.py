"""The garbage collector around a command, in this process."""

from __future__ import annotations

import gc

from spectune.search.process.collector import YOUNG, relaxed


def test_it_looks_rarely_within_a_command_and_as_before_after_it():
    before = gc.get_threshold()
    with relaxed():
        assert gc.isenabled() and gc.get_threshold()[0] == YOUNG
    assert gc.get_threshold() == before and gc.isenabled()
