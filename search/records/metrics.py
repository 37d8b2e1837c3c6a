"""What a search may optimise, and what each of it can be."""

from __future__ import annotations

import math

DEFAULT = "accuracy"  # what a search optimises unless it is asked for something else
METRICS = {
    "accuracy": "max",
    "macro_f1": "max",
    "top3": "max",
    "top5": "max",
    "molecular_f1": "max",
    "auc": "max",
    "loss": "min",
    "calibration_error": "min",
}


ONE, SEVERAL = ("top3", "top5", "calibration_error"), ("molecular_f1", "auc")  # labels a spectrum that they need


COSTS = {"parameters": "min", "macs": "min", "latency": "min"}


OBJECTIVES = {**METRICS, **COSTS}


SHARES = frozenset(METRICS) - {"loss", "calibration_error"}  # metrics whose differences are said in points of a hundred


def ends(metric: str) -> tuple[float, float]:
    """The least and the most that a metric can be: 0 and, but for the loss, 1. "", as of a difference, has no ends."""
    return (0.0, math.inf if metric == "loss" else 1.0) if metric else (-math.inf, math.inf)
