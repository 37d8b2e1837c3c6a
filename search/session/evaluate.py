"""The weights of confirmed trainings on a split: their scores, the intervals of these, and who is better in pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.search.records import Journal, Options, Study, Task, Trial
from spectune.search.records import uncertainty as sure
from spectune.search.records.metrics import BESIDE, EXPECTED, metric_of
from spectune.search.records.ranking import winner
from spectune.search.workers import cluster
from spectune.search.workers.files import Resources
from spectune.spaces.files import replacing
from spectune.spaces.metrics import scores
from spectune.trainables.data.ceiling.ideal import ceiling
from spectune.trainables.data.dataset import Dataset

PAIRS = "pairs"  # folder of what every tested candidate got right


def evaluate(options: Options, study: Study, journal: Journal, dataset: Dataset, resources: Resources) -> None:
    """Record how every confirmed candidate does on the validation split, class by class, and those of an ablation where
    asked on the blind test. What an earlier session recorded is not done again."""
    for split in ("validation", "test") if options.reference and options.test else ("validation",):
        expected = ceiling(dataset, split)
        for candidate, trials in study.confirmed().items():
            before = study.evaluations.get((candidate, split))
            if before is not None and before["trials"] == [one.number for one in trials]:
                continue
            line, outcomes = measure(options, study, trials, dataset=dataset, split=split, resources=resources)
            record(study, journal, candidate, line, outcomes, dataset=dataset, split=split, expected=expected)


def record(
    study: Study,
    journal: Journal,
    candidate: int | str,
    line: dict[str, Any],
    outcomes: Sequence[dict[str, Any]],
    *,
    dataset: Dataset,
    split: str,
    expected: float | None,
) -> None:
    """Write down how a candidate did on a split, as ``measure`` says it, beside what the ideal classifier expects."""
    right = {} if dataset.multilabel else _right(outcomes, len(dataset.classes))
    line = {"candidate": candidate, "split": split, **line, "ceiling": expected, **right}
    study.apply(journal.append("evaluate", **line))


def _right(outcomes: Sequence[dict[str, Any]], classes: int) -> dict[str, Any]:
    """How many spectra each class has, and how many of them were right for each seed, or each repeat of the folds."""
    right = [np.bincount(row["truth"][row["right"]], minlength=classes).tolist() for row in outcomes]
    return {"right": right, "spectra": np.bincount(outcomes[0]["truth"], minlength=classes).tolist()}


def measure(
    options: Options, study: Study, trials: list[Trial], *, dataset: Dataset, split: str, resources: Resources
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the journal holds of trials of one candidate on a split, and what the evaluation of each gave.

    On the validation split of a study with ``folds`` it is what each repeat gave: every training answers to its own
    fold, and the answers of a repeat are taken together. ``intervals`` has the ends of the first objective's and of
    what stands beside it, and ``over`` what they cover.
    """
    folds = trials[0].folds if split == "validation" else 0
    sets = repeats(trials, folds) if folds else [[one] for one in trials]
    tasks = [[Task.from_dict(vars(one), options.catalogue.families) for one in some] for some in sets]
    names = unsure(study, dataset)
    outcomes = cluster.evaluate(tasks, dataset=dataset, split=split, resources=resources, sure=names)
    return said(trials, outcomes, names=names, dataset=dataset, split=split, folds=folds), outcomes


def unsure(study: Study, dataset: Dataset) -> list[str]:
    """The scores that have intervals over spectra: the first objective and what stands beside it."""
    known = scores("several" if dataset.multilabel else "one")
    return [name for name in dict.fromkeys([study.objectives[0][0], EXPECTED, *BESIDE]) if name in known]


def said(
    trials: Sequence[Trial],
    outcomes: Sequence[dict[str, Any]],
    *,
    names: list[str],
    dataset: Dataset,
    split: str,
    folds: int = 0,
) -> dict[str, Any]:
    """What the journal holds of the ``outcomes`` of each trial, or of each repeat of the ``folds``, with the
    intervals of the scores ``names``."""
    grouped = dataset.split(split).groups is not None
    spreads = {name: one for name in names if (one := _spread(outcomes, name, grouped=grouped)) is not None}
    return {
        "trials": [one.number for one in trials],
        "seeds": [one.seed for one in trials],
        "metrics": [row["metrics"] for row in outcomes],
        "intervals": {name: list(ends(name, one, apart=not dataset.multilabel)) for name, one in spreads.items()},
        "over": over(len(outcomes), "repeats" if folds else "seeds", grouped=grouped),
        **({"folds": folds} if folds else {}),
    }


def repeats(trials: Sequence[Trial], folds: int) -> list[list[Trial]]:
    """The trainings of each repeat of the folds that has all of them; where none has, of the one with the most."""
    by_repeat: dict[int, list[Trial]] = {}
    for one in trials:
        by_repeat.setdefault(one.turn[0] // folds, []).append(one)
    whole = [some for some in by_repeat.values() if len(some) == folds]
    return whole or [max(by_repeat.values(), key=len)]


def over(count: int, of: str = "seeds", *, grouped: bool) -> str:
    """What an interval covers, in words: several seeds, or repeats of the folds, and spectra."""
    drawn = "groups of spectra" if grouped else "spectra"
    return f"{of} and {drawn}" if count > 1 else drawn


def _spread(outcomes: Sequence[dict[str, Any]], name: str, *, grouped: bool) -> sure.Spread | None:
    """That of a score over all seeds; None where one of them has no value."""
    parts = [row["pseudo"].get(name) for row in outcomes]
    if None in parts:
        return None
    return sure.spread([one.values for one in parts], units=min(one.units for one in parts), grouped=grouped)


def ends(name: str, estimate: sure.Spread, *, apart: bool) -> tuple[float, float]:
    """The interval of a score. Three spectra of a small class, all wrong, show no variance: a mean over classes that
    are ``apart``, with spectra of their own, is no surer than their sizes allow."""
    metric = metric_of(name)
    if metric.points:
        return sure.share(estimate, estimate.units if apart and metric.by_class else math.inf)
    low, high = sure.plain(estimate)
    return max(metric.low, low), min(metric.high, high)


def keep(study: Study, journal: Journal, candidate: int | str, *, dataset: Dataset, outcomes: Sequence[Any]) -> None:
    """Write what a tested candidate got right, for its comparison with those that are tested later: ``right`` (S, N)
    and the ``pseudo`` values (S, J) of the first objective with their ``units``."""
    parts = [row["pseudo"].get(study.objectives[0][0]) for row in outcomes]
    if None in parts:
        return
    groups = dataset.split("test").groups
    path = study.folder / _file(study, candidate)
    path.parent.mkdir(exist_ok=True)
    content: dict[str, Any] = {
        "right": np.stack([row["right"] for row in outcomes]),
        "pseudo": np.stack([one.values for one in parts]),
        "units": np.array(min(one.units for one in parts)),
        "groups": np.zeros(0, np.int64) if groups is None else groups,
    }
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **content)
    journal.append("artifact", path=_file(study, candidate))


def _file(study: Study, candidate: int | str) -> str:
    return f"{PAIRS}/{study.candidate(candidate).stem}.npz"


def versus(study: Study, journal: Journal) -> None:
    """Record the winner against every other tested candidate on the same spectra of the blind test."""
    best, metric = winner(study), study.objectives[0][0]
    tested = {line["candidate"]: line["trials"] for line in study.tests if archive(study, line["candidate"]).is_file()}
    if best is None or best not in tested:
        return
    mine = arrays(archive(study, best))
    rows = [
        {"candidate": other, "trials": trials, **compared(mine, arrays(archive(study, other)), metric)}
        for other, trials in tested.items()
        if other != best
    ]
    line = {"candidate": best, "trials": tested[best], "split": "test", "metric": metric, "rows": rows}
    if rows and any((study.versus or {}).get(key) != value for key, value in line.items()):
        study.apply(journal.append("versus", **line))


def archive(study: Study, candidate: int | str) -> Path:
    """Where ``keep`` writes what a candidate got right, and ``arrays`` reads it."""
    return study.folder / _file(study, candidate)


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """What ``keep`` wrote there."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def compared(mine: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]], metric: str) -> dict[str, Any]:
    """The difference of the first objective with its interval, on how many spectra each is right more often, and p.

    Seeds are paired by their order, as far as both have them: they are independent, any pairing will do. A single
    network, as an ensemble is one, is compared with each of the other's.
    """
    counts, grouped = (len(mine["right"]), len(other["right"])), bool(len(mine["groups"]))
    seeds = max(counts) if 1 in counts else min(counts)
    difference = sure.spread(
        mine["pseudo"][:seeds] - other["pseudo"][:seeds],
        units=float(min(mine["units"], other["units"])),
        grouped=grouped,
    )
    low, high = sure.gap(difference) if metric_of(metric).points else sure.plain(difference)
    more = mine["right"].sum(axis=0) * len(other["right"]) - other["right"].sum(axis=0) * len(mine["right"])
    units = np.unique(mine["groups"], return_inverse=True)[1] if grouped else np.arange(len(more))
    return {
        "mean": difference.mean,
        "low": low,
        "high": high,
        "over": over(seeds, grouped=grouped),
        "more": int((more > 0).sum()),
        "less": int((more < 0).sum()),
        "p": sure.pairs(np.bincount(units, weights=more).round()),
    }
