"""Nested evaluation: a whole search for each fold that is tested on, and what the winners of all are worth together.

Each spectrum is tested once, by what a search found that did not see it. S seeds, N spectra, J blocks of all folds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.search.process.table import table
from spectune.search.records import JOURNAL, Options, Study, opening, pairs
from spectune.search.records import uncertainty as sure
from spectune.search.records.metrics import metric_of
from spectune.search.records.ranking import sentence, simplest, winner
from spectune.search.session import evaluate
from spectune.search.session.launch import Interrupted, launch, named
from spectune.search.session.run import Watcher
from spectune.spaces.errors import InputError
from spectune.spaces.files import replace

SUMMARY = "test-folds.json"
SHARED = ("trials", "time", "total_time")  # among the searches

Arrays = dict[str, NDArray[Any]]


def search(count: int, given: dict[str, Any], watcher: Watcher | None = None) -> None:
    """Search for each of ``count`` test folds, with the options of the command line, then print and write the summary.

    The studies are called NAME-1 to NAME-``count`` and share trials and time. ValueError as of ``launch``.
    """
    if count < 2:
        raise InputError(f"--test-folds must be at least 2, got {count}: give a larger number, or leave it out")
    name = named(given)
    try:
        studies = [launch(one, watcher).study for one in searches(count, name, given)]
    except Interrupted:
        raise Interrupted(f"the same command with --name {name} --resume") from None
    folder = Path(given.get("studies", Options.studies)) / name
    folder.mkdir(exist_ok=True)
    facts = summary(name, studies)
    replace(folder / SUMMARY, json.dumps(facts, indent=2) + "\n")
    show(facts)
    print(f"summary {folder / SUMMARY}")


def searches(count: int, name: str, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What each search is given: its fold among the options of the data, and its share of trials and time."""
    for fold in range(1, count + 1):
        folder = Path(given.get("studies", Options.studies)) / f"{name}-{fold}"
        recorded = opening(folder)["options"] if (folder / JOURNAL).is_file() else {}
        source = given.get("dataset", recorded.get("dataset", Options.dataset))
        if not Path(source).exists() or source.endswith(".json"):
            raise InputError(
                f"--test-folds divides measured spectra, those of {source} are made by a recipe or not there: leave it "
                "out, or check --dataset"
            )
        data = {**(pairs("--data", given["data"]) if "data" in given else recorded.get("data", {}))}
        data["test_fold"] = f"{fold}/{count}"
        shared = {key: given.get(key, None if recorded else getattr(Options, key)) for key in SHARED}
        shares = {key: total / count for key, total in shared.items() if total is not None}
        if "trials" in shares:
            shares["trials"] = math.ceil(shares["trials"])
        words = [f"{key}={value}" for key, value in data.items()]
        yield {**given, **shares, "name": f"{name}-{fold}", "data": words}


def summary(name: str, studies: Sequence[Study]) -> dict[str, Any]:
    """What the winners, the published baselines and the best simple methods of all searches got right on all folds."""
    metric, direction = studies[0].objectives[0]
    kinds = {"winner": [winner(one) for one in studies], "baseline": [_published(one) for one in studies]}
    kinds["simple"] = [simplest(one) for one in studies]
    by_kind = {kind: pooled(studies, candidates) for kind, candidates in kinds.items()}
    arrays = {
        kind: some
        for kind, some in by_kind.items()
        if some is not None and (kind == "winner" or kinds[kind] != kinds["winner"])
    }
    if "winner" not in arrays:
        some = (one.name for one, key in zip(studies, kinds["winner"], strict=True) if not _tested(one, key))
        raise InputError(f"every search must have tested a winner, {', '.join(some)} has not: look at its report")
    return {
        "name": name,
        "studies": [one.name for one in studies],
        "dataset": studies[0].header["dataset"]["name"],
        "metric": metric,
        "direction": direction,
        "rows": [_row(kind, studies, kinds[kind], some, metric) for kind, some in arrays.items()],
        "versus": [
            {"of": kind, **evaluate.compared(arrays["winner"], some, metric)}
            for kind, some in arrays.items()
            if kind != "winner"
        ],
    }


def _published(study: Study) -> int | str | None:
    return next((key for key in study.confirmed() if study.candidate(key).kind == "known"), None)


def _tested(study: Study, candidate: int | str | None) -> bool:
    return candidate is not None and evaluate.archive(study, candidate).is_file()


def pooled(studies: Sequence[Study], candidates: Sequence[int | str | None]) -> Arrays | None:
    """What a candidate of each study got right, one study after the other, as ``evaluate.keep`` has it; None where one
    was not tested. Seeds are paired by their order. The pseudo-values of a fold count by its spectra."""
    parts = []
    for study, candidate in zip(studies, candidates, strict=True):
        if candidate is None or not _tested(study, candidate):
            return None
        parts.append(evaluate.arrays(evaluate.archive(study, candidate)))
    seeds = min(len(part["right"]) for part in parts)
    right = np.concatenate([part["right"][:seeds] for part in parts], axis=1)
    blocks = sum(part["pseudo"].shape[1] for part in parts)
    weights = [part["right"].shape[1] / right.shape[1] * blocks / part["pseudo"].shape[1] for part in parts]
    pseudo = [weight * part["pseudo"][:seeds] for weight, part in zip(weights, parts, strict=True)]
    return {
        "right": right,
        "pseudo": np.concatenate(pseudo, axis=1),
        "units": np.array(sum(float(part["units"]) for part in parts)),
        "groups": np.concatenate([part["groups"] for part in parts]),
    }


def _row(
    kind: str, studies: Sequence[Study], candidates: Sequence[int | str | None], arrays: Arrays, metric: str
) -> dict[str, Any]:
    grouped, several = bool(len(arrays["groups"])), studies[0].header["dataset"]["labels"] == "several"
    estimate = sure.spread(arrays["pseudo"], units=float(arrays["units"]), grouped=grouped)
    low, high = evaluate.ends(metric, estimate, apart=not several)
    each = zip(studies, candidates, strict=True)
    return {
        "of": kind,
        "candidates": list(candidates),
        "titles": [one.candidate(candidate).title for one, candidate in each if candidate is not None],
        "spectra": arrays["right"].shape[1],
        "seeds": len(arrays["right"]),
        "mean": estimate.mean,
        "low": low,
        "high": high,
        "over": evaluate.over(len(arrays["right"]), grouped=grouped),
    }


WORDS = {"winner": "the winners", "baseline": "the published baseline", "simple": "the best simple methods"}


def show(facts: dict[str, Any]) -> None:
    """Print the summary."""
    first, count = facts["rows"][0], len(facts["studies"])
    title = (
        f"{facts['name']}: {metric_of(facts['metric']).title} on all {first['spectra']} spectra of {facts['dataset']}, "
        f"each tested by the one of {count} searches that did not see it; mean and 95 % interval over {first['over']}"
    )
    rows = [
        {
            "config": f"{WORDS[row['of']]} ({', '.join(dict.fromkeys(row['titles']))})",
            "blind tests": f"{row['mean']:.4f} ({row['low']:.4f} to {row['high']:.4f})",
            "seeds": row["seeds"],
        }
        for row in facts["rows"]
    ]
    table(rows, title)
    for row in facts["versus"]:
        print(sentence("The winners", WORDS[row["of"]], row, facts["metric"], facts["direction"], several=True))
    print(f"studies {', '.join(facts['studies'])}")
