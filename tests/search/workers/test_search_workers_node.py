"""A Ray of our own that does not start, and one that is not where it is said to be."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

SPECTUNE = str(Path(sys.executable).with_name("spectune"))


def test_a_ray_that_does_not_start_is_said_in_one_line(tmp_path, spectune, little):
    nowhere = (str(shutil.which("env")), "RAY_TMPDIR=/proc/nothing", SPECTUNE)
    done = spectune(tmp_path, "search", *little, program=nowhere, code=2)
    (line,) = done.stderr.splitlines()
    assert line.startswith("spectune: a search needs Ray, it does not start on this machine (FileNotFoundError: ")
    assert "/proc/nothing" in line


def test_an_address_where_nothing_answers_is_said_at_once(tmp_path, spectune, little):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
    done = spectune(tmp_path, "search", *little, "--address", address, code=2)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"spectune: --address must be that of a Ray that runs, nothing answers at {address} ")
