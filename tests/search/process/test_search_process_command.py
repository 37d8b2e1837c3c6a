"""Processes of our own."""

from __future__ import annotations

import subprocess

from spectune.search.process.command import module


def test_a_module_of_the_working_folder_is_not_started(tmp_path):
    (tmp_path / "this.py").write_text("print('mine')")
    done = subprocess.run(module("this"), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "mine" not in done.stdout and "Zen of Python" in done.stdout
