"""The command as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def spectune():
    """``spectune(folder, *arguments, code=0)`` runs it in a folder and checks its exit status."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MLFLOW_"))}
    program = str(Path(sys.executable).with_name("spectune"))

    def run(folder, *arguments, code=0):
        done = subprocess.run(
            [program, *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run
