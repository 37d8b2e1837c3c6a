"""Scores made log-probabilities by one temperature, found on spectra that were held out. N spectra, C classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FOLDS = 3


class Sample(NamedTuple):
    """What a classifier is fitted to: standardised ``x`` (N, L), ``y`` (N,) and the ``weight`` (N,) of each spectrum.

    Classes are numbered from 0 without gaps; there are two or more.
    """

    x: Floats
    y: NDArray[np.int64]
    weight: Floats

    def targets(self) -> Floats:
        """(N, C) of -1 and 1."""
        targets: Floats = 2 * np.eye(self.y.max() + 1)[self.y] - 1
        return targets


class Scores(NamedTuple):
    """Scores as sums: ``weight`` (C, L) and ``bias`` (C,)."""

    weight: Floats
    bias: Floats

    def of(self, x: Floats) -> Floats:
        """(N, C) the scores of standardised spectra."""
        scores: Floats = x @ self.weight.T + self.bias
        return scores

    def times(self, factor: float) -> Scores:
        return Scores(factor * self.weight, factor * self.bias)


def tempered(solve: Callable[[Sample], Scores], sample: Sample) -> Scores:
    """The scores that ``solve`` finds, as log-probabilities: times a factor found on folds that it did not see."""
    held, seen = held_out(solve, sample)
    return solve(sample).times(temperature(held[seen], sample.y[seen], sample.weight[seen]))


def held_out(solve: Callable[[Sample], Scores], sample: Sample) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores (N, C) of every spectrum by the other folds, and where these hold the spectrum's class.

    A class has its spectra dealt out to the folds in turn. The score of a class that the others lack is minus infinity.
    """
    folds = ranks(sample.y) % FOLDS
    held = np.full((len(sample.y), sample.y.max() + 1), -np.inf)
    for fold in range(FOLDS):
        inside, outside = folds != fold, folds == fold
        present, y = np.unique(sample.y[inside], return_inverse=True)
        if len(present) > 1 and outside.any():
            scores = solve(Sample(sample.x[inside], y, sample.weight[inside])).of(sample.x[outside])
            held[np.ix_(outside, present)] = scores
    return held, np.isfinite(held[np.arange(len(held)), sample.y])


def temperature(scores: Floats, y: NDArray[np.int64], weight: Floats) -> float:
    """The factor by which scores (N, C) are the best log-probabilities of ``y``; 1 where they say nothing.

    One more spectrum is counted that is wrong by the mean margin, so that scores without an error keep a finite one.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    ordered = np.sort(scores, axis=1)
    margin = float(np.mean(ordered[:, -1] - ordered[:, -2])) if len(scores) else 0.0
    if not 0 < margin < np.inf:
        return 1.0
    true = scores[np.arange(len(y)), y]

    def loss(logarithm: float) -> float:
        factor = np.exp(logarithm) / margin
        wrong = logsumexp(factor * scores, axis=1) - factor * true
        return float(weight @ wrong + np.logaddexp(0, factor * margin))

    return float(np.exp(minimize_scalar(loss, bounds=(-6, 8), method="bounded").x) / margin)


def ranks(y: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) how many of the same class stand before each."""
    order = np.argsort(y, kind="stable")
    first = np.searchsorted(y[order], y[order])
    counts = np.empty(len(y), np.int64)
    counts[order] = np.arange(len(y)) - first
    return counts


def class_weights(y: NDArray[np.int64], *, balance: bool) -> Floats:
    """(N,) weights of mean 1 by which every class weighs the same, or 1 each."""
    counts = np.bincount(y)
    weights: Floats = len(y) / (np.count_nonzero(counts) * counts[y]) if balance else np.ones(len(y))
    return weights
