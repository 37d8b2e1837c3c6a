"""Which trained networks are averaged: greedy selection on the validation split, and what it is worth.

M networks, N validation spectra, T training spectra, C classes or labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectune.spaces.metrics import metric_of
from spectune.trainables.data import stratify
from spectune.trainables.metrics import Answers, answered, thresholds
from spectune.trainables.models.ensemble import mixed

PICKS = 20  # at most
FOLDS = 5  # that the selection is scored by
LEAST = 2 * FOLDS  # validation spectra, or groups of them, without which nothing is selected
SEEN = 500_000  # probabilities of a network that a selection looks at
DIGITS = 6  # of scores that are compared: more are rounding
TINY = 1e-37  # a probability, of those that have a logarithm

Score = Callable[[Tensor], tuple[float, float]]


def greedy(probabilities: Tensor, score: Score, fits: Callable[[NDArray[np.bool_]], bool]) -> NDArray[np.int64]:
    """How often each of M networks is picked (Caruana et al. 2004), from their ``probabilities`` (M, N, C).

    Beginning with none, the one is picked, be it again, with which the mean of all picked has the highest ``score``;
    of ``PICKS`` those count that came until the score was highest for the first time. What is picked again makes the
    steps of the weights finer. A score is two numbers, the second telling those apart whose first is equal; the first
    of equal networks is taken. ``fits`` says of (M,) whether such a set is allowed: what would not be is passed over.
    """
    picked, total = np.zeros(len(probabilities), np.int64), torch.zeros_like(probabilities[0])
    best, reached = picked, (-np.inf, -np.inf)
    for pick in range(1, PICKS + 1):
        allowed = [at for at in range(len(picked)) if picked[at] or fits((picked > 0) | (np.arange(len(picked)) == at))]
        if not allowed:
            break
        scores = {at: score((total + probabilities[at]) / pick) for at in allowed}
        chosen = max(scores, key=scores.__getitem__)
        total, picked = total + probabilities[chosen], picked + (np.arange(len(picked)) == chosen)
        if scores[chosen] > reached:
            best, reached = picked, scores[chosen]
    return best


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Trained networks to select from, by the ``metric``: their ``logits`` (M, N, C) and the ``labels`` of the
    validation split, (N,) or (N, C), with its ``groups`` (N,) if there are.

    Where a spectrum may have several labels also those of the training split, on which thresholds are chosen:
    ``trained`` are logits (M, T, C) and labels (T, C). ``fits`` as in ``greedy``.
    """

    logits: Tensor
    labels: Tensor
    groups: NDArray[np.int64] | None
    metric: str
    fits: Callable[[NDArray[np.bool_]], bool]
    trained: tuple[Tensor, Tensor] | None = None

    @property
    def units(self) -> NDArray[np.int64]:
        """(N,) the group of each spectrum; every one is its own where there are none."""
        return np.arange(len(self.labels)) if self.groups is None else self.groups

    @property
    def enough(self) -> bool:
        """Whether the folds have the spectra that they need."""
        return len(np.unique(self.units)) >= LEAST

    def select(self, rows: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """How often each network is picked (M,), by some of the spectra, or by all; of very many by a sample."""
        chosen = np.arange(len(self.labels)) if rows is None else np.flatnonzero(rows)
        chosen = np.random.default_rng(0).permutation(chosen)[: max(LEAST, SEEN // self.logits.shape[2])]
        logits, labels = self.logits[:, chosen], self.labels[chosen]
        return greedy(self._probable(logits), lambda mean: self._score(mean, labels), self.fits)

    def crossed(self) -> Answers:
        """Those of the selection to spectra that it did not see: in each of ``FOLDS`` folds, stratified and by groups,
        those of the networks that the other folds select. Each spectrum has the thresholds of its fold."""
        folds = stratify(self.labels.numpy(), self.units, [1 / FOLDS] * FOLDS, seed=0)
        logits, above = torch.zeros_like(self.logits[0]), torch.zeros_like(self.logits[0])
        for fold in range(FOLDS):
            picked, rows = self.select(folds != fold), torch.from_numpy(folds == fold)
            logits[rows] = _mixed(self.logits[:, rows], picked, self._several)
            if (cutoffs := self.thresholds(picked)) is not None:
                above[rows] = cutoffs
        return answered(logits, self.labels, above)

    def alone(self, network: int) -> Answers:
        """Those of one of the networks."""
        picked = (np.arange(len(self.logits)) == network).astype(np.int64)
        return answered(_mixed(self.logits, picked, self._several), self.labels, self.thresholds(picked))

    def thresholds(self, picked: NDArray[np.int64]) -> Tensor | None:
        """(C,) those of the networks that are picked, where a spectrum may have several labels."""
        if self.trained is None:
            return None
        logits, labels = self.trained
        return thresholds(_mixed(logits, picked, several=True), labels)

    @property
    def _several(self) -> bool:
        return self.labels.ndim == 2

    def _probable(self, logits: Tensor) -> Tensor:
        return logits.sigmoid() if self._several else logits.softmax(dim=2)

    def _score(self, mean: Tensor, labels: Tensor) -> tuple[float, float]:
        """The metric, the higher the better, and the loss, of probabilities (N, C). Thresholds are those that are best
        on the same spectra, as the selection is made on these."""
        logits = mean.clamp(TINY, 1 - 2**-24).logit() if self._several else mean.clamp(min=TINY).log()
        answers = answered(logits, labels, thresholds(logits, labels) if self._several else None)
        value = float(getattr(answers, self.metric)())
        sign = 1.0 if metric_of(self.metric).direction == "max" else -1.0
        return (-np.inf if np.isnan(value) else round(sign * value, DIGITS)), round(-float(answers.loss()), DIGITS)


def _mixed(logits: Tensor, picked: NDArray[np.int64], several: bool) -> Tensor:
    """Logits (N, C) of the mean of those networks (M, N, C) that are picked."""
    chosen = np.flatnonzero(picked)
    return mixed([logits[at] for at in chosen], (picked[chosen] / picked.sum()).tolist(), several=several)
