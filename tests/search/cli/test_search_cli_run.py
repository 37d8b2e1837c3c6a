"""``python -m spectune.search.run`` and ``python search/run.py``, as ``ray submit`` calls it."""

from __future__ import annotations

import shutil
import sys

import pytest


@pytest.mark.parametrize("how", ["module", "script"])
def test_modules_of_the_working_folder_are_not_taken_for_pythons_own(tmp_path, checkout, spectune, little, how):
    """Python's debugger, which Ray loads, has a module cmd."""
    (tmp_path / "cmd.py").write_text("raise SystemExit('the wrong cmd')\n")
    shutil.copy(checkout / "search" / "run.py", tmp_path)  # as on the head of a cluster
    program = (sys.executable, *(["-m", "spectune.search.run"] if how == "module" else ["run.py"]))
    done = spectune(tmp_path, *little, "--address", "127.0.0.1:1", program=program, code=2)
    (line,) = done.stderr.splitlines()
    assert "nothing answers at 127.0.0.1:1" in line
