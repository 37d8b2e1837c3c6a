"""How a score hangs on single spectra, from the same answers: what its interval is made of. N spectra, J blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.metrics import METRICS
from spectune.trainables.metrics import Answers

BLOCKS = 100  # of spectra at most; a score is taken without each of them


@dataclass(frozen=True, kw_only=True)
class Pseudo:
    """``values`` (J,) of a score, their mean the score itself, and the ``units`` that it rests on."""

    values: NDArray[np.float64]
    units: float


def blocks(spectra: int, groups: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """(N,) the block of each spectrum. Spectra of a group are in one; where there are few, each group has its own."""
    _, units = np.unique(np.arange(spectra) if groups is None else groups, return_inverse=True)
    count = int(units.max()) + 1
    if count > BLOCKS:
        units = (np.random.default_rng(0).permutation(count) % BLOCKS)[units]
    return units.astype(np.int64)


def pseudo(answers: Answers, names: Sequence[str], groups: NDArray[np.int64] | None) -> dict[str, Pseudo]:
    """The pseudo-values of scores (Tukey 1958), those of blocks of unequal size by their size (Busing et al. 1999,
    Statistics and Computing 9, 3). Of a mean over spectra they are the means of the blocks, about the mean of all."""
    block = blocks(len(answers), groups)
    sizes = np.bincount(block)
    others = [answers.only(np.flatnonzero(block != one)) for one in range(len(sizes))] if len(sizes) > 1 else []
    by_score = {}
    for name in names:
        score = float(getattr(answers, name)())
        without = np.array([float(getattr(part, name)()) for part in others] or [score])
        values = score + len(sizes) * (1 - sizes / len(answers)) * (score - without)
        if np.isfinite(values).all():
            by_score[name] = Pseudo(values=values, units=_units(answers, name, groups))
    return by_score


def _units(answers: Answers, name: str, groups: NDArray[np.int64] | None) -> float:
    """Independent spectra that a score rests on: their groups, if there are; of a mean over classes the harmonic mean
    of those of each class, times the classes that a spectrum can only have one of."""
    spectra = np.arange(len(answers)) if groups is None else groups
    if not METRICS[name].by_class:
        return len(np.unique(spectra))
    has = answers.has()
    counts = [len(np.unique(spectra[column])) for column in has.T if column.any()]
    apart = len(counts) if answers.labels_per_spectrum == "one" else 1
    return apart * len(counts) / sum(1 / count for count in counts) if counts else 1.0
