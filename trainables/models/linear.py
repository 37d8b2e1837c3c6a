"""Builds the classifiers of ``spectune.spaces.linear``. B batch, N training spectra, L features, C classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces.linear import Linear, Logistic
from spectune.trainables.models.estimator import Estimator, kept
from spectune.trainables.models.layers import front

Floats = NDArray[np.float64]
ABSENT = -16.0  # logit of a class without a training spectrum, against the mean of the others


class Training(NamedTuple):
    """What a solver sees: standardised ``x`` (N, L), class numbers ``y`` (N,), ``weight`` (N,) per spectrum, 1 in the mean.

    Classes are numbered from 0 without gaps, and there are two or more.
    """

    x: Floats
    y: NDArray[np.int64]
    weight: Floats
    seed: int

    def targets(self) -> Floats:
        """(N, C) of -1 and 1."""
        targets: Floats = 2 * np.eye(self.y.max() + 1)[self.y] - 1
        return targets


class Solution(NamedTuple):
    """Scores as sums: ``weight`` (C, L) and ``bias`` (C,)."""

    weight: Floats
    bias: Floats


def build(network: Linear, points: int, classes: int) -> nn.Module:
    """The classifier on the prepared points."""
    return nn.Sequential(*front(network), nn.Flatten(), Classifier(network, network.inputs(points), classes))


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

    def standardise(self, features: Tensor, *, autoscale: bool) -> Floats:
        """Learn mean and scale of features (N, L), and give them standardised."""
        x: Floats = features.numpy().astype(np.float64)
        mean, spread = x.mean(axis=0), x.std(axis=0)
        scale = spread if autoscale else np.full_like(spread, np.sqrt(np.mean(spread**2)))
        scale = np.where(scale > 1e-6 * max(scale.max(), 1e-30), scale, 1.0)  # what is always the same decides nothing
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))
        x -= mean
        x /= scale
        return x

    def take(self, solution: Solution, present: NDArray[np.int64]) -> None:
        """Fill in the rows of the ``present`` classes; those of the others lie ``ABSENT`` from their mean."""
        weight = np.tile(solution.weight.mean(axis=0), (len(self.bias), 1))
        bias = np.full(len(self.bias), solution.bias.mean() + ABSENT)
        weight[present], bias[present] = solution
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias))


class Classifier(Estimator):
    """A linear classifier; importances are the mean sizes of its standardised weights."""

    def __init__(self, network: Linear, points: int, classes: int) -> None:
        super().__init__(importances=points)
        self.network = network
        self.affine = Affine(points, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.affine(x)
        return logits

    @torch.no_grad()
    def fit(self, features: Tensor, labels: Tensor, *, seed: int, balance: bool) -> None:
        x = self.affine.standardise(features, autoscale=self.network.autoscale)
        present, y = np.unique(labels.numpy(), return_inverse=True)
        training = Training(x, y, class_weights(y, balance=balance), seed)
        solution = SOLVERS[type(self.network)](self.network, training) if len(present) > 1 else _constant(x)
        self.affine.take(solution, present)
        sizes = np.abs(solution.weight).mean(axis=0)
        self.importances.copy_(torch.from_numpy(sizes / max(sizes.sum(), 1e-30)))


def class_weights(y: NDArray[np.int64], *, balance: bool) -> Floats:
    """(N,) weights of mean 1 by which every class weighs the same, or 1 each."""
    counts = np.bincount(y)
    weights: Floats = len(y) / (np.count_nonzero(counts) * counts[y]) if balance else np.ones(len(y))
    return weights


def logistic(network: Logistic, training: Training) -> Solution:
    """scikit-learn's multinomial logistic regression; its logits are log-probabilities as they are."""
    from sklearn.linear_model import LogisticRegression

    fitted = _quietly(LogisticRegression(C=network.C, max_iter=1000), training)
    return (
        _both(fitted.coef_ / 2, fitted.intercept_ / 2)
        if len(fitted.coef_) == 1
        else Solution(fitted.coef_, fitted.intercept_)
    )


def _quietly(model: Any, training: Training) -> Any:
    """Fitted, without scikit-learn's warning that it used all its steps: the validation split says what it is worth."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(training.x, training.y, training.weight)


def _both(weight: Floats, bias: Floats) -> Solution:
    """Scores of two classes from the one score (1, L) that scikit-learn gives for the second."""
    return Solution(np.concatenate([-weight, weight]), np.concatenate([-bias, bias]))


def _constant(x: Floats) -> Solution:
    return Solution(np.zeros((1, x.shape[1])), np.zeros(1))


SOLVERS: Mapping[type[Linear], Callable[[Any, Training], Solution]] = {Logistic: logistic}
