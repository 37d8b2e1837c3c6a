"""Which spectra are trained on, validated with and tested on, with the same shares of every class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import SPLITS
from spectune.trainables.data.files.table import Table


def divide(
    path: Path, table: Table, labels: NDArray[np.int64], *, shares: dict[str, float], seed: int
) -> NDArray[np.int64]:
    """The split of each spectrum, as its number in ``SPLITS``. Those that the file brings stay; ``shares`` are those of
    validation and test where it brings none. ValueError where a class or a label would have no training spectra.
    """
    return (_splits if labels.ndim == 1 else _multilabel_splits)(path, table, labels, shares=shares, seed=seed)


def _splits(
    path: Path, table: Table, labels: NDArray[np.int64], *, shares: dict[str, float], seed: int
) -> NDArray[np.int64]:
    """By class, each with the same shares."""
    splits = np.array([SPLITS.index(word) for word in table.splits or ["train"] * len(labels)])
    random = np.random.default_rng(seed)
    absent = [name for name in shares if not (splits == SPLITS.index(name)).any()]
    for label in range(labels.max() + 1):
        rows = random.permutation(np.flatnonzero((labels == label) & (splits == 0)))
        least = 1 + len(absent)
        if len(rows) < least:
            name = (table.labels or [])[int(np.flatnonzero(labels == label)[0])]
            raise InputError(
                f"{path}: class {name!r} must have {least} or more training spectra, got {len(rows)}: move some to "
                f"train, or leave the splits away"
            )
        start = 0
        for name in absent:
            least -= 1
            count = min(max(1, round(shares[name] * len(rows))), len(rows) - start - least)
            splits[rows[start : start + count]] = SPLITS.index(name)
            start += count
    return splits


def _multilabel_splits(
    path: Path, table: Table, labels: NDArray[np.int64], *, shares: dict[str, float], seed: int
) -> NDArray[np.int64]:
    """For labels (N, C): iterative stratification (Sechidis et al. 2011), the rarest label first."""
    splits = np.array([SPLITS.index(word) for word in table.splits or ["train"] * len(labels)])
    random = np.random.default_rng(seed)
    absent = [SPLITS.index(name) for name in shares if not (splits == SPLITS.index(name)).any()]
    free = splits == 0
    counts = np.append(labels[free].sum(axis=0), free.sum())  # of every label, and of all spectra
    wanted = np.zeros((len(SPLITS), len(counts)))
    for split in absent:
        wanted[split] = np.maximum(1, np.round(shares[SPLITS[split]] * counts))
    wanted[0] = counts - wanted.sum(axis=0)
    while free.any():
        left = labels[free].sum(axis=0)
        label = int(np.where(left > 0, left, len(labels) + 1).argmin()) if left.any() else labels.shape[1]
        rows = np.flatnonzero(free & (labels[:, label] > 0) if left.any() else free)
        for row in random.permutation(rows):
            split = max((0, *absent), key=lambda number: (wanted[number, label], wanted[number, -1]))
            splits[row] = split
            wanted[split, :-1] -= labels[row]
            wanted[split, -1] -= 1
        free[rows] = False
    lost = labels[splits == 0].sum(axis=0) == 0
    if lost.any():
        raise InputError(
            f"{path}: every label must have training spectra, number {lost.argmax()} has none: move some to train, or "
            "leave the splits away"
        )
    return splits
