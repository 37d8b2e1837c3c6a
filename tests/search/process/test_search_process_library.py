"""Studies in somebody's own process, which they leave as it was."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("library.py")


def test_studies_one_after_the_other_in_one_process_leave_it_as_it_was(tmp_path, spectune):
    """One that is interrupted, one after it, and one in a thread."""
    done = spectune(tmp_path, program=(sys.executable, str(PROGRAM)))
    assert done.stdout == "differences []\n"
