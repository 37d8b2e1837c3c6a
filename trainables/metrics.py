"""How good a classifier is, from its logits. N spectra, C classes."""

from __future__ import annotations

import copy
import math
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional as F

from spectune.spaces.metrics import scores

BINS = 15  # of confidence, of equal width
ROWS = 2048  # spectra whose (N, C) intermediate results are in memory at a time; logits of many classes are large


def score(logits: Tensor, labels: Tensor, thresholds: Tensor | None = None) -> dict[str, float]:
    """Every score of the registry that the labels allow, in its order; each is the method of its name below.

    ``logits`` are (N, C), ``labels`` the true classes (N,) int64, or for several labels (N, C) of 0 and 1: those whose
    logit is above ``thresholds`` (C,), or (N, C), are predicted. All scores are NaN where a logit is not finite: such a
    network has no accuracy, and an argmax over NaN would invent one.
    """
    return scored(answered(logits, labels, thresholds))


def scored(answers: OneLabel | SeveralLabels) -> dict[str, float]:
    """What ``score`` gives."""
    names = scores(answers.labels_per_spectrum)
    if not answers.finite:
        return dict.fromkeys(names, math.nan)
    values = torch.stack([getattr(answers, name)() for name in names])  # one transfer from the device
    return dict(zip(names, values.tolist(), strict=True))


def answered(logits: Tensor, labels: Tensor, thresholds: Tensor | None = None) -> OneLabel | SeveralLabels:
    """What ``score`` scores, of the same arguments."""
    if labels.ndim == 1:
        return OneLabel(logits, labels)
    assert thresholds is not None, "several labels are predicted by their thresholds"
    return SeveralLabels(logits.float(), labels, thresholds)


class _Answers:
    """Answers to N spectra; ``per_spectrum`` names the tensors with a row for each."""

    per_spectrum: tuple[str, ...]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, rows: ArrayLike) -> Self:
        """The answers to the spectra with these numbers."""
        subset = copy.copy(self)
        wanted = torch.as_tensor(rows, device=self.labels.device)
        for name in self.per_spectrum:
            setattr(subset, name, getattr(self, name)[wanted])
        return subset


class OneLabel(_Answers):
    """Answers to spectra with one label each; every method is a score, as a tensor () of 64 bits.

    Of equally probable classes the one with the lowest number counts as predicted. ``rank`` (N,) is the number of
    classes that are ranked above the true one, ``predictions`` (N,) the most probable class, ``likelihood`` (N,) the
    log-probability of the true one, ``confidence`` (N,) the probability of the predicted one.
    """

    labels_per_spectrum = "one"
    per_spectrum = ("rank", "predictions", "likelihood", "confidence", "labels")

    def __init__(self, logits: Tensor, labels: Tensor) -> None:
        parts = [
            _outcomes(some.float(), true)
            for some, true in zip(torch.split(logits, ROWS), torch.split(labels, ROWS), strict=True)
        ]
        columns = (torch.cat(part) for part in zip(*parts, strict=True))
        finite, self.rank, self.predictions, self.likelihood, self.confidence = columns
        self.finite = bool(finite.all())
        self.labels = labels
        self.classes = logits.shape[1]

    def right(self) -> Tensor:
        """(N,) whether the most probable class is the true one."""
        return self.rank < 1

    def has(self) -> NDArray[np.bool_]:
        """(N, C) whether a spectrum is of a class."""
        mask: NDArray[np.bool_] = self.labels.cpu().numpy()[:, None] == np.arange(self.classes)
        return mask

    def accuracy(self) -> Tensor:
        """Share of spectra whose most probable class is the true one."""
        return self.top(1)

    def balanced_accuracy(self) -> Tensor:
        """Mean over the classes that occur of the share of their spectra that are right: macro recall."""
        true = self.labels.bincount(minlength=self.classes)
        right = self.labels[self.right()].bincount(minlength=self.classes)
        return (right[true > 0] / true[true > 0].double()).mean()

    def top3(self) -> Tensor:
        return self.top(3)

    def top5(self) -> Tensor:
        return self.top(5)

    def top(self, count: int) -> Tensor:
        """Share of spectra whose class is among the ``count`` most probable ones."""
        return (self.rank < count).double().mean()

    def macro_f1(self) -> Tensor:
        """Mean F1 over the classes that occur among the labels or the predictions."""
        predicted = self.predictions.bincount(minlength=self.classes)
        true = self.labels.bincount(minlength=self.classes)
        right = self.labels[self.predictions == self.labels].bincount(minlength=self.classes)
        occurs = predicted + true > 0
        return (2 * right[occurs] / (predicted + true)[occurs].double()).mean()

    def loss(self) -> Tensor:
        """Negative log-likelihood, natural logarithm, mean over spectra."""
        return -self.likelihood.double().mean()

    def calibration_error(self) -> Tensor:
        """Expected calibration error: mean over spectra of the difference between the share of right answers and the
        confidence of the bin that their confidence falls in. Bins are closed on the right."""
        bins = (self.confidence * BINS).ceil().long().clamp(1, BINS) - 1
        gaps = torch.zeros(BINS, dtype=torch.float64, device=self.confidence.device)
        gaps.index_add_(0, bins, (self.rank < 1).double() - self.confidence.double())
        return gaps.abs().sum() / len(self.confidence)


class SeveralLabels(_Answers):
    """Answers to spectra with several labels each; every method is a score, as a tensor () of 64 bits.

    ``predicted`` and ``true`` are (N, C) of bool.
    """

    labels_per_spectrum = "several"
    per_spectrum = ("logits", "labels", "predicted", "true")

    def __init__(self, logits: Tensor, labels: Tensor, thresholds: Tensor) -> None:
        self.finite = bool(logits.isfinite().all())
        self.logits = logits
        self.labels = labels
        self.predicted = logits > thresholds
        self.true = labels > 0

    def right(self) -> Tensor:
        """(N,) whether all labels are right and there is no other."""
        return (self.predicted == self.true).all(dim=1)

    def has(self) -> NDArray[np.bool_]:
        """(N, C) whether a spectrum has a label."""
        return np.asarray(self.true.cpu())

    def accuracy(self) -> Tensor:
        """Share of spectra with all labels right and no other: molecular perfection (Rieger et al. 2023)."""
        return self.right().double().mean()

    def molecular_f1(self) -> Tensor:
        """Mean over spectra of the F1 of their labels; 1 where there are none and none is predicted."""
        return _f1(self.predicted, self.true, dim=1).mean()

    def macro_f1(self) -> Tensor:
        """Mean over the labels that occur, or are predicted, of their F1."""
        occurs = (self.predicted | self.true).any(dim=0)
        return _f1(self.predicted, self.true, dim=0)[occurs].mean()

    def auc(self) -> Tensor:
        """Mean over the labels that some spectra have and others lack; NaN where there is no such label."""
        areas = [_auc(self.logits[:, label], self.true[:, label]) for label in range(self.labels.shape[1])]
        return torch.stack(areas).nanmean()

    def loss(self) -> Tensor:
        """Binary cross-entropy, natural logarithm, mean over spectra and labels."""
        return F.binary_cross_entropy_with_logits(self.logits, self.labels.float()).double()


Answers = OneLabel | SeveralLabels


def thresholds(logits: Tensor, labels: Tensor) -> Tensor:
    """(C,) the logit above which each label is predicted, for the best F1 on these spectra (N, C).

    As in Rieger et al. 2023, to be chosen on the training split. Half way between two neighbouring logits.
    """
    ordered, order = logits.float().sort(dim=0, descending=True)
    right = labels.gather(0, order).cumsum(dim=0)
    predicted = torch.arange(1, len(logits) + 1, device=logits.device)[:, None]
    f1 = 2 * right / (predicted + labels.sum(dim=0))
    below = torch.cat([ordered[1:], ordered[-1:] - 2])
    best = f1.where(ordered > below, -1).argmax(dim=0, keepdim=True)  # equal logits cannot be told apart
    return ((ordered + below) / 2).gather(0, best)[0]


def by_label(logits: Tensor, labels: Tensor, thresholds: Tensor) -> list[dict[str, float]]:
    """For each label: spectra that have it, how often it is missed and wrongly predicted, its F1 and AUC (or NaN)."""
    predicted, true = logits > thresholds, labels > 0
    return [
        {
            "spectra": int(true[:, number].sum()),
            "missed": int((true & ~predicted)[:, number].sum()),
            "wrong": int((predicted & ~true)[:, number].sum()),
            "f1": float(_f1(predicted[:, number], true[:, number], dim=0)),
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


def _f1(predicted: Tensor, true: Tensor, *, dim: int) -> Tensor:
    """2 TP / (predicted + true) along ``dim``; 1 where there is no label and none is predicted."""
    right, both = (predicted & true).sum(dim=dim), predicted.sum(dim=dim) + true.sum(dim=dim)
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
