"""Linear classifiers, each fitted at once. N training spectra, L features, C classes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from spectune.trainables.models.scores import Floats, Sample, Scores, temperature

MOST_STEPS = 200  # of L-BFGS: on 1350 spectra of 27 classes it is not done after 1000, which take 34 s
SPANNED = 1e-12  # of the largest eigenvalue: less is rounding
STRENGTHS = np.logspace(-3, 6, 19)  # penalties that the ridge tries, on standardised features


def logistic(sample: Sample, *, C: float) -> Scores:
    """scikit-learn's multinomial logistic regression: its scores are log-probabilities as they are."""
    from sklearn.linear_model import LogisticRegression

    found = _fitted(LogisticRegression(C=C, max_iter=MOST_STEPS), sample)
    return found.times(0.5) if len(found.bias) == 2 else found


def svm(sample: Sample, *, C: float) -> Scores:
    """scikit-learn's linear SVM with the squared hinge loss, one class against the others."""
    from sklearn.svm import LinearSVC

    return _fitted(LinearSVC(C=C, dual=False), sample)


def plsda(sample: Sample, *, components: int) -> Scores:
    """Partial least squares on the classes as -1 and 1, as scikit-learn's ``PLSRegression`` converges to.

    The weights of a component are the first singular vector of the covariance, and spectra need not be deflated: their
    covariance with what is left of the targets is the same (Dayal and MacGregor 1997).
    """
    x, targets, means = _centred(sample)
    left = targets.copy()
    weights: list[Floats] = []
    loadings: list[Floats] = []
    scores: list[Floats] = []
    for _ in range(min(components, *x.shape)):
        weight = np.linalg.svd(x.T @ left, full_matrices=False)[0][:, 0]
        score = x @ weight
        for earlier in scores * 2:  # twice: once leaves rounding errors that grow
            score -= (score @ earlier) * earlier
        size = np.linalg.norm(score)
        if size <= 1e-9 * np.linalg.norm(x):
            break  # nothing is left to explain
        score /= size
        left -= np.outer(score, score @ left)
        weights.append(weight)
        scores.append(score)
        loadings.append(score @ x)
    if not weights:
        return _moved(np.zeros((targets.shape[1], x.shape[1])), *means)
    rotation, basis = np.array(weights).T, np.array(scores)
    inner = np.linalg.solve(np.array(loadings) @ rotation, basis @ targets)
    return _moved((rotation @ inner).T, *means)


def ridge(sample: Sample) -> tuple[Scores, float]:
    """A ridge regression on the classes as -1 and 1, as log-probabilities, and its penalty.

    The penalty has the smallest squared error when each spectrum is left out, which one decomposition gives exactly
    for all of them; the same scores give the temperature.
    """
    x, targets, means = _centred(sample)
    wide = x.shape[1] >= x.shape[0]
    values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = np.maximum(values, 0)
    rows = vectors * np.sqrt(values) if wide else x @ vectors  # (N, r): the spectra along their principal axes
    along = rows.T @ targets
    leverage = sample.weight / sample.weight.sum()
    root = np.sqrt(sample.weight)[:, None]
    found = []
    for strength in STRENGTHS:
        kept = 1 - leverage - (rows**2) @ (1 / (values + strength))
        error = (targets - rows @ (along / (values + strength)[:, None])) / np.maximum(kept, 1e-12)[:, None]
        found.append((float((error**2).sum()), strength, error / root))
    _, strength, error = min(found, key=lambda one: one[0])
    inner = vectors @ ((vectors.T @ targets if wide else along) / (values + strength)[:, None])
    solution = _moved((x.T @ inner if wide else inner).T, *means)
    return solution.times(temperature(sample.targets() - error, sample.y, sample.weight)), float(strength)


def _centred(sample: Sample) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Spectra and targets less their weighted means, each row times the root of its weight; and the means."""
    targets, root = sample.targets(), np.sqrt(sample.weight)[:, None]
    means = np.average(sample.x, axis=0, weights=sample.weight), np.average(targets, axis=0, weights=sample.weight)
    return (sample.x - means[0]) * root, (targets - means[1]) * root, means


def _moved(weight: Floats, x: Floats, targets: Floats) -> Scores:
    """Weights (C, L) for what is not centred."""
    return Scores(weight, targets - weight @ x)


def _fitted(model: Any, sample: Sample) -> Scores:
    """What scikit-learn's ``model`` finds, whose penalty is the length of the weights.

    Weights then lie in the span of the spectra (the representer theorem): where these are fewer than their points, the
    fit is of their places along their principal axes, which have the same products. No warning says that all steps
    were used: the validation split says what a fit is worth.
    """
    from sklearn.exceptions import ConvergenceWarning

    x, back = sample.x, None
    if x.shape[0] < x.shape[1]:
        values, vectors = np.linalg.eigh(x @ x.T)
        there = values > SPANNED * values[-1]
        lengths = np.sqrt(values[there])
        x, back = vectors[:, there] * lengths, (vectors[:, there] / lengths).T @ sample.x
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, sample.y, sample.weight)
    weight, bias = model.coef_ if back is None else model.coef_ @ back, model.intercept_
    if len(bias) == 1:  # that of the second class of two
        weight, bias = np.concatenate([-weight, weight]), np.concatenate([-bias, bias])
    return Scores(weight, bias)
