"""Paired comparisons of few values: is one way of training better than another on the same seeds? n differences (n,).

Seeds are few and trainings expensive, so everything here is exact where it can be, and says less rather than more.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
ALPHA = 1 - LEVEL
POWER = 0.8
EXACT = 6  # differences up to which all n ** n resamples are made
RESAMPLES = 20_000
FLIPS = 1 << 14  # sign flips up to which all are made; exact to 14 seeds
MOST_SEEDS = 1000


def bootstrap(differences: ArrayLike, level: float = LEVEL) -> tuple[float, float] | None:
    """The percentile bootstrap interval of the mean, stretched about it as far as few values need.

    The plain one knows neither that a spread is underestimated by n - 1 of n nor the tails of Student's t (Hesterberg
    2015, The American Statistician 69, 371): of five normal values it misses the truth in 16 % of cases instead of
    5 %, this one in 5 %. None for fewer than three differences, or for equal ones that are not zero: there is no spread
    to judge by.
    """
    values = np.asarray(differences, dtype=np.float64)
    count, mean = len(values), float(np.mean(values))
    if np.ptp(values) == 0:
        return (0.0, 0.0) if mean == 0 and count > 1 else None
    if count < 3:
        return None
    from scipy import special  # scipy takes a second to import, and whatever starts a study imports this module

    tail = (1 - level) / 2
    low, high = np.quantile(values[_resamples(count)].mean(axis=1), [tail, 1 - tail])
    stretch = float(special.stdtrit(count - 1, tail) / special.ndtri(tail) * math.sqrt(count / (count - 1)))
    return mean - stretch * (mean - float(low)), mean + stretch * (float(high) - mean)


def _resamples(count: int) -> NDArray[np.int64]:
    """Which differences each resample takes (resamples, n): all there are, or the same drawn ones every time."""
    if count <= EXACT:
        return np.array(list(itertools.product(range(count), repeat=count)))
    return np.random.default_rng(count).integers(0, count, (RESAMPLES, count))


def permutation(differences: ArrayLike) -> float:
    """Two-sided p of the paired permutation test of the mean: each seed's two values may be swapped.

    Exact to 14 seeds. The least that n seeds can give is ``least(n)``.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or not values.any():
        return 1.0
    from scipy import stats

    exact = 1 << len(values) <= FLIPS
    result = stats.permutation_test(
        (values,),
        lambda flipped, axis: np.mean(flipped, axis=axis),
        permutation_type="samples",
        n_resamples=math.inf if exact else FLIPS,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def least(count: int) -> float:
    """The smallest p that a paired permutation test of ``count`` seeds can give."""
    return min(1.0, 2.0 ** (1 - count))


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979), in their order."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    corrected, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = highest
    return corrected


def effect(differences: ArrayLike) -> float | None:
    """Hedges' g of paired values: the mean difference in standard deviations, corrected for few of them.

    None where there are fewer than three or no spread.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 3 or np.ptp(values) == 0:
        return None
    freedom = len(values) - 1
    return float(np.mean(values) / np.std(values, ddof=1)) * (1 - 3 / (4 * freedom - 1))


def seeds_needed(size: float | None, comparisons: int = 1) -> int | None:
    """Seeds for which a paired t test finds an effect of ``size`` four times in five, if ``ALPHA`` is shared by so
    many comparisons.

    The effect of few seeds is itself uncertain: this is an order of magnitude. None where there is no effect, or
    where ``MOST_SEEDS`` would not do.
    """
    if not size:
        return None
    alpha = ALPHA / comparisons
    for count in range(3, MOST_SEEDS + 1):
        if least(count) <= alpha and _power(abs(size), count, alpha) >= POWER:
            return count
    return None


def _power(size: float, count: int, alpha: float) -> float:
    from scipy import special

    critical, shift = special.stdtrit(count - 1, 1 - alpha / 2), size * math.sqrt(count)
    below, beyond = special.nctdtr(count - 1, shift, [-critical, critical])
    return float(below + 1 - beyond)
