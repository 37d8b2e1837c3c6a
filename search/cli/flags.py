"""The options of ``search/records/options.py`` as words of the command line, and as tables of docs/commands.md."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

from spectune.search.records import Budget, Goal, Group, Machine, Option, Place, options_of

GROUPS: dict[str, type[Group]] = {
    "what is asked": Goal,
    "the budget": Budget,
    "the machine": Machine,
    "where it is kept": Place,
}
RESUME = "go on with the study of that name, or start it; extends a finished one"


def add_options(parser: argparse.ArgumentParser, command: str) -> None:
    """Give a command its options; what is not typed is not in the result."""
    for title, group in GROUPS.items():
        arguments = parser.add_argument_group(title)
        for one in options_of(group):
            if command in one.on:
                add(arguments, one, command)
    if command != "plan":
        parser.add_argument("--resume", action="store_true", help=RESUME)


def add(parser: Any, one: Option, command: str) -> None:
    """One option, as a command has it."""
    words: dict[str, Any] = {"dest": one.name, "default": argparse.SUPPRESS, "help": explained(one, command)}
    if one.kind is bool:
        parser.add_argument(f"--{one.flag}", action="store_true", **words)
        return
    if one.repeated:
        words["action"] = "append"
    parser.add_argument(f"--{one.flag}", type=typed(one.kind), metavar=one.metavar, **words)


def studies(parser: argparse.ArgumentParser) -> None:
    """Where a command looks for a study."""
    (one,) = (one for one in options_of(Place) if one.name == "studies")
    parser.add_argument(f"--{one.flag}", default=one.default, metavar=one.metavar, help=explained(one, "search"))


def explained(one: Option, command: str) -> str:
    """The help of an option with its default."""
    text, default = one.on[command], one.default_for(command)
    if "(default" in text or default is False or default in (None, "", (), {}, MISSING):
        return text
    return f"{text} (default {', '.join(default) if isinstance(default, tuple) else _number(default)})"


def typed(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """``kind`` for argparse, which keeps to itself what a ValueError says."""
    if kind in (int, float, str):
        return kind

    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def tables() -> str:
    """Every option with its default and the commands that have it, as Markdown."""
    lines = []
    for title, group in GROUPS.items():
        lines += [f"### {title.capitalize()}", "", "| option | what it is | commands |", "| --- | --- | --- |"]
        for one in options_of(group):
            for text, commands in _by_help(one).items():
                metavar = f" {one.metavar}" if one.metavar else ""
                note = "; kept by a study" if one.kept else ""
                lines.append(f"| `--{one.flag}{metavar}` | {text}{note} | {', '.join(commands)} |")
        lines.append("")
    return "\n".join(lines)


def _by_help(one: Option) -> dict[str, list[str]]:
    """Help -> the commands that have it."""
    commands: dict[str, list[str]] = {}
    for command in one.on:
        commands.setdefault(explained(one, command).replace("|", "\\|"), []).append(command)
    return commands


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
