"""Which known spectrum an unknown one is most like, by the angle between embeddings: new classes need no training.

N spectra, R references, d features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def rank(
    queries: NDArray[np.float64], references: NDArray[np.float64], names: Sequence[str]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """(classes, order (N, classes), similarity (N, classes)) of unit vectors (N, d) to references (R, d).

    ``names`` are the references' classes, a class's similarity is that of its nearest reference (cosine, 1 at most);
    ``order`` has for each query the classes' numbers, the nearest first.
    """
    classes = list(dict.fromkeys(names))
    numbers = np.array([classes.index(name) for name in names])
    cosines = queries @ references.T
    similarity = np.stack([cosines[:, numbers == number].max(axis=1) for number in range(len(classes))], axis=1)
    return classes, np.argsort(-similarity, axis=1, kind="stable"), similarity


def top(order: NDArray[np.int64], classes: Sequence[str], labels: Sequence[str], most: int) -> float:
    """Share of the queries whose true class is among the ``most`` nearest; of those whose class has a reference."""
    known = [row for row, label in enumerate(labels) if label in classes]
    if not known:
        return float("nan")
    hits = [classes.index(labels[row]) in order[row, :most] for row in known]
    return float(np.mean(hits))
