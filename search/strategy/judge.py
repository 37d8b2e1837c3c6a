"""What may go on: why a running trial should end, by what it reported."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from spectune.search.records import Budget, Study, Trial
from spectune.search.strategy.halving import Halving


class Judge:
    """Pauses explore trials that are behind, stops all that diverged, and those of a stage whose time is ``over``."""

    def __init__(self, budget: Budget, study: Study, halving: Halving, over: Callable[[str], bool]) -> None:
        self._metric, _ = study.objectives[0]
        self._halving = halving
        self._over = over
        self._late = budget.epochs / budget.eta  # epochs from which on what a search begins with is judged like others

    def verdict(self, trial: Trial, message: dict[str, Any]) -> str:
        """Why the trial should end after the epoch of a message: nan, time, or asha, which is a pause; "" where it
        should not. What was paused is not judged again where it was before."""
        if not all(math.isfinite(message["metrics"][name]) for name in ("loss", "train_loss", self._metric)):
            return "nan"
        if message["done"]:
            return ""
        if trial.stage != "explore" or message["fold"]:  # a trial that got to its second fold is to end
            return "time" if self._over(trial.stage) else ""
        if message["epoch"] > trial.paused:
            good = self._halving.good(trial.number, message["epoch"], trial.best()[self._metric])
            begun = (trial.label or trial.origin == "portfolio") and message["epoch"] < self._late
            if not good and not begun:  # what a search begins with is judged at the last rung: some are slow to start
                return "asha"
        return "time" if self._over("explore") else ""
