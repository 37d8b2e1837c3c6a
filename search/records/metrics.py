"""The metrics, for those who read records; the registry is ``spaces/metrics.py``."""

from __future__ import annotations

from spectune.spaces.metrics import BESIDE, DEFAULT, EXPECTED, METRICS, Metric, metric_of, objectives, scores

__all__ = ["BESIDE", "DEFAULT", "EXPECTED", "METRICS", "Metric", "ends", "metric_of", "objectives", "scores"]


def ends(name: str) -> tuple[float, float]:
    """The least and the most that a metric can be; "", as of a difference, has no ends."""
    return metric_of(name).low, metric_of(name).high
