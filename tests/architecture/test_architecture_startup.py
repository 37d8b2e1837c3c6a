"""Questions are answered at once: no heavy import on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "ray", "optuna", "mlflow", "numpy", "scipy", "sklearn", "pandas", "plotly", "onnx")
CODE = f"""
import atexit, sys
atexit.register(lambda: print("heavy:", *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr))
from spectune.search.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["search", "--help"],
        ["search", "--print-space"],
        ["search", "--space", "cnn", "--print-space"],
        ["data", "show", "--help"],
        ["predict", "--help"],
        ["search", "--no-such-option"],
        ["search", "--set", "no_such=3"],
        ["train", "cnn6", "--epochs", "0"],
    ],
    ids=" ".join,
)
def test_an_answer_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    refused = {"--no-such-option", "--set", "--epochs"} & set(arguments)
    assert _run(tmp_path, arguments) == (2 if refused else 0, "heavy:")


def test_data_that_are_not_there_are_missed_before_ray_is_imported(tmp_path: Path) -> None:
    code, imported = _run(tmp_path, ["search", "--dataset", "nowhere.csv"])
    assert code == 2
    assert "torch" in imported.split() and "ray" not in imported.split()


def _run(folder: Path, arguments: list[str]) -> tuple[int, str]:
    """The exit code, and which heavy modules were imported."""
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.splitlines()[-1]
