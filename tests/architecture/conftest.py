"""The source as syntax trees, for the tests that hold its structure."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def project(checkout: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="session")
def packages(project: dict[str, Any]) -> dict[str, str]:
    """Import name of each package, such as spectune.trainables.data, and its folder."""
    return dict(project["tool"]["setuptools"]["package-dir"])


@pytest.fixture(scope="session")
def source(checkout: Path, packages: dict[str, str]) -> dict[str, ast.Module]:
    """Every module of the product: its path in the checkout and its syntax tree."""
    paths = [path for folder in packages.values() for path in sorted((checkout / folder).glob("*.py"))]
    return {str(path.relative_to(checkout)): ast.parse(path.read_text("utf-8")) for path in paths}


@pytest.fixture(scope="session")
def imports(source: dict[str, ast.Module]) -> dict[str, list[str]]:
    """Full names of what each module imports, anywhere; ``from a import b`` gives a.b, which may be a module."""
    return {path: list(_imported(tree)) for path, tree in source.items()}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)
