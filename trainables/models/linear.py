"""Builds the classifiers of ``spectune.spaces.linear``. B batch, N training spectra, L features, C classes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces.linear import PLSDA, SVM, Linear, Logistic
from spectune.trainables.models import solvers
from spectune.trainables.models.estimator import Estimator, kept
from spectune.trainables.models.layers import front
from spectune.trainables.models.scores import Floats, Sample, Scores, class_weights, tempered

ABSENT = -16.0  # logit of a class without a training spectrum, against the mean of the others


def build(network: Linear, points: int, classes: int) -> nn.Module:
    """The classifier on the prepared points."""
    return nn.Sequential(*front(network), nn.Flatten(), Classifier(network, points, classes))


class Affine(nn.Module):
    """Features (B, L), less their mean and divided by their scale, to logits (B, C)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.mean = kept(torch.zeros(features))
        self.scale = kept(torch.ones(features))
        self.weight = kept(torch.zeros(classes, features))
        self.bias = kept(torch.zeros(classes))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear((x - self.mean) / self.scale, self.weight, self.bias)

    def standardise(self, features: Tensor, *, autoscale: bool = True, least: float = 0.0) -> Floats:
        """Learn mean and scale of features (N, L), and give them standardised; no scale is below ``least``.

        What does not vary beyond the rounding of float32 is not blown up.
        """
        x: Floats = features.numpy().astype(np.float64)
        mean, spread = x.mean(axis=0), x.std(axis=0)
        common = np.sqrt(np.mean(spread**2))
        varies = spread > np.maximum(1e-6 * spread.max(initial=0), 1e-5 * np.abs(mean))
        scale = np.where(varies, spread, max(common, 1e-30)) if autoscale else np.full_like(spread, max(common, 1e-30))
        scale = np.maximum(scale, least)
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))
        x -= mean
        x /= scale
        return x

    def take(self, scores: Scores, present: NDArray[np.int64]) -> None:
        """Fill in the rows of the ``present`` classes; those of the others lie ``ABSENT`` from their mean."""
        weight = np.tile(scores.weight.mean(axis=0), (len(self.bias), 1))
        bias = np.full(len(self.bias), scores.bias.mean() + ABSENT)
        weight[present], bias[present] = scores
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias))

    def fit(self, solve: Callable[[Sample], Scores], x: Floats, labels: Tensor, *, balance: bool) -> Scores:
        """Fill in what ``solve`` finds on standardised ``x`` (N, L), the classes there numbered without gaps."""
        present, y = np.unique(labels.numpy(), return_inverse=True)
        sample = Sample(x, y, class_weights(y, balance=balance))
        scores = solve(sample) if len(present) > 1 else Scores(np.zeros((1, x.shape[1])), np.zeros(1))
        self.take(scores, present)
        return scores


class Classifier(Estimator):
    """A linear classifier; importances are the mean sizes of its standardised weights."""

    def __init__(self, network: Linear, points: int, classes: int) -> None:
        super().__init__(importances=points, numbers=points)
        self.network = network
        self.affine = Affine(points, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.affine(x)
        return logits

    @torch.no_grad()
    def fit(self, features: Tensor, labels: Tensor, *, seed: int, balance: bool) -> None:
        x = self.affine.standardise(features, autoscale=self.network.autoscale)
        solve = functools.partial(SOLVERS[type(self.network)], self.network)
        scores = self.affine.fit(solve, x, labels, balance=balance)
        sizes = np.abs(scores.weight - scores.weight.mean(axis=0)).mean(axis=0)
        self.importances.copy_(torch.from_numpy(sizes / max(sizes.sum(), 1e-30)))


def _logistic(network: Logistic, sample: Sample) -> Scores:
    return solvers.logistic(sample, C=network.C)


def _svm(network: SVM, sample: Sample) -> Scores:
    return tempered(functools.partial(solvers.svm, C=network.C), sample)


def _plsda(network: PLSDA, sample: Sample) -> Scores:
    return tempered(functools.partial(solvers.plsda, components=network.components), sample)


SOLVERS: Mapping[type[Linear], Callable[[Any, Sample], Scores]] = {Logistic: _logistic, SVM: _svm, PLSDA: _plsda}
