"""Linear classifiers, each fitted at once. N training spectra, L features, C classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from spectune.trainables.models.scores import Floats, Sample, Scores, temperature

MOST_STEPS = 200  # of L-BFGS: on 1350 spectra of 27 classes it is not done after 1000, which take 34 s
SPANNED = 1e-12  # of the largest eigenvalue: less is rounding
STRENGTHS = np.logspace(-3, 6, 19)  # penalties that the ridge tries, on standardised features


def logistic(sample: Sample, *, C: float) -> Scores:
    """scikit-learn's multinomial logistic regression: its scores are log-probabilities as they are. No warning says
    that all steps were used: the validation split says what a fit is worth."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    x, back = _along(sample.x)
    model = LogisticRegression(C=C, max_iter=MOST_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, sample.y, sample.weight)
    weight, bias = back(model.coef_), model.intercept_
    if len(bias) == 1:  # that of the second class of two
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return Scores(weight, bias)


def svm(sample: Sample, *, C: float) -> Scores:
    """A linear SVM with the squared hinge loss, one class against the others: what LIBLINEAR, and with it
    scikit-learn's ``LinearSVC``, minimises, its bias among the weights (Fan et al. 2008, JMLR 9, 1871).

    By L-BFGS for all classes together, each axis scaled by its curvature: 1 s where LIBLINEAR takes 100 s.
    """
    from scipy.optimize import minimize

    x, back = _along(sample.x)
    x, targets = np.column_stack([x, np.ones(len(x))]), sample.targets()
    cost = C * sample.weight[:, None]
    scale = 1 / np.sqrt(1 + 2 * (cost * x**2).sum(axis=0))[:, None]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight = flat.reshape(x.shape[1], -1) * scale
        missing = np.maximum(0, 1 - targets * (x @ weight))
        slope = weight - 2 * (x.T @ (cost * targets * missing))
        return float((weight**2).sum() / 2 + (cost * missing**2).sum()), (slope * scale).ravel()

    start = np.zeros(x.shape[1] * targets.shape[1])
    result = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS, "ftol": 1e-9})
    weight = (result.x.reshape(x.shape[1], -1) * scale).T
    return Scores(back(weight[:, :-1]), weight[:, -1])


def plsda(sample: Sample, *, components: int) -> Scores:
    """Partial least squares on the classes as -1 and 1, as scikit-learn's ``PLSRegression`` converges to.

    The weights of a component are the first singular vector of the covariance, and spectra need not be deflated: their
    covariance with what is left of the targets is the same (Dayal and MacGregor 1997).
    """
    x, targets, means = _centred(sample)
    residual = targets.copy()
    weights: list[Floats] = []
    loadings: list[Floats] = []
    scores: list[Floats] = []
    for _ in range(min(components, *x.shape)):
        weight = np.linalg.svd(x.T @ residual, full_matrices=False)[0][:, 0]
        score = x @ weight
        for earlier in scores * 2:  # twice: once leaves rounding errors that grow
            score -= (score @ earlier) * earlier
        size = np.linalg.norm(score)
        if size <= 1e-9 * np.linalg.norm(x):
            break  # nothing is left to explain
        score /= size
        residual -= np.outer(score, score @ residual)
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
    fits = []
    for strength in STRENGTHS:
        complement = 1 - leverage - (rows**2) @ (1 / (values + strength))
        error = (targets - rows @ (along / (values + strength)[:, None])) / np.maximum(complement, 1e-12)[:, None]
        fits.append((float((error**2).sum()), strength, error / root))
    _, strength, error = min(fits, key=lambda one: one[0])
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


def _along(x: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Spectra (N, L) along their principal axes where these are fewer than their points, and what takes weights (C, r)
    back to points: where the penalty is the length of the weights, they lie in the span of the spectra (the representer
    theorem), and both have the same products."""
    if x.shape[0] >= x.shape[1]:
        return x, lambda weight: weight
    values, vectors = np.linalg.eigh(x @ x.T)
    there = values > SPANNED * values[-1]
    lengths = np.sqrt(values[there])
    axes = (vectors[:, there] / lengths).T @ x
    return vectors[:, there] * lengths, lambda weight: weight @ axes
