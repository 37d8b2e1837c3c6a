"""Which known spectrum an unknown one is most like, by the angle between embeddings: new classes need no training.

N spectra, R references, C classes, d features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 23  # cosines that are in memory at a time


def rank(
    queries: NDArray[np.floating[Any]], references: NDArray[np.floating[Any]], names: Sequence[str], *, most: int = 5
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """(classes, order (N, K), similarity (N, K)) of unit vectors (N, d) to references (R, d), K being at most ``most``.

    ``names`` are the references' classes; ``order`` has for each query the numbers of the nearest classes, the nearest
    first, and ``similarity`` theirs: that of a class's nearest reference (cosine, 1 at most).
    """
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    owners = np.array([numbers[name] for name in names])
    together = np.argsort(owners, kind="stable")  # references of a class beside each other
    starts = np.searchsorted(owners[together], np.arange(len(numbers)))
    columns = references[together].T
    order, similarity = [], []
    for part in np.array_split(queries, max(1, len(queries) * len(names) // BLOCK)):
        nearest = np.maximum.reduceat(part @ columns, starts, axis=1)
        best = np.argsort(-nearest, axis=1, kind="stable")[:, :most]
        order.append(best)
        similarity.append(np.take_along_axis(nearest, best, axis=1))
    return list(numbers), np.concatenate(order), np.concatenate(similarity)


def top(order: NDArray[np.int64], classes: Sequence[str], labels: Sequence[str], most: int) -> float:
    """Share of the queries whose true class is among the ``most`` nearest; of those whose class has a reference."""
    numbers = {name: number for number, name in enumerate(classes)}
    hits = [numbers[label] in order[row, :most] for row, label in enumerate(labels) if label in numbers]
    return float(np.mean(hits)) if hits else float("nan")
