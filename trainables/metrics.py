"""How good a classifier is, from its logits. N spectra, C classes."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

METRICS: dict[str, str] = {  # name -> what is better
    "accuracy": "max",
    "top3": "max",  # share of spectra whose class is among the 3 most probable
    "top5": "max",
    "macro_f1": "max",  # mean over the classes that occur
    "loss": "min",  # negative log-likelihood, natural logarithm, mean over spectra
    "calibration_error": "min",  # expected calibration error, 15 equal bins of confidence
}
BINS = 15
ROWS = 2048  # spectra whose (N, C) intermediate results are in memory at a time; logits of many classes are large


def score(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Every metric of METRICS for ``logits`` (N, C) and the true classes ``labels`` (N,) int64.

    Of equally probable classes the one with the lowest number counts as predicted. All metrics are NaN where a logit
    is not finite: such a network has no accuracy, and an argmax over NaN would invent one.
    """
    parts = [
        _outcomes(some.float(), true)
        for some, true in zip(torch.split(logits, ROWS), torch.split(labels, ROWS), strict=True)
    ]
    finite, rank, predictions, likelihood, confidence = (torch.cat(part) for part in zip(*parts, strict=True))
    if not finite.all():
        return dict.fromkeys(METRICS, math.nan)
    values = {
        "accuracy": (rank < 1).double().mean(),
        "top3": (rank < 3).double().mean(),
        "top5": (rank < 5).double().mean(),
        "macro_f1": _macro_f1(predictions, labels, logits.shape[1]),
        "loss": -likelihood.double().mean(),
        "calibration_error": _calibration_error(confidence, rank < 1),
    }
    return dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))


def confused(predictions: ArrayLike, labels: ArrayLike) -> list[tuple[int, int, int]]:
    """(true class, predicted class, spectra) of every confusion, the most frequent first."""
    predicted, true = np.asarray(predictions), np.asarray(labels)
    wrong = predicted != true
    pairs, counts = np.unique(np.stack([true[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [(int(pairs[i, 0]), int(pairs[i, 1]), int(counts[i])) for i in order]


def _outcomes(logits: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
    """(N,) each: all finite, rank of the true class, predicted class, log-probability of the true one, confidence."""
    log_probabilities = logits.log_softmax(dim=1)
    return (
        logits.isfinite().all(dim=1),
        _rank(logits, labels),
        logits.argmax(dim=1),
        log_probabilities.gather(1, labels[:, None])[:, 0],
        log_probabilities.amax(dim=1).exp(),
    )


def _rank(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) number of classes ranked above the true one."""
    true = logits.gather(1, labels[:, None])
    numbers = torch.arange(logits.shape[1], device=logits.device)
    return ((logits > true) | ((logits == true) & (numbers < labels[:, None]))).sum(dim=1)


def _macro_f1(predictions: Tensor, labels: Tensor, classes: int) -> Tensor:
    predicted = predictions.bincount(minlength=classes)
    true = labels.bincount(minlength=classes)
    right = labels[predictions == labels].bincount(minlength=classes)
    occurs = predicted + true > 0
    return (2 * right[occurs] / (predicted + true)[occurs].double()).mean()


def _calibration_error(confidence: Tensor, right: Tensor) -> Tensor:
    """Mean over spectra of |accuracy - confidence| of the bin their confidence falls in (bins closed on the right)."""
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    gaps = torch.zeros(BINS, dtype=torch.float64, device=confidence.device)
    gaps.index_add_(0, bins, right.double() - confidence.double())
    return gaps.abs().sum() / len(confidence)
