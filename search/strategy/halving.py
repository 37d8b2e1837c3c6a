"""Which explore trials may go on: asynchronous successive halving (Li et al. 2020), rebuilt from records."""

from __future__ import annotations

import math
from itertools import islice
from typing import Self

from spectune.search.records import Budget, Study, Trial

RECENT = 32


class Halving:
    """Holds a trial back at a rung unless its value is among the best 1/eta of the newest RECENT that reached the rung.

    Older ones do not count: a search that learns proposes better and better configs, and against all since its random
    beginning nearly every one would go on. Ties go on. The first trial at a rung always goes on. Each trial counts at a
    rung once.
    """

    def __init__(self, rungs: tuple[int, ...], *, eta: int, direction: str) -> None:
        self.eta = eta
        self._sign = 1.0 if direction == "min" else -1.0
        self.rungs: dict[int, dict[int, float]] = {rung: {} for rung in rungs}  # rung -> trial -> loss, newest last

    @classmethod
    def of(cls, budget: Budget, study: Study) -> Self:
        """That of a study, with the trials of earlier sessions on their rungs again."""
        metric, direction = study.objectives[0]
        halving = cls(budget.rungs, eta=budget.eta, direction=direction)
        for trial in study.stage("explore"):
            last = _judged(trial)
            for epoch in trial.reports.epochs:
                if epoch in halving.rungs and epoch <= last and (value := trial.best(epoch).get(metric)) is not None:
                    halving.good(trial.number, epoch, value)
        return halving

    def good(self, trial: int, epoch: int, value: float) -> bool:
        """Record the value a trial reached; False when it should be held back."""
        losses = self.rungs.get(epoch)
        if losses is None:
            return True
        loss = self._sign * value
        losses.setdefault(trial, loss)
        better, among = self._better(epoch, loss)
        return better < math.ceil(among / self.eta)

    def promotes(self, trial: Trial) -> bool:
        """Whether a trial that was held back at a rung has come to be among the best 1/eta there, of which a whole one
        is needed here."""
        better, among = self._better(trial.paused, self.loss(trial))
        return better < among // self.eta

    def loss(self, trial: Trial) -> float:
        """What a trial had reached where it was held back: the less, the better."""
        return self.rungs.get(trial.paused, {}).get(trial.number, math.inf)

    def _better(self, rung: int, loss: float) -> tuple[int, int]:
        """How many of the newest at a rung are better, and among how many."""
        recent = list(islice(reversed(self.rungs.get(rung, {}).values()), RECENT))
        return sum(other < loss for other in recent), len(recent)


def _judged(trial: Trial) -> float:
    """The last epoch at which a trial was judged: one that was complete was not at its last, one that runs will be
    judged again at what it does again."""
    if trial.status == "running":
        return trial.paused
    last = trial.reports.epochs[-1] if trial.reports else 0
    return last - 1 if trial.status == "complete" and not trial.folds else last
