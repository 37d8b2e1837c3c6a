"""Who may import whom: the table of the design, held for every import, also those inside functions."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

# What a room may import beside the standard library and itself; "a.b" also allows "a.b.c".
ROOMS = {
    "spaces": set(),
    "trainables": {
        "spectune.spaces",
        "defusedxml",
        "gemmi",
        "numpy",
        "onnx",
        "onnxruntime",
        "onnxscript",
        "openpyxl",
        "pandas",
        "pyarrow",
        "pybaselines",
        "safetensors",
        "scipy",
        "sklearn",
        "torch",
    },
    "search": {
        "spectune.spaces",
        "spectune.trainables",
        "mlflow",
        "numpy",
        "onnx",
        "optuna",
        "ray",
        "rich",
        "safetensors",
        "scipy",
        "sklearn",
        "torch",
    },
    "dashboards": {"spectune.search.records", "numpy", "optuna", "pandas", "plotly"},
}
# Big libraries that one folder each knows, so that they can be replaced.
EXPERTS = {
    "gemmi": "trainables/data/crystals",
    "ray": "search/workers",
    "optuna": "search/strategy",
    "mlflow": "search/tracking",
}


def within(name: str, allowed: set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)


def test_every_room_imports_only_what_the_design_lets_it(imports: dict[str, list[str]]) -> None:
    wrong = []
    for path, names in imports.items():
        room = path.split("/", maxsplit=1)[0]
        allowed = ROOMS[room] | {f"spectune.{room}"} | sys.stdlib_module_names
        wrong += [f"{path} imports {name}" for name in names if not within(name, allowed)]
    assert not wrong


@pytest.mark.parametrize("library", EXPERTS)
def test_only_its_experts_know_the_library(imports: dict[str, list[str]], library: str) -> None:
    """Dashboards may read what Optuna says of importances."""
    knowing = {path for path, names in imports.items() if any(within(name, {library}) for name in names)}
    assert knowing, "the check itself works"
    assert {path for path in knowing if not path.startswith(("dashboards/", EXPERTS[library] + "/"))} == set()


def test_nothing_is_imported_behind_the_back_of_these_tests(source: dict[str, ast.Module]) -> None:
    """No import by a computed name."""
    hidden = [
        f"{path}:{node.lineno}"
        for path, tree in source.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")
    ]
    assert not hidden


def test_imports_are_absolute_and_name_what_they_take(imports: dict[str, list[str]]) -> None:
    every = [(path, name) for path, names in imports.items() for name in names]
    assert not [pair for pair in every if pair[1].startswith(".") or pair[1].endswith(".*")]


def test_a_dashboard_starts_without_the_search_and_its_heavy_libraries(checkout: Path) -> None:
    """What it imports must not bring torch or ray in either."""
    pages = [path.stem for path in (checkout / "dashboards").glob("*.py") if path.stem != "__init__"]
    assert pages
    heavy = ("torch", "ray", "spectune.trainables", "spectune.search.workers", "spectune.search.strategy")
    code = (
        f"import sys, {', '.join(f'spectune.dashboards.{page}' for page in pages)}\n"
        f"print(*[name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
