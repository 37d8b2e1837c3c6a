"""What a careful chemometrician tries first: simple methods as plain values of the spaces, fitted in seconds."""

from __future__ import annotations

from collections.abc import Mapping

from spectune.spaces.config import Network
from spectune.spaces.forest import Forest
from spectune.spaces.knn import KNN
from spectune.spaces.linear import PLSDA, SVM, Logistic
from spectune.spaces.published import Published
from spectune.spaces.rocket import Rocket
from spectune.spaces.training import Training

SNV, DERIVATIVE = "standardise", "derivative"


def _simple(network: Network) -> Published:
    return Published(network, Training(), "spectune", points=1000, classes=10)


# Cheapest first, in seconds on 2500 spectra of 1000 points (docs/decisions/training.md, 2026-11-29).
SIMPLE: Mapping[str, Published] = {
    "plsda_5": _simple(PLSDA(components=5, preprocess=SNV)),
    "plsda_10": _simple(PLSDA(components=10, preprocess=SNV)),
    "plsda_20": _simple(PLSDA(components=20, preprocess=SNV)),
    "plsda_derivative": _simple(PLSDA(components=10, preprocess=DERIVATIVE)),
    "knn_1": _simple(KNN(neighbours=1, preprocess=SNV)),
    "knn_5": _simple(KNN(neighbours=5, preprocess=SNV)),
    "logistic_strong": _simple(Logistic(C=1e-4, preprocess=SNV)),
    "logistic": _simple(Logistic(C=0.01, preprocess=SNV)),
    "logistic_weak": _simple(Logistic(C=1.0, preprocess=SNV)),
    "logistic_centred": _simple(Logistic(C=1.0, autoscale=False, preprocess=SNV)),
    "logistic_derivative": _simple(Logistic(C=0.01, preprocess=DERIVATIVE)),
    "extra_trees_1000": _simple(Forest(features=32)),
    "svm_strong": _simple(SVM(C=1e-4, preprocess=SNV)),
    "svm": _simple(SVM(C=1e-2, preprocess=SNV)),
    "svm_derivative": _simple(SVM(C=1e-3, preprocess=DERIVATIVE)),
    "rocket_2000": _simple(Rocket(features=2000, preprocess=SNV)),
    "rocket_10000": _simple(Rocket(preprocess=SNV)),
}
