"""Which of two searches loses less, over tasks and seeds: ratios of mean regrets with bootstrap intervals.

Tasks are drawn anew, then seeds within each; a task and a seed that are drawn are drawn for both, as the simulations of
a seed share their trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000

Losses = Mapping[tuple[str, int], float]  # (task, seed) -> regret


class Margin(NamedTuple):
    """A figure with its 95 % interval, over so many tasks and pairs."""

    point: float
    low: float
    high: float
    tasks: int
    pairs: int


def mean(one: Losses) -> Margin:
    """The mean over tasks of the mean over seeds."""
    return _margin(one, one, lambda mine, theirs: mine)


def ratio(one: Losses, other: Losses) -> Margin:
    """The mean loss of one over that of the other, on what both were run on."""
    return _margin(one, other, lambda mine, theirs: mine / np.maximum(theirs, 1e-9))


def _margin(one: Losses, other: Losses, of: Callable[[Any, Any], Any]) -> Margin:
    tasks: dict[str, list[tuple[float, float]]] = {}
    for key in sorted(one.keys() & other.keys()):
        tasks.setdefault(key[0], []).append((one[key], other[key]))
    if not tasks:
        return Margin(np.nan, np.nan, np.nan, 0, 0)
    pairs = [np.array(some) for some in tasks.values()]
    point = of(*np.mean([some.mean(0) for some in pairs], axis=0))
    chance = np.random.default_rng(0)
    drawn = [_redrawn(pairs, chance) for _ in range(DRAWS)]
    low, high = np.quantile([of(*both) for both in drawn], (0.025, 0.975))
    return Margin(float(point), float(low), float(high), len(pairs), sum(map(len, pairs)))


def _redrawn(pairs: list[NDArray[np.float64]], chance: np.random.Generator) -> NDArray[np.float64]:
    """Mean losses (2,) over tasks that are drawn anew, and seeds within them."""
    some = [pairs[place] for place in chance.integers(0, len(pairs), len(pairs))]
    means = np.array([one[chance.integers(0, len(one), len(one))].mean(0) for one in some])
    both: NDArray[np.float64] = means.mean(0)
    return both
