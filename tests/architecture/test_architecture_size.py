"""Functions and files stay short: counts that cannot be met by packing lines."""

from __future__ import annotations

import ast

from .house import files, functions, p90

FUNCTION, LONGEST = 25, 50  # lines, of nine functions in ten and of any
FILE = 250  # lines, of nine files in ten


def test_functions_stay_short(source: dict[str, ast.Module]) -> None:
    lengths = functions(source)
    assert p90(lengths) <= FUNCTION
    assert [place for length, place in lengths if length > LONGEST] == []


def test_files_stay_short(source: dict[str, ast.Module]) -> None:
    assert p90(files(source)) <= FILE
