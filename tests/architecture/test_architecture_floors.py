"""Rooms and floors: no circle, no arrow up, and what is behind a room's face stays in it."""

from __future__ import annotations

import ast
import re

import pytest

from .house import arrows, circles, faces, floors, name_of, rooms

# Folder -> the floors of its rooms, from the ground up: a room may import what stands below it, never beside it.
FLOORS = {
    "spectune.search": [
        {"process", "records"},
        {"strategy", "tracking", "workers"},
        {"ablation", "diagnosis", "planning"},
        {"session"},
        {"cli"},
        {"run"},
    ],
    "spectune.dashboards": [{"style"}, {"tables"}, {"figures"}, {"sections"}, {"classes", "diagnosis", "report"}],
}
MOST_ROOMS = {"spectune.search": 12, "spectune.dashboards": 12, "spectune.trainables.data": 12}
MOST_FLOORS = {"spectune.search": 6}  # of the others 7


def test_no_module_imports_itself_round_about(source: dict[str, ast.Module]) -> None:
    graph: dict[str, set[str]] = {name_of(path): set() for path in source}
    for importing, imported in arrows(source):
        graph[importing].add(imported)
    assert circles(graph) == []


def test_no_room_imports_itself_round_about(source: dict[str, ast.Module], packages: dict[str, str]) -> None:
    assert {folder: found for folder in packages if (found := circles(rooms(folder, source)))} == {}


@pytest.mark.parametrize("folder", FLOORS)
def test_every_arrow_leads_down(source: dict[str, ast.Module], folder: str) -> None:
    graph = rooms(folder, source)
    on = {room: number for number, floor in enumerate(FLOORS[folder]) for room in floor}
    assert on.keys() == graph.keys()
    assert [f"{room} -> {other}" for room in graph for other in graph[room] if on[other] >= on[room]] == []


def test_folders_have_few_rooms_on_few_floors(source: dict[str, ast.Module], packages: dict[str, str]) -> None:
    assert [folder for folder, most in MOST_ROOMS.items() if len(rooms(folder, source)) > most] == []
    high = {folder: max(floors(rooms(folder, source)).values(), default=0) for folder in packages}
    assert {folder: number for folder, number in high.items() if number > MOST_FLOORS.get(folder, 7)} == {}


def test_what_is_behind_a_face_is_private(source: dict[str, ast.Module]) -> None:
    """From another room only what a folder's ``__all__`` names: a name that it hands on, or a module of its own."""
    known, wrong = faces(source), []
    for path, tree in source.items():
        here = name_of(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spectune."):
                for alias in node.names:
                    wrong += [f"{path} takes {one}" for one in _private(here, f"{node.module}.{alias.name}", known)]
    assert wrong == []


def _private(here: str, name: str, known: dict[str, set[str]]) -> list[str]:
    """Each step into a folder that the importing module is not in must be one that its face names."""
    parts = name.split(".")
    folders = [".".join(parts[:depth]) for depth in range(2, len(parts))]
    return [
        f"{part} of {folder}"
        for folder, part in zip(folders, parts[2:], strict=True)
        if folder in known and not f"{here}.".startswith(f"{folder}.") and part not in known[folder]
    ]


def test_no_program_in_a_string_hides_an_import(source: dict[str, ast.Module]) -> None:
    hidden = {
        path
        for path, tree in source.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.search(r"^\s*(import spectune|from spectune\S* import)", node.value, re.MULTILINE)
    }
    assert hidden == {"trainables/card.py"}  # which shows people how to load an export
