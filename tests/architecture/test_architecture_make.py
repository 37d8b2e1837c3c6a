"""``make`` makes its environment when it has to and only then; a stand-in for Python records what is asked of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Makes a .venv whose python is this same script. Fails on "-m pip" while the file `offline` exists.
PYTHON = """#!/bin/sh
case "$1 $2" in
  "-m venv") echo venv >> log; rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  "-m pip") test ! -e offline || exit 1; echo pip >> log; cp "$0" .venv/bin/spectune ;;
  "-c "*) test ! -e old || { echo "spectune needs Python 3.11 or later"; exit 1; } ;;
  *) echo "$@" >> log ;;
esac
"""


class Checkout:
    """A checkout with nothing but what make reads."""

    def __init__(self, origin: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(origin / name, folder)
        (folder / "python").write_text(PYTHON)
        (folder / "python").chmod(0o755)

    def make(self, *arguments: str) -> tuple[int, list[str]]:
        """Exit code, and what was asked of the stand-in."""
        log = self.folder / "log"
        log.write_text("")
        environment = {"PATH": os.environ["PATH"]}  # make hands its own variables on to the tests it runs
        command = ["make", *arguments, "PYTHON=./python"]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        self.output = done.stdout + done.stderr
        return done.returncode, log.read_text().splitlines()


PYTEST = "-m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder"


@pytest.fixture
def clone(checkout: Path, tmp_path: Path) -> Checkout:
    return Checkout(checkout, tmp_path / "clone")


def test_the_first_call_makes_the_environment_and_the_next_ones_use_it(clone: Checkout) -> None:
    assert clone.make("test") == (0, ["venv", "pip", PYTEST])
    assert clone.make("test", "ARGS=-x") == (0, [f"{PYTEST} -x"])
    assert clone.make("search", "SEARCH=--name mine") == (0, ["search --name mine"])
    assert (clone.folder / ".types" / "spectune").resolve() == clone.folder


def test_what_only_a_gpu_shows_is_one_command_of_things_that_exist(clone: Checkout, checkout: Path) -> None:
    code, asked = clone.make("gpu")
    assert code == 0
    files = [word for line in asked for word in line.split() if word.endswith(".py")]
    benchmarks = [Path(name).stem for name in files if name.startswith("benchmarks/")]
    assert benchmarks == ["steps", "roofline", "fused", "paper"]
    assert all((checkout / name).is_file() for name in files)
    (clone.folder / "old").touch()  # as where torch sees no GPU: nothing is begun
    assert clone.make("gpu") == (2, [])


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_it_is_brought_up_to_date_when_its_sources_change(clone: Checkout, name: str) -> None:
    clone.make("test")
    late = (clone.folder / ".venv" / "ready").stat().st_mtime + 10
    os.utime(clone.folder / name, (late, late))
    assert clone.make("test") == (0, ["pip", PYTEST])


def test_it_is_made_anew_after_an_interrupted_installation(clone: Checkout) -> None:
    (clone.folder / "offline").touch()
    code, _ = clone.make("test")
    assert code != 0
    (clone.folder / "offline").unlink()
    assert clone.make("test") == (0, ["venv", "pip", PYTEST])


def test_it_is_made_anew_after_an_interrupted_update(clone: Checkout) -> None:
    clone.make("test")
    late = (clone.folder / ".venv" / "ready").stat().st_mtime + 10
    os.utime(clone.folder / "constraints.txt", (late, late))
    (clone.folder / "offline").touch()
    assert clone.make("test")[0] != 0
    (clone.folder / "offline").unlink()
    assert clone.make("test") == (0, ["venv", "pip", PYTEST])


def test_it_is_made_anew_where_the_checkout_was_moved_to(clone: Checkout) -> None:
    clone.make("test")
    clone.folder = clone.folder.rename(clone.folder.parent / "moved")
    assert clone.make("test") == (0, ["venv", "pip", PYTEST])


def test_an_old_python_is_refused_in_one_line(clone: Checkout) -> None:
    (clone.folder / "old").touch()
    code, asked = clone.make("search")
    assert code != 0
    assert asked == []
    assert "spectune needs Python 3.11 or later" in clone.output


def test_pip_says_what_failed_and_not_where_it_looked_in_vain(checkout: Path, tmp_path: Path) -> None:
    """With the words that make gives it, but for a package that is nowhere to be had."""
    (line,) = [line for line in (checkout / "Makefile").read_text().splitlines() if "pip install" in line]
    words = line.split("-m pip ")[1].split(" -c ")[0].split()
    nowhere = ["--index-url", f"file://{tmp_path}/nowhere", "--extra-index-url", f"file://{tmp_path}/nor-there"]
    command = [sys.executable, "-m", "pip", *words, *nowhere, "no-such-package"]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ERROR: No matching distribution found for no-such-package" in done.stderr
    assert "WARNING" not in done.stdout + done.stderr


def test_clean_keeps_the_studies(clone: Checkout) -> None:
    clone.make("test")
    (clone.folder / "studies").mkdir()
    assert clone.make("clean")[0] == 0
    assert (clone.folder / "studies").is_dir()
    assert not (clone.folder / ".venv").exists()
