"""Who is confirmed, and what the confirmation says: means with their intervals over new seeds."""

from __future__ import annotations

from typing import Any

from spectune.search.records import Study, Trial
from spectune.search.records.ranking import front, valued


def finalists(study: Study, top: int, baseline: dict[str, Any] | None = None) -> list[Trial]:
    """The explore trials to confirm, best first: those that ran to the end, then the best of the stopped ones.

    With several objectives the trials on the Pareto front come before the others. Equal values are told apart by the
    validation loss. Two trials with one config are confirmed once, one with the config of the baseline not at all: the
    baseline is confirmed anyway.
    """
    metric, direction = study.objectives[0]
    sign = 1 if direction == "min" else -1
    ended = [trial for trial in valued(study, study.stage("explore")) if trial.status in ("complete", "stopped")]
    on_front = set(front(study)) if len(study.objectives) > 1 else {trial.number for trial in ended}

    def rank(trial: Trial) -> tuple[Any, ...]:
        dominated = trial.number not in on_front
        return (trial.status != "complete", dominated, sign * trial.metrics[metric], trial.metrics["loss"])

    chosen: list[Trial] = []
    for trial in sorted(ended, key=rank):
        known = [baseline, *(other.config for other in chosen)]
        if len(chosen) < top and trial.config not in known:
            chosen.append(trial)
    return chosen
