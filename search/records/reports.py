"""What a training reported, epoch by epoch."""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

LACKING = math.nan


class Reports:
    """Rows of (epoch, metrics), epochs ascending, in columns of numbers: a hundred epochs of eight metrics take 8 kB
    where dictionaries take 100.

    A metric that a report lacks, or that is no number (null in the journal), is None in its row.
    """

    __slots__ = ("_columns", "epochs")

    def __init__(self, rows: Iterable[tuple[int, dict[str, Any]]] = ()) -> None:
        self.epochs = array("q")
        self._columns: dict[str, array[float]] = {}
        for epoch, metrics in rows:
            self.add(epoch, metrics)

    def add(self, epoch: int, metrics: dict[str, Any]) -> None:
        """Append a report. It takes the place of those from its epoch on: the training went on from a checkpoint.

        TypeError and OverflowError where something is no number, or none that there is room for.
        """
        self.cut(epoch - 1)
        for name in metrics:
            if name not in self._columns:
                self._columns[sys.intern(name)] = array("d", [LACKING]) * len(self.epochs)
        for name, column in self._columns.items():
            value = metrics.get(name)
            column.append(LACKING if value is None else value)
        self.epochs.append(epoch)

    def cut(self, last: int) -> None:
        """Leave out all that is behind an epoch."""
        keep = bisect_right(self.epochs, last)
        del self.epochs[keep:]
        for column in self._columns.values():
            del column[keep:]

    def lowest(self, metric: str, upto: float = math.inf) -> dict[str, Any]:
        """The metrics of the first epoch with the lowest value of one of them; empty before there is a value."""
        column = self._columns.get(metric, ())
        known = [row for row in range(bisect_right(self.epochs, upto)) if not math.isnan(column[row])] if column else []
        return self._row(min(known, key=column.__getitem__)) if known else {}

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        return ((epoch, self._row(row)) for row, epoch in enumerate(self.epochs))

    def __getitem__(self, row: int) -> tuple[int, dict[str, Any]]:
        return self.epochs[row], self._row(row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Iterable) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Reports({list(self)})"

    def _row(self, row: int) -> dict[str, Any]:
        return {name: None if math.isnan(column[row]) else column[row] for name, column in self._columns.items()}
