"""Simple methods with a proper grid each, as a user of scikit-learn would write them: the best by the validation split.

Every method sees the spectra as they are, after standard normal variate (Barnes, Dhanoa and Lister 1989), and after
derivatives by Savitzky and Golay (1964). A grid ends with its time; what was tried until then counts.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import savgol_filter
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Grid = Iterator[tuple[str, Callable[[], Any]]]

STRENGTHS = (1.0, 0.1, 10.0, 0.01, 100.0, 0.001, 1000.0)
TREES, CORES = 300, 2


def snv(x: Floats) -> Floats:
    """Every spectrum (row) with mean 0 and standard deviation 1; a flat one is 0."""
    spread = x.std(axis=1, keepdims=True)
    return np.asarray((x - x.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0))


def derivative(x: Floats, order: int, window: int) -> Floats:
    """The derivative by a polynomial of degree 2 or 3 over ``window`` points, then standard normal variate."""
    window = min(window, x.shape[1] - 1 + x.shape[1] % 2)
    return snv(savgol_filter(x, window, order + 1, deriv=order, axis=1))


PREPARED: dict[str, Callable[[Floats], Floats]] = {
    "SNV": snv,
    "none": lambda x: x,
    "first derivative over 9": lambda x: derivative(x, 1, 9),
    "first derivative over 21": lambda x: derivative(x, 1, 21),
    "second derivative over 21": lambda x: derivative(x, 2, 21),
}


class PLSDA:
    """Partial least squares onto the classes as 0 and 1; the largest is predicted (Barker and Rayens 2003)."""

    def __init__(self, components: int) -> None:
        self.components = components

    def fit(self, x: Floats, y: NDArray[np.int64]) -> PLSDA:
        self.classes = np.unique(y)
        most = min(self.components, len(x) - 1, x.shape[1])
        self.model = PLSRegression(most, scale=False).fit(x, (y[:, None] == self.classes).astype(float))
        return self

    def predict(self, x: Floats) -> NDArray[np.int64]:
        return np.asarray(self.classes[self.model.predict(x).argmax(axis=1)])


class MiniRocket:
    """Shares of points where one of 84 dilated kernels exceeds a bias (Dempster, Schmidt and Webb 2021), then ridge.

    The kernels have 9 weights, three of them 2 and six -1. Biases are quantiles of what the kernels give on training
    spectra. Every convolution is padded with zeros, where the paper pads every second one.
    """

    def __init__(self, features: int = 9996, dilations: int = 32, batch: int = 64) -> None:
        self.features, self.most, self.batch = features, dilations, batch
        self.kernels = torch.full((84, 1, 9), -1.0)
        for number, places in enumerate(itertools.combinations(range(9), 3)):
            self.kernels[number, 0, list(places)] = 2.0

    def fit(self, x: Floats, y: NDArray[np.int64]) -> MiniRocket:
        longest = max(1.0, (x.shape[1] - 1) / 8)
        self.dilations = np.unique(np.logspace(0, np.log2(longest), self.most, base=2).astype(int)).tolist()
        count = max(1, self.features // (84 * len(self.dilations)))
        golden = (np.sqrt(5) + 1) / 2
        quantiles = torch.tensor(np.arange(1, count + 1) * golden % 1, dtype=torch.float32)
        sample = torch.tensor(x[:: max(1, len(x) // 16)][:16], dtype=torch.float32)
        self.biases = [
            torch.quantile(self._convolved(sample, dilation).transpose(0, 1).flatten(1), quantiles, dim=1)
            for dilation in self.dilations
        ]  # (count, 84) each
        self.model = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 13)))
        self.model.fit(self.transform(x), y)
        return self

    def transform(self, x: Floats) -> Floats:
        batches = torch.split(torch.tensor(x, dtype=torch.float32), self.batch)
        return np.concatenate([self._shares(batch).numpy() for batch in batches])

    def predict(self, x: Floats) -> NDArray[np.int64]:
        return np.asarray(self.model.predict(self.transform(x)))

    def _convolved(self, x: torch.Tensor, dilation: int) -> torch.Tensor:
        return torch.nn.functional.conv1d(x[:, None], self.kernels, padding=4 * dilation, dilation=dilation)

    def _shares(self, x: torch.Tensor) -> torch.Tensor:
        found = []
        for dilation, biases in zip(self.dilations, self.biases, strict=True):
            given = self._convolved(x, dilation)
            found += [(given > bias[:, None]).float().mean(dim=2) for bias in biases]
        return torch.cat(found, dim=1)


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), clone(model))


def _logistic(seed: int) -> Grid:
    for strength in STRENGTHS:
        yield f"C {strength:g}", partial(_scaled, LogisticRegression(C=strength, max_iter=300))


def _svm(seed: int) -> Grid:
    for strength in STRENGTHS:
        model = LinearSVC(C=strength / 100, max_iter=5000, random_state=seed)
        yield f"C {strength / 100:g}", partial(_scaled, model)


def _pls(seed: int) -> Grid:
    for count in (10, 2, 4, 6, 8, 14, 18, 24, 32):
        yield f"{count} components", partial(PLSDA, count)


def _neighbours(seed: int) -> Grid:
    for count, metric in itertools.product((3, 1, 5, 9), ("euclidean", "cosine")):
        yield f"{count} by {metric}", partial(KNeighborsClassifier, count, metric=metric, weights="distance")


def _trees(kind: Callable[..., Any], seed: int) -> Grid:
    for share in ("sqrt", 0.1, 0.3):
        yield f"{share} of the points", partial(kind, TREES, max_features=share, random_state=seed, n_jobs=CORES)


METHODS: dict[str, tuple[str, Callable[[int], Grid]]] = {
    "largest": ("always the largest class", lambda seed: iter([("", DummyClassifier)])),
    "logistic": ("logistic regression", _logistic),
    "svm": ("linear SVM", _svm),
    "pls-da": ("PLS-DA", _pls),
    "knn": ("nearest neighbours", _neighbours),
    "forest": ("random forest", partial(_trees, RandomForestClassifier)),
    "extra-trees": ("extra trees", partial(_trees, ExtraTreesClassifier)),
    "minirocket": ("MiniRocket", lambda seed: iter([("ridge", MiniRocket)])),
}


def run(name: str, arrays: Arrays, seconds: float, seed: int) -> dict[str, Any]:
    """What the grid's best by validation accuracy, then balanced accuracy, then order predicts of the test split.

    ``predicted`` (test spectra,), ``validation``, ``chosen`` and how many were ``tried``, of ``grid``.
    """
    end = time.monotonic() + seconds
    x, y, split = arrays["x"].astype(np.float64), arrays["y"], arrays["split"]
    train, held, blind = (split == part for part in ("train", "validation", "test"))
    grid = list(METHODS[name][1](seed))
    best: tuple[tuple[float, float], str, Any, str] | None = None
    tried = 0
    for prepared, (words, make) in itertools.product(PREPARED, grid):
        if best is not None and time.monotonic() > end:
            break
        spectra = PREPARED[prepared](x[train | held])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some strengths of a grid do not converge
            model = make().fit(spectra[train[train | held]], y[train])
        guessed = model.predict(spectra[held[train | held]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a class that the validation split lacks
            scores = (float(accuracy_score(y[held], guessed)), float(balanced_accuracy_score(y[held], guessed)))
        tried += 1
        if best is None or scores > best[0]:
            best = (scores, prepared, model, words)
    assert best is not None
    (validation, _), prepared, model, words = best
    predicted = model.predict(PREPARED[prepared](x[blind]))
    chosen = ", ".join(part for part in (prepared, words) if part)
    return {
        "predicted": predicted.tolist(),
        "validation": validation,
        "chosen": chosen,
        "tried": tried,
        "grid": len(grid) * len(PREPARED),
    }
