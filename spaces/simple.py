"""What a careful chemometrician tries first: simple methods as plain values of the spaces, fitted in seconds."""

from __future__ import annotations

from collections.abc import Mapping

from spectune.spaces.config import Network
from spectune.spaces.forest import Forest
from spectune.spaces.linear import Logistic
from spectune.spaces.published import Published
from spectune.spaces.training import Training

_SNV, _DERIVATIVE = "standardise", "derivative"


def _simple(network: Network) -> Published:
    return Published(network, Training(), "spectune", points=1000, classes=10)


# Cheapest first, in seconds on 2500 spectra of 1000 points.
SIMPLE: Mapping[str, Published] = {
    "logistic_snv": _simple(Logistic(preprocess=_SNV)),
    "logistic_snv_weak": _simple(Logistic(C=10.0, preprocess=_SNV)),
    "logistic_snv_strong": _simple(Logistic(C=0.001, preprocess=_SNV)),
    "logistic_derivative": _simple(Logistic(preprocess=_DERIVATIVE)),
    "trees": _simple(Forest(features=32)),
}
