"""Which of the trials that halving held back goes on instead of a new proposal."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from spectune.search.records import Trial
from spectune.search.strategy.halving import Halving

KEPT = 16  # paused trials that may go on: each has a checkpoint on the disk


def thaw(held: Iterable[Trial], halving: Halving) -> Trial | None:
    """The one of the trials held back that is to go on, if there is one: promotion as in asynchronous successive
    halving, but among the newest at a rung; highest rung first, then the best."""
    return max(filter(halving.promotes, held), key=lambda trial: (trial.paused, -halving.loss(trial)), default=None)


class Held:
    """The ``KEPT`` best trials that are paused, best first. What is behind them is too far behind to go on."""

    def __init__(self, paused: Iterable[Trial], halving: Halving) -> None:
        self._halving = halving
        self.trials: list[Trial] = []
        for trial in paused:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """Take in a trial that was paused: it, or the worst, may be one too many."""
        insort(self.trials, trial, key=lambda one: (self._halving.loss(one), one.number))
        del self.trials[KEPT:]

    def next(self) -> Trial | None:
        """The trial that is to go on, if there is one; it stays until it is removed."""
        return thaw(self.trials, self._halving)

    def remove(self, trial: Trial) -> None:
        """The trial goes on."""
        self.trials = [other for other in self.trials if other is not trial]
