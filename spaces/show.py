"""A space as a table: what ``--print-space`` prints."""

from __future__ import annotations

from typing import NamedTuple

from spectune.spaces.config import Config, Hyperparameter, hyperparameters, size
from spectune.spaces.space import Space

HEADINGS = ("name", "domain", "default", "exists where", "what it is")


class Row(NamedTuple):
    """One hyperparameter in words."""

    name: str
    domain: str
    default: str
    condition: str  # empty: always there
    help: str


def rows(space: Space | type[Config]) -> list[Row]:
    """One row for every hyperparameter in the order of declaration; one that no search varies is said to be fixed."""
    if isinstance(space, Space):
        return [_row(name, hp, space.condition(family, hp)) for name, family, hp in space.hyperparameters()]
    return [_row(hp.name, hp, "" if hp.when is None else str(hp.when)) for hp in hyperparameters(space)]


def _row(name: str, hp: Hyperparameter, condition: str) -> Row:
    domain = f"{hp.domain}{'' if hp.search else ' (fixed)'}"
    words = f"{hp.help}; one value, or {hp.per_layer} values" if hp.per_layer else hp.help
    return Row(name, domain, str(hp.default), condition, words)


def space_table(space: Space | type[Config]) -> str:
    """The size of the space in one line, then its rows as aligned columns."""
    name = space.name if isinstance(space, Space) else space.family
    combinations, continuous = space.size() if isinstance(space, Space) else size(space)
    lines = [HEADINGS, *rows(space)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    count = f"{combinations:,}" if combinations < 1e9 else f"{combinations:.1e}"
    head = f"{name}: {count} combinations of discrete values and {continuous} continuous hyperparameters"
    return "\n".join([head, *table])
