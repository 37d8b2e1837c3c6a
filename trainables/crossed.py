"""One training on several folds in turn, as one training whose result is the mean over the folds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from spectune.trainables.data.dataset import Dataset
from spectune.trainables.epoch import Epoch, State
from spectune.trainables.fit import Fit
from spectune.trainables.train import Run


class Crossed:
    """A living training that validates on one fold after the other, each from scratch: ``start`` begins that of a fold.

    Epochs are those of the first fold. Each one of a later fold comes with the number of the first fold's last epoch
    and its own metrics, and says by ``fold`` which it is of. ``state["best"]`` is that of the first fold, but for the
    metrics at the very end: the means over all folds. ``state["epoch"]`` counts the epochs of all folds.
    """

    def __init__(self, start: Callable[[Dataset], Fit | Run], folds: Sequence[Dataset]) -> None:
        self._start = start
        self._folds = folds
        self._ended: list[State] = []  # of each fold that was trained to its end: its last epoch and its best metrics
        self._run: Fit | Run | None = None
        self._trained = 0  # epochs of all folds
        self._first: State = {}  # the best of the first fold

    @property
    def done(self) -> bool:
        """Whether no other epoch comes, of no fold."""
        return len(self._ended) == len(self._folds)

    def epoch(self) -> Epoch:
        """An epoch of the fold in turn."""
        fold = len(self._ended)
        if self._run is None:
            self._run = self._start(self._folds[fold])
        epoch, self._trained = self._run.epoch(), self._trained + 1
        best = epoch.state["best"]
        if fold == 0:
            self._first = {"epoch": best["epoch"], "metrics": dict(best["metrics"])}
        if epoch.last:
            self._ended.append({"epoch": epoch.number, "metrics": dict(best["metrics"])})
            self._run = None  # its memory is for the next one's
        number = epoch.number if fold == 0 else self._ended[0]["epoch"]
        metrics = _means([one["metrics"] for one in self._ended]) if self.done else self._first["metrics"]
        state = {
            "epoch": self._trained,
            "run": epoch.state if self._run else {},
            "ended": self._ended,
            "first": self._first,
            "best": {**self._first, "metrics": metrics, "model": best["model"]},
        }
        return Epoch(number, epoch.metrics, state, self.done, fold)

    def load(self, state: State) -> None:
        """Go on from ``state``, which stays as it is."""
        self._trained, self._first, self._ended = state["epoch"], state["first"], list(state["ended"])
        self._run = None
        if state["run"]:
            self._run = self._start(self._folds[len(self._ended)])
            self._run.load(state["run"])


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of every metric; of one that some folds have no value of, as the AUC, over the others."""
    means = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        means[name] = statistics.fmean([value for value in values if not math.isnan(value)] or values)
    return means
