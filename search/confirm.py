"""Who is confirmed, and what the confirmation says: means with their intervals over new seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from spectune.search.record import Study, Trial, ends


def interval(values: Sequence[float], metric: str = "") -> dict[str, float | None]:
    """Mean, standard deviation and Student's 95 % interval of the mean; without an interval for a single value.

    The interval ends where the ``metric`` does (``record.ends``).
    """
    mean = statistics.fmean(values)
    if len(values) < 2:
        return {"mean": mean, "std": None, "low": None, "high": None}
    from scipy.special import stdtrit  # scipy is half a second to import, and a study needs it at its end

    std = statistics.stdev(values)
    half = float(stdtrit(len(values) - 1, 0.975)) * std / len(values) ** 0.5
    least, most = ends(metric)
    return {"mean": mean, "std": std, "low": max(least, mean - half), "high": min(most, mean + half)}


def finalists(study: Study, top: int, baseline: dict[str, Any] | None = None) -> list[Trial]:
    """The explore trials to confirm, best first: those that ran to the end, then the best of the stopped ones.

    With several objectives the trials on the Pareto front come before the others. Equal values are told apart by the
    validation loss. Two trials with one config are confirmed once, one with the config of the baseline not at all: the
    baseline is confirmed anyway.
    """
    metric, direction = study.objectives[0]
    sign = 1 if direction == "min" else -1
    ended = [trial for trial in study.stage("explore") if trial.status in ("complete", "stopped") and trial.metrics]
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


def best(study: Study, trials: Sequence[Trial]) -> Trial:
    """The trial that is best by the first objective on the validation split, then by the validation loss."""
    metric, direction = study.objectives[0]
    sign = 1 if direction == "min" else -1
    return min(trials, key=lambda trial: (sign * trial.metrics[metric], trial.metrics["loss"]))


def front(study: Study) -> list[int]:
    """Numbers of the complete explore trials that no other one beats in every objective (the Pareto front)."""
    signs = [1 if direction == "min" else -1 for _, direction in study.objectives]
    points = {
        trial.number: tuple(sign * value for sign, value in zip(signs, trial.values, strict=True))
        for trial in study.stage("explore")
        if trial.status == "complete" and trial.values and None not in trial.values
    }
    distinct = set(points.values())

    def beaten(mine: tuple[float, ...]) -> bool:
        return any(all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine for other in distinct)

    unbeaten = {point for point in distinct if not beaten(point)}
    return [number for number, point in points.items() if point in unbeaten]


def ranking(study: Study) -> list[tuple[int | str, list[Trial]]]:
    """Confirmed candidates, best mean of the first objective on the validation split first, with their trials."""
    metric, direction = study.objectives[0]
    sign = 1 if direction == "min" else -1

    def rank(row: tuple[int | str, list[Trial]]) -> tuple[float, float]:
        trials = row[1]
        mean = statistics.fmean(trial.metrics[metric] for trial in trials)
        return (sign * mean, statistics.fmean(trial.metrics["loss"] for trial in trials))

    return sorted(study.confirmed().items(), key=rank)


def winner(study: Study) -> int | str | None:
    """The candidate with the best confirmed mean, be it the published baseline; None before any was confirmed."""
    return next((candidate for candidate, _ in ranking(study)), None)
