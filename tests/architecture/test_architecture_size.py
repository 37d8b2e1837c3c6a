"""Ratchets: functions and files stay short."""

from __future__ import annotations

import ast
from pathlib import Path

FUNCTION = 40  # lines, for nine functions in ten
FILE = 300


def test_functions_stay_short(source: dict[str, ast.Module]) -> None:
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for tree in source.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) * 9 // 10] < FUNCTION


def test_files_stay_short(checkout: Path, source: dict[str, ast.Module]) -> None:
    lengths = {path: len((checkout / path).read_text("utf-8").splitlines()) for path in source}
    assert not {path: length for path, length in lengths.items() if length >= FILE}, f"cut it below {FILE} lines"
