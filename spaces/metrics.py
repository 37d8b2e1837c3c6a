"""What a training is measured by: every metric is one line of ``METRICS``, which says all that anybody asks of it.

How a score comes from a network's answers is the method of its name in ``trainables/metrics.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that says something of a training.

    A ``score`` says how good its network is and may rank a study. A ``cost`` is what the network takes, and may be an
    objective beside a score. ``progress`` is what a training says of itself.
    """

    name: str
    title: str  # its name for people
    direction: Literal["max", "min"] = "max"  # which values are better
    low: float = 0.0
    high: float = 1.0
    kind: Literal["score", "cost", "progress"] = "score"
    labels: Literal["any", "one", "several"] = "any"  # per spectrum, that it needs
    points: bool = True  # whether a difference is said in points of a hundred
    by_epoch: bool = False  # whether MLflow shows it for every epoch
    by_class: bool = False  # whether it is a mean over classes, in which rare ones weigh as much as others


_LIST = (
    Metric(name="accuracy", title="accuracy", by_epoch=True),
    Metric(name="balanced_accuracy", title="balanced accuracy", labels="one", by_class=True),
    Metric(name="top3", title="top-3 accuracy", labels="one"),
    Metric(name="top5", title="top-5 accuracy", labels="one"),
    Metric(name="molecular_f1", title="molecular F1", labels="several", by_epoch=True),
    Metric(name="macro_f1", title="macro F1", by_epoch=True, by_class=True),
    Metric(name="auc", title="AUC", labels="several", by_epoch=True, by_class=True),
    Metric(name="loss", title="loss", direction="min", high=math.inf, points=False, by_epoch=True),
    Metric(name="calibration_error", title="calibration error", direction="min", labels="one", points=False),
    Metric(name="parameters", title="parameters", direction="min", high=math.inf, points=False, kind="cost"),
    Metric(name="macs", title="multiply-adds", direction="min", high=math.inf, points=False, kind="cost"),
    Metric(name="latency", title="latency (ms)", direction="min", high=math.inf, points=False, kind="cost"),
    Metric(
        name="train_loss",
        title="training loss",
        direction="min",
        high=math.inf,
        points=False,
        kind="progress",
        by_epoch=True,
    ),
    Metric(name="learning_rate", title="learning rate", high=math.inf, points=False, kind="progress", by_epoch=True),
)
METRICS = {metric.name: metric for metric in _LIST}
DEFAULT = "accuracy"  # what a search optimises unless it is asked for something else
BESIDE = ("balanced_accuracy", "macro_f1")  # what stands beside the accuracy where classes are unequal
EXPECTED = "accuracy"  # the score that the ideal classifier's expectation is of


def metric_of(name: str) -> Metric:
    """The metric of that name. One that is not listed, as of an old journal, is called by its name and has no ends."""
    return METRICS.get(name) or Metric(name=name, title=name, low=-math.inf, high=math.inf, points=False)


def scores(labels: str = "") -> list[str]:
    """Names of the scores, or of those alone that spectra with ``one`` label or ``several`` have."""
    metrics = [one for one in METRICS.values() if one.kind == "score"]
    return [one.name for one in metrics if not labels or one.labels in ("any", labels)]


def objectives() -> list[str]:
    """Names of what a search can optimise: the scores, and the costs beside one."""
    return [*scores(), *(one.name for one in METRICS.values() if one.kind == "cost")]
