"""Which structures are trained on, validated with and tested on. S structures, n of them in classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectune.trainables.data.cross import stratify
from spectune.trainables.data.dataset import SPLITS

Words = NDArray[np.str_]
Numbers = NDArray[np.int64]


def given(names: Words) -> Numbers | None:
    """The split (S,) of each structure, as its number in ``SPLITS``, where all lie in folders that are called so.

    None where some do not, or where none is to train on or none to test on.
    """
    folders = [str(name).partition("/")[0] for name in names]
    if not {"train", "test"} <= set(folders) <= set(SPLITS):
        return None
    return np.array([SPLITS.index(folder) for folder in folders])


def divide(
    splits: Numbers | None, labels: Numbers, first: Numbers, *, held: float, seed: int
) -> tuple[dict[str, Numbers], int]:
    """Which of the structures (n,), by place, each split shows, and how many are left out of all.

    ``labels`` (n,) are their classes; ``first`` (n,) is the same for those that cannot be told apart, which stay on one
    side. Where ``splits`` (n,) are given, they hold: a structure of training or validation that cannot be told apart
    from one of a later split is left out. Otherwise, and where none is given to validate with, ``held`` is the share
    that is drawn for each.
    """
    if splits is None:
        return _places(stratify(labels, first, [1 - 2 * held, held, held], seed)), 0
    parts = splits.copy()
    for split in (1, 0):
        parts[(parts == split) & np.isin(first, first[parts > split])] = len(SPLITS)
    if not (splits == 1).any():
        free = np.flatnonzero(parts == 0)
        parts[free] = stratify(labels[free], first[free], [1 - held, held], seed)
    return _places(parts), int((parts == len(SPLITS)).sum())


def _places(parts: Numbers) -> dict[str, Numbers]:
    return {name: np.flatnonzero(parts == part) for part, name in enumerate(SPLITS)}
