"""What the records say of configs: means with their intervals, differences, the Pareto front, ranking and winner."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from spectune.search.records.candidate import ENSEMBLE, SIMPLE
from spectune.search.records.metrics import BESIDE, EXPECTED, ends, metric_of
from spectune.search.records.study import Study, Trial

CEILING = (
    "the ideal classifier, which knows how training spectra are made and no more, expects {:.4f} "
    f"({{}} {metric_of(EXPECTED).title})"
)


def interval(values: Sequence[float], metric: str = "") -> dict[str, float | None]:
    """Mean, standard deviation and Student's 95 % interval of the mean over seeds; without one for a single value.

    All that is known before the spectra are looked at (``measured``). The interval ends where the ``metric`` does
    (``metrics.ends``).
    """
    mean = statistics.fmean(values)
    if len(values) < 2:
        return {"mean": mean, "std": None, "low": None, "high": None}
    std = statistics.stdev(values)
    half = student(len(values) - 1) * std / len(values) ** 0.5
    least, most = ends(metric)
    return {"mean": mean, "std": std, "low": max(least, mean - half), "high": min(most, mean + half)}


def difference(first: Sequence[float], second: Sequence[float]) -> dict[str, float | None]:
    """Mean of ``first`` less that of ``second`` with Welch's 95 % interval over seeds; without one where
    either has one value. All that can be said of candidates that were not compared on the same spectra."""
    gap = statistics.fmean(first) - statistics.fmean(second)
    if min(len(first), len(second)) < 2:
        return {"mean": gap, "low": None, "high": None}
    parts = [statistics.variance(values) / len(values) for values in (first, second)]
    if not sum(parts):
        return {"mean": gap, "low": gap, "high": gap}
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    half = student(freedom) * sum(parts) ** 0.5
    return {"mean": gap, "low": gap - half, "high": gap + half}


def measured(
    metric: str, seeds: Sequence[int], values: Sequence[float], line: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A score of one candidate on a split, as it is said everywhere: ``values`` by seed, their mean and standard
    deviation, and the 95 % interval from ``low`` to ``high`` with what it is ``over``.

    It is over seeds and spectra where the journal's ``line`` of their evaluation has it, else over seeds alone, as in
    old journals and while a study runs; None for one seed of those.
    """
    score: dict[str, Any] = {"metric": metric, "seeds": list(seeds), "values": list(values), **interval(values, metric)}
    known = (line or {}).get("intervals", {}).get(metric)
    if line is not None and known and line["seeds"] == score["seeds"]:
        return {**score, "low": known[0], "high": known[1], "over": line["over"]}
    return {**score, "over": None if score["low"] is None else "seeds"}


def scored(study: Study, candidate: int | str, split: str, metric: str = "") -> dict[str, Any] | None:
    """A score (``measured``), or the first objective, of a confirmed candidate on the ``validation`` split or the blind
    ``test``; None where there is no value. On folds each training has the value of its own, the mean is that of
    ``validated``."""
    metric = metric or study.objectives[0][0]
    if split == "test":
        line = study.tested(candidate)
        rows = {} if line is None else dict(zip(line["seeds"], line["metrics"], strict=True))
        means = list(rows.values())
    else:
        line = study.evaluations.get((candidate, split))
        trials = valued(study, study.confirmed().get(candidate, []))
        rows, means = {trial.seed: trial.metrics for trial in trials}, validated(study, candidate, trials)
    values = [row.get(metric) for row in rows.values()]
    if not values or None in values:
        return None
    score = measured(metric, list(rows), values, line)
    return {**score, "mean": statistics.fmean(row[metric] for row in means)}


def validated(study: Study, candidate: int | str, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The validation scores whose mean ranks a candidate: those of its ``trials``, or, once their answers on the folds
    were taken together, of each repeat of the folds."""
    line = study.evaluations.get((candidate, "validation"), {})
    together = line.get("folds") and line["trials"] == [one.number for one in trials]
    rows: list[dict[str, Any]] = line["metrics"] if together else [one.metrics for one in trials]
    return rows


def largest(study: Study) -> dict[str, Any] | None:
    """On each split the ``class`` that most spectra are of, and its ``share``: the accuracy of always saying it.

    None for several labels per spectrum, and of journals that do not say it.
    """
    by_split: dict[str, Any] | None = study.header.get("dataset", {}).get("largest")
    return by_split


def beside(study: Study) -> list[str]:
    """The scores that stand beside the first objective, where classes are unequal: a large one hides a small one."""
    if not study.header.get("dataset", {}).get("unequal"):
        return []
    return [name for name in (EXPECTED, *BESIDE) if name != study.objectives[0][0]]


def rivals(study: Study) -> list[dict[str, Any]]:
    """The winner against each other tested candidate, while it is of the same trainings; without any, nothing."""
    line, numbers = study.versus, {test["candidate"]: test["trials"] for test in study.tests}
    if line is None or line["candidate"] != winner(study) or numbers.get(line["candidate"]) != line["trials"]:
        return []
    return [row for row in line["rows"] if numbers.get(row["candidate"]) == row["trials"]]


def duel(study: Study, row: dict[str, Any]) -> str:
    """The winner against another candidate on the same spectra of the blind test, in a sentence.

    They are told apart where the interval of the difference excludes zero, and of the accuracy the test of pairs (p up
    to 0.05) agrees.
    """
    assert study.versus is not None
    first, other = study.candidate(study.versus["candidate"]).title, study.candidate(row["candidate"]).title
    return sentence(first[0].upper() + first[1:], other, row, *study.objectives[0])


def sentence(name: str, other: str, row: dict[str, Any], metric: str, direction: str, *, several: bool = False) -> str:
    """The sentence of ``duel``, of any two; ``several``: they are more than one each, on more than one blind test."""
    gap = row["mean"] if direction == "max" else -row["mean"]
    apart = not row["low"] <= 0 <= row["high"] and (metric != EXPECTED or row["p"] <= 0.05)
    verb, be = ("beat", "are") if several else ("beats", "is")
    does = (verb if gap > 0 else f"{be} beaten by") if apart else "cannot be told apart from"
    size = f"{row['mean']:+.4f} {metric_of(metric).title}, 95 % interval {row['low']:+.4f} to {row['high']:+.4f}"
    parts = [f"{size} over {row['over']}"]
    if metric == EXPECTED:
        often = "" if row["over"].startswith("seeds") else "only "
        gets, are = ("they get", "they are") if several else ("it gets", "it is")
        words = (
            f"{{}} spectra only {gets} right, {{}} only the other"
            if often
            else f"{are} right more often on {{}} spectra, the other on {{}}"
        )
        parts += [words.format(row["more"], row["less"]), f"p = {row['p']:.2g}"]
    return f"{name} {does} {other} on the blind {'tests' if several else 'test'}: {'; '.join(parts)}."


def student(freedom: float) -> float:
    """The t beyond which, on both sides together, 5 % of Student's distribution lie."""
    from scipy.special import stdtrit  # scipy is half a second to import, and a study needs it at its end

    return float(stdtrit(freedom, 0.975))


def valued(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    """The trials whose first objective has a value: some scores have none, as the AUC of a split where no label is both
    present and absent."""
    metric = study.objectives[0][0]
    return [trial for trial in trials if trial.metrics.get(metric) is not None]


def best(study: Study, trials: Sequence[Trial]) -> Trial:
    """The trial that is best by the first objective on the validation split, then by the validation loss.

    At least one of them must have a value.
    """
    metric, direction = study.objectives[0]
    sign = 1 if direction == "min" else -1
    return min(valued(study, trials), key=lambda trial: (sign * trial.metrics[metric], trial.metrics["loss"]))


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


def nothing(study: Study) -> str:
    """Why no trial of a study can be ranked."""
    metric = study.objectives[0][0]
    reports = [row for trial in study.trials.values() for _, row in trial.reports if row.get("loss") is not None]
    if reports and all(row.get(metric) is None for row in reports):
        return f"{metric_of(metric).title} has no value on the validation split, choose another --objective"
    return "all of them failed, the reasons are in the report"


def ranking(study: Study) -> list[tuple[int | str, list[Trial]]]:
    """Confirmed candidates with the trials that have a value, best mean of the first objective on the validation split
    first. Where one network is trained it comes first: it was asked for, and a simple method is only beside it.

    An ensemble costs more than its members: its mean counts less by the standard error of its difference from the best
    single config (the rule of Breiman et al. 1984, Classification and Regression Trees), and last where it is equal.
    """
    sign = 1 if study.objectives[0][1] == "min" else -1
    model = study.header.get("options", {}).get("model")

    def rank(row: tuple[int | str, list[Trial]]) -> tuple[bool, float, bool, float]:
        candidate, trials = row
        loss = statistics.fmean(trial.metrics["loss"] for trial in trials)
        several = trials[0].stage == ENSEMBLE
        less = _error(study) if several else 0.0
        return (bool(model) and candidate != model, sign * _mean(study, *row) + less, several, loss)

    rows = [(candidate, valued(study, trials)) for candidate, trials in study.confirmed().items()]
    return sorted((row for row in rows if row[1]), key=rank)


def _mean(study: Study, candidate: int | str, trials: Sequence[Trial]) -> float:
    return statistics.fmean(row[study.objectives[0][0]] for row in validated(study, candidate, trials))


def _error(study: Study) -> float:
    """The standard error of the ensemble's difference from the best single config; 0 where the journal has none."""
    return float(study.selection.get("error") or 0.0)


def winner(study: Study) -> int | str | None:
    """The candidate with the best confirmed mean, be it the published baseline or a simple method; the network that is
    trained; None before any was confirmed."""
    return next((candidate for candidate, _ in ranking(study)), None)


def simplest(study: Study) -> str | None:
    """The best simple method as a candidate; None where none was confirmed."""
    return next((str(key) for key, _ in ranking(study) if study.candidate(key).kind == SIMPLE), None)


def single(study: Study) -> int | str | None:
    """The best candidate that is one config, not an ensemble of several."""
    return next((candidate for candidate, trials in ranking(study) if trials[0].stage != ENSEMBLE), None)


def members(study: Study) -> list[dict[str, Any]]:
    """The trainings that the ensemble averages, the heaviest first: ``trial``, ``candidate``, ``seed``, ``weight``."""
    selected = [] if study.ensemble is None else study.ensemble.config["network"]["members"]
    rows = [(study.trials[one["trial"]], one["weight"]) for one in sorted(selected, key=lambda one: -one["weight"])]
    return [
        {"trial": trial.number, "candidate": trial.candidate, "seed": trial.seed, "weight": weight}
        for trial, weight in rows
    ]


def mixture(study: Study) -> str:
    """What the ensemble is and costs, in two sentences; why there is none where it was asked for; or ""."""
    alone = single(study)
    if study.ensemble is None or alone is None:
        reason = study.selection.get("reason")
        return f"No ensemble was made: {reason}." if reason else ""
    weights: dict[str, int] = {}
    for one in members(study):
        title = study.candidate(one["candidate"]).title
        weights[title] = weights.get(title, 0) + one["weight"]
    parts = ", ".join(f"{weight / sum(weights.values()):.0%} {title}" for title, weight in weights.items())
    cheap = study.confirmed()[alone][0]
    often, title = study.ensemble.macs / max(1, cheap.macs), study.candidate(alone).title
    error = _error(study)
    rule = f", and it wins where it is better by more than the standard error of the difference, {error:.4f}"
    return (
        f"The ensemble averages the probabilities of {len(members(study))} trainings ({parts}) for {often:.3g} times "
        f"the multiply-adds of {title}. Its value on the validation split is cross-fitted{rule if error else ''}."
    )


def remark(study: Study) -> str:
    """A sentence where a simple method is better than all else, by the validation split; "" where none is."""
    ranked, simple = dict(ranking(study)), simplest(study)
    if simple is None:
        return ""
    name, (first, trials) = study.candidate(simple).title, next(iter(ranked.items()))
    if first == simple:
        return f"The simple method {name} wins: no network that was trained is better on the validation split."
    sign = 1 if study.objectives[0][1] == "max" else -1
    if sign * _mean(study, simple, ranked[simple]) > sign * _mean(study, first, trials):
        return f"The simple method {name} is better on the validation split than {study.candidate(first).title}."
    return ""
