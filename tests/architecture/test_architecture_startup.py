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
from spectune.search.cli import main
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
    ],
    ids=" ".join,
)
def test_an_answer_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == (2 if "--no-such-option" in arguments else 0), done.stderr
    assert done.stderr.splitlines()[-1] == "heavy:"
