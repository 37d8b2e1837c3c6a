"""The source as syntax trees, for the tests that hold its structure."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from . import house


@pytest.fixture(scope="session")
def project(checkout: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="session")
def packages() -> dict[str, str]:
    """Import name of each package, such as spectune.trainables.data, and its folder."""
    return house.packages()


@pytest.fixture(scope="session")
def source() -> dict[str, ast.Module]:
    """Every module of the product: its path in the checkout and its syntax tree."""
    return house.sources()


@pytest.fixture(scope="session")
def imports(source: dict[str, ast.Module]) -> dict[str, list[str]]:
    """Full names of what each module imports, anywhere; ``from a import b`` gives a.b, which may be a module."""
    return {path: list(house.imported(tree)) for path, tree in source.items()}
