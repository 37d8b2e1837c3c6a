"""A space as a table: what ``--print-space`` prints."""

from __future__ import annotations

from typing import NamedTuple

from spectune.spaces.config import Config, hyperparameters, size

HEADINGS = ("name", "domain", "default", "exists where", "what it is")


class Row(NamedTuple):
    """One hyperparameter in words."""

    name: str
    domain: str
    default: str
    condition: str  # empty: always there
    help: str


def rows(space: type[Config]) -> list[Row]:
    """One row for every hyperparameter in the order of declaration; one that no search varies is said to be fixed."""
    return [
        Row(
            hp.name,
            f"{hp.domain}{'' if hp.search else ' (fixed)'}",
            str(hp.default),
            "" if hp.when is None else str(hp.when),
            f"{hp.help}; one value, or {hp.per_layer} values" if hp.per_layer else hp.help,
        )
        for hp in hyperparameters(space)
    ]


def space_table(space: type[Config]) -> str:
    """The size of the space in one line, then its rows as aligned columns."""
    combinations, continuous = size(space)
    lines = [HEADINGS, *rows(space)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    count = f"{combinations:,}" if combinations < 1e9 else f"{combinations:.1e}"
    return "\n".join(
        [f"{space.family}: {count} combinations of discrete values and {continuous} continuous hyperparameters", *table]
    )
