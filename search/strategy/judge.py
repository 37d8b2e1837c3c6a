"""What may go on: why a running trial should be stopped, by what it reported."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from spectune.search.records import Budget, Study, Trial
from spectune.search.strategy.halving import Halving


class Judge:
    """Stops explore trials that are behind, all trials that diverged, and those of a stage whose time is ``over``."""

    def __init__(self, budget: Budget, study: Study, over: Callable[[str], bool]) -> None:
        self._metric, direction = study.objectives[0]
        self._over = over
        self._late = budget.epochs / budget.eta  # epochs from which on a known network is judged like others
        self._halving = Halving(grace=budget.first_rung, epochs=budget.epochs, eta=budget.eta, direction=direction)
        for trial in study.stage("explore"):
            if trial.status != "running":
                self._learn(trial)

    def verdict(self, trial: Trial, message: dict[str, Any]) -> str:
        """Why the trial should stop after the epoch of a message: nan, asha or time; "" where it should not."""
        if not all(math.isfinite(message["metrics"][name]) for name in ("loss", "train_loss", self._metric)):
            return "nan"
        if message["done"]:
            return ""
        if trial.stage != "explore" or message["fold"]:  # a trial that got to its second fold is to end
            return "time" if self._over(trial.stage) else ""
        good = self._halving.good(trial.number, message["epoch"], trial.best()[self._metric])
        proven = trial.label and message["epoch"] < self._late
        if not good and not proven:  # a known network is judged at the last rung: some are slow to start
            return "asha"
        return "time" if self._over("explore") else ""

    def _learn(self, trial: Trial) -> None:
        """Put a trial of an earlier session on its rungs again."""
        last = -1 if trial.status == "complete" and not trial.folds else None  # the last of all is not judged
        for epoch in trial.reports.epochs[:last]:
            value = trial.best(epoch).get(self._metric)
            if value is not None:
                self._halving.good(trial.number, epoch, value)
