"""Who is confirmed, and what the confirmation says: means with their intervals over new seeds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

from spectune.search.records import SIMPLE, Study, Trial
from spectune.search.records.ranking import best, front, valued

QUICKER = 4.0  # times as many multiply-adds per second as the fastest so far


def finalists(study: Study, top: int, *beside: dict[str, Any]) -> list[Trial]:
    """The explore trials to confirm, best first. One that was paused or stopped is as good as it was by then, so it
    stands before one that ran to its end and is worse.

    With several objectives the trials on the Pareto front come before the others. Equal values are told apart by the
    validation loss. Two trials with one config are confirmed once, one with a config that is confirmed ``beside`` them
    not at all.
    """
    metric, direction = study.objectives[0]
    sign = 1 if direction == "min" else -1
    known = valued(study, study.stage("explore"))  # what goes on after a pause has the value that it had by then
    on_front = set(front(study)) if len(study.objectives) > 1 else {trial.number for trial in known}

    def rank(trial: Trial) -> tuple[Any, ...]:
        dominated = trial.number not in on_front
        return (dominated, sign * trial.metrics[metric], trial.status != "complete", trial.metrics["loss"])

    chosen: list[Trial] = []
    for trial in sorted(known, key=rank):
        taken = [*beside, *(other.config for other in chosen)]
        if len(chosen) < top and trial.config not in taken:
            chosen.append(trial)
    return chosen


def simplest(study: Study) -> Trial | None:
    """The best simple method by the first objective on the validation split; None while there is none."""
    sound = [trial for trial in valued(study, study.stage(SIMPLE)) if trial.status == "complete"]
    return best(study, sound) if sound else None


def whole(study: Study, config: dict[str, Any], macs: int, *, epochs: int, families: Collection[str] = ()) -> float:
    """Seconds that a training of a config takes to its end, by its trials; 0 before any trial reported.

    Where it has none it is that of the trial next to it in multiply-adds, by the root of their ratio if it is larger:
    one of the ``families``, if there is any, as what is fitted at once says nothing of what is trained by steps.
    """
    reported = [trial for trial in study.trials.values() if trial.reports]
    reported = [trial for trial in reported if trial.config["network"]["family"] in families] or reported
    own = [trial for trial in reported if trial.config == config]
    if not own and not reported:
        return 0.0
    near = min(
        own or reported,
        key=lambda trial: (abs(math.log(max(1, macs) / max(1, trial.macs))), trial.status != "complete"),
    )
    factor = 1.0 if own else max(1.0, (macs / max(1, near.macs)) ** 0.5)
    ended = near.seconds / near.trainings
    return factor * (ended if near.status == "complete" else pace(near, study.clock) * epochs)


def pace(trial: Trial, now: float) -> float:
    """Seconds per epoch of a trial that reported, ``now`` on the study's clock."""
    if trial.ended is not None:
        return trial.seconds / max(1, trial.epochs) / trial.trainings
    return (now - trial.started) / len(trial.reports)


def fastest(trials: Iterable[Trial], now: float) -> float:
    """Multiply-adds per spectrum times epochs per second of the fastest of ``trials`` that reported; infinite before
    any did."""
    return max((trial.macs / max(pace(trial, now), 1e-9) for trial in trials if trial.reports), default=math.inf)


def reachable(macs: int, rate: float, *, seconds: float) -> bool:
    """Whether an epoch of a network of so many multiply-adds may end within some seconds, by the rate of the
    ``fastest``, which it may be ``QUICKER`` than by the operation."""
    return macs <= QUICKER * rate * seconds
