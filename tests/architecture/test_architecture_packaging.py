"""The folders are the package, their names collide with nothing, and the tests mirror them."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOMS = ("spaces", "trainables", "search", "dashboards")
NAMES_ELSEWHERE = {"sklearn": "scikit-learn"}  # import name: name of the distribution


def folders(checkout: Path) -> set[str]:
    """Every folder of the product that holds Python."""
    files = [path for room in ROOMS for path in (checkout / room).rglob("*.py")]
    return {str(path.parent.relative_to(checkout)) for path in files}


def test_the_package_list_is_what_is_on_disk(checkout: Path, project: dict[str, Any], packages: dict[str, str]) -> None:
    named = {folder.replace("/", "."): folder for folder in folders(checkout)}
    assert packages == {f"spectune.{name}": folder for name, folder in named.items()}
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(packages)
    assert all((checkout / folder / "__init__.py").is_file() for folder in packages.values())


def test_what_is_no_python_is_named_or_an_installed_copy_lacks_it(checkout: Path, project: dict[str, Any]) -> None:
    named = project["tool"]["setuptools"]["package-data"]
    given = {
        f"{name.removeprefix('spectune.').replace('.', '/')}/{file}" for name, some in named.items() for file in some
    }
    files = [path for room in ROOMS for path in (checkout / room).rglob("*") if path.is_file()]
    others = [path for path in files if path.suffix != ".py" and "__pycache__" not in path.parts]
    assert given == {str(path.relative_to(checkout)) for path in others}


def test_the_type_checker_sees_every_room(project: dict[str, Any]) -> None:
    assert sorted(project["tool"]["mypy"]["packages"]) == sorted(f"spectune.{room}" for room in ROOMS)


def test_no_module_of_search_is_named_like_another(checkout: Path) -> None:
    """``python search/run.py`` puts search/ first on the path of the driver and of every worker."""
    others = set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions()) - {"spectune"}
    assert {"optuna", "queue", "select", "pytest"} <= others  # the check itself works
    ours = {path.stem for path in (checkout / "search").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not others & ours - {"__init__"}


def test_modules_are_named_by_one_word(checkout: Path) -> None:
    vague = {"util", "utils", "helper", "helpers", "common", "manager", "base", "misc", "core"}
    names = {path.stem for folder in folders(checkout) for path in (checkout / folder).glob("*.py")} - {"__init__"}
    assert not [name for name in names if not re.fullmatch("[a-z]+[0-9]*", name) or name in vague]


def test_the_tests_mirror_the_folders(checkout: Path) -> None:
    """tests/search/records/ holds test_search_records_*.py."""
    tests = checkout / "tests"
    for path in tests.rglob("test_*.py"):
        folder = str(path.parent.relative_to(tests)).replace("/", "_")
        assert path.name.startswith(f"test_{folder}_"), path
    tested = {str(path.parent.relative_to(tests)) for path in tests.rglob("test_*.py")}
    assert {
        folder for folder in folders(checkout) if not any(f"{one}/".startswith(f"{folder}/") for one in tested)
    } == set()


def test_every_import_is_a_declared_dependency(imports: dict[str, list[str]], project: dict[str, Any]) -> None:
    declared = {canonicalize_name(Requirement(entry).name) for entry in project["project"]["dependencies"]}
    taken = {name.split(".")[0] for names in imports.values() for name in names} - set(sys.stdlib_module_names)
    assert {NAMES_ELSEWHERE.get(name, name) for name in taken - {"spectune"}} <= declared


def test_pins_cover_the_declared_dependencies_within_their_ranges(checkout: Path, project: dict[str, Any]) -> None:
    lines = [line for line in (checkout / "constraints.txt").read_text("utf-8").splitlines() if line[:1] not in "#"]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines if line), "name==version, nothing else"
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines if line)}
    extras = [entry for group in project["project"]["optional-dependencies"].values() for entry in group]
    for entry in [*project["project"]["dependencies"], *extras]:
        wanted = Requirement(entry)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), entry
