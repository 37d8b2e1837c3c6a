"""The universal benchmark of Schuetzke et al. 2023: 500 classes, made again draw by draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.definition import Definition
from spectune.trainables.data.recipes import sampling
from spectune.trainables.data.recipes.sampling import Variant

CLASSES, BOUNDARY, MOST_PEAKS = 500, 100, 10
CHANGE = 0.04
# Where 30 points or 0.04 would make two classes equal, the authors chose less by hand.
SHIFTS = {8: 17, 318: 17}
CHANGES = {164: 0.025, 281: 0.025, 219: 0.025, 347: 0.025}


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """The published benchmark. It has no options."""

    def __str__(self) -> str:
        return f"the published universal benchmark: {CLASSES} classes of 2 to {MOST_PEAKS} peaks, 5000 points"

    def load(self) -> Dataset:
        return universal(published(), name="benchmark", description=str(self))


def universal(
    definition: Definition,
    *,
    name: str,
    description: str,
    seed: int = sampling.SEED,
    train: int = sampling.TRAIN,
    validation: int = sampling.VALIDATION,
) -> Dataset:
    """The dataset that the benchmark's rules make of ``definition``: nine test spectra per class."""
    by_hand = definition == published()
    variants = []
    for number in range(len(definition)):
        shift = sampling.scaled(
            SHIFTS.get(number, sampling.TEST_SHIFT) if by_hand else sampling.TEST_SHIFT, definition.points
        )
        change = CHANGES.get(number, CHANGE) if by_hand else CHANGE
        variants.append([Variant(s, c) for c in (0.0, change, -change) for s in (0, -shift, shift)])
    return sampling.dataset(
        definition,
        variants,
        name=name,
        description=description,
        seed=seed,
        train=train,
        validation=validation,
        vary_largest=True,
    )


@cache
def published() -> Definition:
    """The published definition, bit for bit: classes from one generator, its draws in the published order."""
    random = np.random.default_rng(sampling.SEED)
    positions, heights = [], []
    for _ in range(CLASSES):
        count = int(np.round(random.gamma(1.2, 1.2) + 2))
        places = random.integers(BOUNDARY, sampling.POINTS - BOUNDARY, count)[:MOST_PEAKS]
        values = random.integers(1, 101, count)[:MOST_PEAKS]
        order = np.argsort(places, kind="stable")
        positions.append(tuple(places[order].tolist()))
        heights.append(tuple(np.round(values / values.max(), 3)[order].tolist()))
    return Definition(sampling.POINTS, tuple(str(n) for n in range(CLASSES)), tuple(positions), tuple(heights))
