"""How good a classifier is, from its logits. N spectra, C classes."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional as F

METRICS: dict[str, str] = {  # name -> what is better
    "accuracy": "max",
    "top3": "max",  # share of spectra whose class is among the 3 most probable
    "top5": "max",
    "macro_f1": "max",  # mean over the classes that occur
    "loss": "min",  # negative log-likelihood, natural logarithm, mean over spectra
    "calibration_error": "min",  # expected calibration error, 15 equal bins of confidence
}
SEVERAL: dict[str, str] = {  # where a spectrum may have several labels
    "accuracy": "max",  # share of spectra with all labels right and no other: molecular perfection
    "molecular_f1": "max",  # mean over spectra of the F1 of their labels; 1 where there are none and none is found
    "macro_f1": "max",  # mean over the labels that occur
    "auc": "max",  # mean over the labels that some spectra have and others lack
    "loss": "min",  # binary cross-entropy, mean over spectra and labels
}
BINS = 15
ROWS = 2048  # spectra whose (N, C) intermediate results are in memory at a time; logits of many classes are large


def score(logits: Tensor, labels: Tensor, thresholds: Tensor | None = None) -> dict[str, float]:
    """Every metric of METRICS for ``logits`` (N, C) and the true classes ``labels`` (N,) int64.

    For labels (N, C) of 0 and 1 every metric of SEVERAL: those are found whose logit is above ``thresholds`` (C,). Of
    equally probable classes the one with the lowest number counts as predicted. All metrics are NaN where a logit
    is not finite: such a network has no accuracy, and an argmax over NaN would invent one.
    """
    if labels.ndim == 2:
        assert thresholds is not None, "several labels are found by their thresholds"
        return _multilabel(logits.float(), labels, thresholds)
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


def thresholds(logits: Tensor, labels: Tensor) -> Tensor:
    """(C,) the logit above which each label is found, for the best F1 on these spectra (N, C).

    As in Rieger et al. 2023, to be chosen on the training split. Half way between two neighbouring logits.
    """
    ordered, order = logits.float().sort(dim=0, descending=True)
    right = labels.gather(0, order).cumsum(dim=0)
    found = torch.arange(1, len(logits) + 1, device=logits.device)[:, None]
    f1 = 2 * right / (found + labels.sum(dim=0))
    below = torch.cat([ordered[1:], ordered[-1:] - 2])
    best = f1.where(ordered > below, -1).argmax(dim=0, keepdim=True)  # equal logits cannot be told apart
    return ((ordered + below) / 2).gather(0, best)[0]


def by_label(logits: Tensor, labels: Tensor, thresholds: Tensor) -> list[dict[str, float]]:
    """For each label: spectra that have it, how often it was missed and wrongly found, its F1 and its AUC (or NaN)."""
    found, true = logits > thresholds, labels > 0
    return [
        {
            "spectra": int(true[:, number].sum()),
            "missed": int((true & ~found)[:, number].sum()),
            "wrong": int((found & ~true)[:, number].sum()),
            "f1": float(_f1(found[:, number], true[:, number], dim=0)),
            "auc": float(_auc(logits[:, number].float(), true[:, number])),
        }
        for number in range(labels.shape[1])
    ]


def confused(predictions: ArrayLike, labels: ArrayLike) -> list[tuple[int, int, int]]:
    """(true class, predicted class, spectra) of every confusion, the most frequent first."""
    predicted, true = np.asarray(predictions), np.asarray(labels)
    wrong = predicted != true
    pairs, counts = np.unique(np.stack([true[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [(int(pairs[i, 0]), int(pairs[i, 1]), int(counts[i])) for i in order]


def _multilabel(logits: Tensor, labels: Tensor, thresholds: Tensor) -> dict[str, float]:
    if not logits.isfinite().all():
        return dict.fromkeys(SEVERAL, math.nan)
    found, true = logits > thresholds, labels > 0
    occurs = (found | true).any(dim=0)
    areas = torch.stack([_auc(logits[:, number], true[:, number]) for number in range(labels.shape[1])])
    values = {
        "accuracy": (found == true).all(dim=1).double().mean(),
        "molecular_f1": _f1(found, true, dim=1).mean(),
        "macro_f1": _f1(found, true, dim=0)[occurs].mean(),
        "auc": areas.nanmean(),
        "loss": F.binary_cross_entropy_with_logits(logits, labels.float()).double(),
    }
    return dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))


def _f1(found: Tensor, true: Tensor, *, dim: int) -> Tensor:
    """2 TP / (found + true) along ``dim``; 1 where there is nothing to be found and nothing was."""
    right, both = (found & true).sum(dim=dim), found.sum(dim=dim) + true.sum(dim=dim)
    return (2 * right / both.clamp(min=1).double()).where(both > 0, 1.0)


def _auc(logits: Tensor, true: Tensor) -> Tensor:
    """The chance that a spectrum with the label has a higher logit than one without, equal ones half; else NaN."""
    with_it, without = logits[true].contiguous(), logits[~true].sort().values
    pairs = len(with_it) * len(without)
    if pairs == 0:
        return torch.full((), math.nan, dtype=torch.float64, device=logits.device)
    below = torch.searchsorted(without, with_it) + torch.searchsorted(without, with_it, right=True)
    return below.double().sum() / (2 * pairs)


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
