"""Documents: links lead somewhere, lines are short, commands that the README names exist, indexes are whole."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectune.search.cli.flags import tables
from spectune.search.cli.main import _parser

from .test_architecture_floors import FLOORS

WIDTH = 100
WRITTEN = (  # by programs, as the records behind them were
    *(f"benchmarks/results/beat/{card}" for card in ("card.md", "any/card.md")),
    *(f"benchmarks/results/paper-{table}.md" for table in ("fig2-reduced", "fig7", "fig7-reduced", "table2-reduced")),
    *(f"benchmarks/results/{table}.md" for table in ("networks", "search_quality", "search_quality_two_datasets")),
)
CHECKOUT = Path(__file__).parents[2]
ALONE = (
    "search",
    "plan",
    "train",
    "ablate",
    "diagnose",
    "predict",
    "identify",
    "export",
    "report",
    "track",
    "data show",
    "data export",
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _documents() -> list[str]:
    """Every Markdown file of the checkout, without what is made there and folders of tools."""
    paths = [path.relative_to(CHECKOUT) for path in CHECKOUT.rglob("*.md")]
    return sorted(
        str(path)
        for path in paths
        if not any(part.startswith(".") or part in ("studies", "shared", "build") for part in path.parts)
    )


def _prose(text: str) -> list[str]:
    """The lines outside code fences."""
    lines, fenced = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            lines.append(line)
    return lines


def _anchors(path: Path) -> set[str]:
    """What ``#...`` may name: each heading as GitHub spells it."""
    headings = [line.lstrip("#").strip() for line in _prose(path.read_text("utf-8")) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", _documents())
def test_links_and_pictures_lead_somewhere(document: str) -> None:
    here, wrong = CHECKOUT / document, []
    for link in LINK.findall("\n".join(_prose(here.read_text("utf-8")))):
        if re.match(r"(https?|mailto):", link):
            continue
        target, _, anchor = link.partition("#")
        there = here.parent / target if target else here
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("document", [document for document in _documents() if document not in WRITTEN])
def test_lines_are_short(document: str) -> None:
    """Tables have long lines, and so has a link that is longer than a line."""
    lines = (CHECKOUT / document).read_text("utf-8").splitlines()
    long = [line for line in lines if len(line) > WIDTH and not line.startswith("|") and " " in line.strip()]
    assert long == []


def test_readme_is_short(checkout: Path) -> None:
    assert len((checkout / "README.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("document", ["README.md", "docs/start.md", "docs/recipes.md", "docs/commands.md"])
def test_commands_can_be_typed(checkout: Path, document: str) -> None:
    """The real parser takes them, and the names of commands alone; nothing is run."""
    commands = list(_commands((checkout / document).read_text("utf-8")))
    assert commands
    for command in commands:
        words = shlex.split(command, comments=True)[1:]
        try:
            _parser().parse_args([*words, "--help"] if " ".join(words) in ALONE else words)
        except SystemExit as end:
            assert end.code == 0, f"{document}: {command}"


def _commands(text: str) -> Iterator[str]:
    """Lines of fences, and inline code, that begin with ``spectune``."""
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"(\$ )?spectune ", line.strip()):
                yield line.strip().removeprefix("$ ")
    yield from re.findall(r"`(spectune [^`]+)`", "\n".join(_prose(text)))


def test_every_command_is_documented(checkout: Path) -> None:
    verbs = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
    for document in ("README.md", "docs/commands.md"):
        text = (checkout / document).read_text("utf-8")
        assert [verb for verb in verbs if not re.search(rf"\bspectune {verb}\b", text)] == [], document


def test_the_options_are_those_of_the_command_line(checkout: Path) -> None:
    text = (checkout / "docs/commands.md").read_text("utf-8")
    written = re.search(r"<!-- options.*? -->\n(.*)<!-- end of options -->", text, re.DOTALL)
    assert written
    assert written[1].strip() == tables().strip()


def test_the_index_lists_every_decision_once(checkout: Path) -> None:
    folder = checkout / "docs/decisions"
    state = r"(?:holds|(?:holds, changed|superseded) by \[.*?\]\(.*?\))"
    rows = re.findall(
        rf"^\| (\d{{4}}-\d\d-\d\d) \| \[(.*?)\]\(([\w-]+\.md)#.*?\) \| {state} \|$",
        (folder / "README.md").read_text("utf-8"),
        re.MULTILINE,
    )
    entries = [
        (date, title, path.name)
        for path in folder.glob("*.md")
        if path.name != "README.md"
        for date, title in re.findall(r"^## (\d{4}-\d\d-\d\d) (.*)$", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(rows) == sorted(entries)


def test_the_page_of_the_architecture_has_the_floors_that_tests_hold(checkout: Path) -> None:
    """One line per floor, the highest first, as ``4  cli``."""
    text = (checkout / "docs/architecture.md").read_text("utf-8")
    for folder, floors in FLOORS.items():
        block = re.search(rf"```\n{re.escape(folder)}\n(.*?)```", text, re.DOTALL)
        assert block, folder
        written = {
            int(number): set(rooms.split(", ")) for number, rooms in re.findall(r"^(\d)  (.*)$", block[1], re.MULTILINE)
        }
        assert written == dict(enumerate(floors, 1)), folder
