"""How sure a score is: 95 % intervals over the seeds of a training and the spectra that it was tried on.

Every seed meets the same spectra: S seeds, J blocks of spectra (a group is never in two of them). ``values`` (S, J) are
the pseudo-values of a score (``trainables.jackknife``), whose mean over blocks is the score of a seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectune.search.records.ranking import student

Z = 1.959963984540054  # beyond which, on both sides together, 5 % of the normal distribution lie
PRIOR = 0.1  # units that all seeds get right, and as many that all get wrong, before the variance of a share is known
EXACT = 500  # differing units up to which the test of pairs is exact


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The mean of a score, the variance of that mean over seeds and spectra, and its degrees of freedom.

    ``units`` is how many independent spectra the score rests on: all of them, or their groups; for a mean over classes
    as many as would say as much if classes were equal.
    """

    mean: float
    variance: float
    freedom: float
    units: float


def spread(values: ArrayLike, *, units: float, grouped: bool = False) -> Spread:
    """The variance of the mean of ``values`` (S, J) where seeds and spectra are both drawn, and crossed.

    The mean squares of the two-way layout give it without bias (readers and cases in Gallas 2006, Academic Radiology
    13, 353; right and wrong answers in Chen et al. 2014, Journal of Medical Imaging 1, 031011); what seeds add is not
    below zero. Freedom as of Hillis (2007, Statistics in Medicine 26, 596): that of seeds, and of groups; the variance
    of a share of single spectra follows from the share. One seed says nothing of others: all is of that network alone.
    """
    table = np.asarray(values, dtype=np.float64)
    seeds, blocks = table.shape
    of_spectra, of_seeds, residual = _mean_squares(table)
    total = of_spectra + max(0.0, of_seeds - residual)
    lost = of_spectra**2 / max(1, blocks - 1) if grouped else 0.0
    lost += of_seeds**2 / max(1, seeds - 1)
    freedom = total**2 / lost if lost else float(blocks - 1) if grouped else math.inf
    return Spread(mean=float(table.mean()), variance=total / table.size, freedom=max(1.0, freedom), units=units)


def _mean_squares(table: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean squares of spectra, of seeds and of what is left, (S, J)."""
    seeds, blocks = table.shape
    by_block, by_seed, mean = table.mean(axis=0), table.mean(axis=1), table.mean()
    of_spectra = seeds * float(np.square(by_block - mean).sum()) / max(1, blocks - 1)
    of_seeds = blocks * float(np.square(by_seed - mean).sum()) / max(1, seeds - 1)
    rest = float(np.square(table - by_block - by_seed[:, None] + mean).sum())
    return of_spectra, of_seeds, rest / max(1, (seeds - 1) * (blocks - 1))


def share(estimate: Spread, most: float = math.inf) -> tuple[float, float]:
    """The 95 % interval of a score from 0 to 1: Wilson's (1927, Journal of the American Statistical Association 22,
    209) of as many independent spectra as have the variance that was found (Korn and Graubard 1998, Survey Methodology
    24, 193).

    Where nothing is wrong nothing varies: the number is that of the data with ``PRIOR`` more units of either kind, and
    not above ``most``.
    """
    mean, units, total = estimate.mean, estimate.units, estimate.units + 2 * PRIOR
    middle = (units * mean + PRIOR) / total
    squares = units**2 * estimate.variance + units * (mean - middle) ** 2 + PRIOR * ((1 - middle) ** 2 + middle**2)
    count = min(most, max(1.0, middle * (1 - middle) * total**2 / squares - 2 * PRIOR))
    centre = (count * mean + Z**2 / 2) / (count + Z**2)
    half = _quantile(estimate.freedom) * math.sqrt(count * mean * (1 - mean) + Z**2 / 4) / (count + Z**2)
    return max(0.0, centre - half), min(1.0, centre + half)


def plain(estimate: Spread) -> tuple[float, float]:
    """The 95 % interval of a score that does not end at 0 and 1, as a loss."""
    half = _quantile(estimate.freedom) * math.sqrt(estimate.variance)
    return estimate.mean - half, estimate.mean + half


def gap(estimate: Spread) -> tuple[float, float]:
    """The 95 % interval of a difference of two scores from 0 to 1 on the same spectra.

    With half a unit more for either being right alone, both and neither (Agresti and Min 2005, Statistics in Medicine
    24, 729), for where nothing differs nothing varies.
    """
    total = estimate.units + 2
    centre = estimate.units * estimate.mean / total
    squares = estimate.units**2 * estimate.variance + estimate.units * (estimate.mean - centre) ** 2
    squares += ((1 - centre) ** 2 + (1 + centre) ** 2) / 2 + centre**2
    half = _quantile(estimate.freedom) * math.sqrt(squares) / total
    return max(-1.0, centre - half), min(1.0, centre + half)


def pairs(differences: ArrayLike) -> float:
    """Two-sided mid-p of whole differences (U,) of spectra, or of groups: could their signs be as they are by chance?

    With one seed, and so differences of 1 and -1, it is McNemar's exact test (Fagerland et al. 2013, BMC Medical
    Research Methodology 13, 91). All flips of signs up to ``EXACT`` units that differ, the normal distribution beyond.
    """
    sizes = np.asarray(differences, dtype=np.int64)
    sizes = sizes[sizes != 0]
    if not len(sizes):
        return 1.0
    statistic = abs(int(sizes.sum()))
    if len(sizes) > EXACT:
        return math.erfc(statistic / math.sqrt(2 * float(np.square(sizes).sum())))
    chances = np.ones(1)  # of the sum over units of what is flipped, which is where the sum of all signs ends
    for size in np.abs(sizes):
        longer = np.zeros(len(chances) + size)
        longer[: len(chances)] += chances / 2
        longer[size:] += chances / 2
        chances = longer
    sums = np.abs(2 * np.arange(len(chances)) - int(np.abs(sizes).sum()))
    return float(min(1.0, chances[sums > statistic].sum() + chances[sums == statistic].sum() / 2))


def _quantile(freedom: float) -> float:
    return Z if math.isinf(freedom) else student(freedom)
