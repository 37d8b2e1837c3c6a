"""The structure of the code, measured: who imports whom, on which floor a room stands, how long functions are.

A room is a module or a folder, seen from the folder it lies in. A room stands one floor above the highest room that it
imports; imports inside functions count. ``python tests/architecture/house.py`` (``make counts``) prints the counts.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
TOP = ("spaces", "trainables", "search", "dashboards")


def packages(checkout: Path = CHECKOUT) -> dict[str, str]:
    """Import name of each package, such as spectune.trainables.data, and its folder."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))
    return dict(project["tool"]["setuptools"]["package-dir"])


def sources(checkout: Path = CHECKOUT) -> dict[str, ast.Module]:
    """Every module of the product: its path in the checkout and its syntax tree."""
    paths = [path for folder in packages(checkout).values() for path in sorted((checkout / folder).glob("*.py"))]
    return {str(path.relative_to(checkout)): ast.parse(path.read_text("utf-8")) for path in paths}


def name_of(path: str) -> str:
    """``search/records/study.py`` as ``spectune.search.records.study``; a folder's ``__init__`` as the folder."""
    return "spectune." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported, anywhere; ``from a import b`` gives a.b, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def arrows(trees: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """(importing module, imported module), both of the product, by full name.

    A name that a folder's ``__init__`` hands on is an import of that ``__init__``.
    """
    modules = {name_of(path) for path in trees}
    found = set()
    for path, tree in trees.items():
        for name in imported(tree):
            target = name if name in modules else name.rpartition(".")[0]
            if target in modules and target != name_of(path):
                found.add((name_of(path), target))
    return found


def faces(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Folder -> the names in its ``__all__``."""
    found: dict[str, set[str]] = {}
    for path, tree in trees.items():
        if path.endswith("/__init__.py"):
            found[name_of(path)] = set()
            for node in tree.body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    found[name_of(path)] = set(ast.literal_eval(node.value))
    return found


def rooms(folder: str, trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Room of a folder -> the rooms of the same folder that it imports."""
    prefix = folder + "."
    names = {name_of(path) for path in trees}
    found: dict[str, set[str]] = {
        name.removeprefix(prefix).split(".")[0]: set() for name in names if name.startswith(prefix)
    }
    for source, target in arrows(trees):
        if source.startswith(prefix) and target.startswith(prefix):
            here, there = (name.removeprefix(prefix).split(".")[0] for name in (source, target))
            if here != there:
                found[here].add(there)
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of two or more that import each other round about."""
    reach = {node: _reached(graph, node) for node in graph}
    groups = {
        tuple(sorted(other for other in graph if other in reach[node] and node in reach[other])) for node in graph
    }
    return [list(group) for group in sorted(groups) if len(group) > 1]


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    seen, left = set[str](), [start]
    while left:
        for other in graph.get(left.pop(), ()):
            if other not in seen:
                seen.add(other)
                left.append(other)
    return seen


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """Room -> its floor, from 1; of a graph without circles."""
    found: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in found:
            found[room] = 1 + max((floor(other) for other in graph[room]), default=0)
        return found[room]

    for room in graph:
        floor(room)
    return found


def functions(trees: dict[str, ast.Module]) -> list[tuple[int, str]]:
    """(lines, place) of every function, shortest first."""
    return sorted(
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def files(trees: dict[str, ast.Module], checkout: Path = CHECKOUT) -> list[tuple[int, str]]:
    """(lines, path) of every module, shortest first."""
    return sorted((len((checkout / path).read_text("utf-8").splitlines()), path) for path in trees)


def held_by_name(trees: dict[str, ast.Module], checkout: Path = CHECKOUT) -> tuple[set[str], set[str]]:
    """Modules that have a test file of their name, and those that have none."""
    there = {path.stem for path in (checkout / "tests").rglob("test_*.py")}
    modules = {path for path in trees if not path.endswith("__init__.py")}
    named = {path for path in modules if "test_" + path.removesuffix(".py").replace("/", "_") in there}
    return named, modules - named


def p90(lengths: list[tuple[int, str]]) -> int:
    return lengths[len(lengths) * 9 // 10][0]


def main() -> None:
    trees = sources()
    graph: dict[str, set[str]] = {name_of(path): set() for path in trees}
    for source, target in arrows(trees):
        graph[source].add(target)
    print(f"{len(trees)} modules, {len(circles(graph))} import circles")
    for folder in packages():
        inside = rooms(folder, trees)
        if circles(inside):
            print(f"{folder}: circles {circles(inside)}")
        elif inside:
            print(f"{folder}: {len(inside)} rooms on {max(floors(inside).values())} floors")
    named, others = held_by_name(trees)
    print(f"{len(named)} of {len(named) + len(others)} modules have a test file of their name")
    for what, lengths in (("functions", functions(trees)), ("files", files(trees))):
        print(f"{what}: 90 % have at most {p90(lengths)} lines, the longest {lengths[-1][0]} ({lengths[-1][1]})")


if __name__ == "__main__":
    main()
