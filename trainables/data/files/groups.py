"""What must not be torn apart by a split: the spectra of a patient or a sample, and duplicates. N spectra, G groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS
from spectune.trainables.data.files.duplicates import linked
from spectune.trainables.data.files.roles import origin
from spectune.trainables.data.files.table import Table

SHOWN = 3  # names of groups in a message


@dataclass(frozen=True)
class Groups:
    """The group of each spectrum as a number (N,), the names by number (G,), and what named them."""

    numbers: NDArray[np.int64]
    names: list[str]
    by: str

    def few(self, numbers: Iterable[int]) -> str:
        """The names of ``numbers``, as many as a message bears."""
        names = [self.names[number] for number in numbers]
        return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

    def said(self, splits: NDArray[np.int64]) -> str:
        """How many groups there are, and how many of them in each split (N,)."""
        counts = [f"{len(np.unique(self.numbers[splits == n]))} {name}" for n, name in enumerate(SPLITS)]
        return f"{len(self.names)} groups by {self.by}: {', '.join(counts)}"


def gather(path: Path, table: Table, copies: NDArray[np.int64] | None) -> Groups | None:
    """The groups of ``table``, joined where ``copies`` (N,) has the same number for two spectra; None without both."""
    if table.groups is not None and "" in table.groups:
        row = table.rows[table.groups.index("")]
        raise InputError(f"{path}, {row}: every spectrum must have a group, got none: fill it or remove the spectrum")
    by = [name for name, some in ((table.grouped, table.groups), ("duplicates", copies)) if some is not None]
    if not by:
        return None
    words = table.rows if table.groups is None else table.groups
    first: dict[str, int] = {}
    links = [[row, first.setdefault(word, row)] for row, word in enumerate(words)]
    if copies is not None:
        links += np.column_stack([np.arange(len(copies)), copies]).tolist()
    rows, numbers = np.unique(linked(len(words), np.array(links)), return_inverse=True)
    return Groups(numbers.astype(np.int64), [words[row] for row in rows], " and ".join(by))


def hint(path: Path, table: Table) -> str:
    """What to type where something that could name groups repeats and was ignored; "" where nothing does.

    Named like what a spectrum comes from it repeats at all; otherwise it has more words than there are classes, 5 at
    least, and in every class on average two spectra or more for each.
    """
    labels = table.labels or []
    for name, column in sorted(table.others.items(), key=lambda item: not origin(item[0])):
        count, pairs = len(set(column)), len(set(zip(column, labels, strict=True)))
        named = origin(name) and 1 < count < len(column)
        if named or (count > max(4, len(set(labels))) and 2 * pairs <= len(column)):
            return (
                f"{path}: {name!r} repeats and was ignored ({count} different over {len(column)} spectra, such as "
                f"{column[0]}): where spectra that share it belong together, the test is blind only with --data "
                f"group={name}"
            )
    return ""
