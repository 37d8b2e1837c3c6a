"""How a study looks on MLflow's pages: the names of its runs, the verdict on it, and the table that it opens on.

MLflow opens an experiment on a table without a metric, in its mode for language models. Only the URL chooses another
mode, and only a saved view, which is a tag of the experiment, chooses the columns: see ``page``.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from typing import Any

from spectune.search.records import ENSEMBLE, SIMPLE, Candidate, Study, Trial
from spectune.search.records.metrics import BESIDE, EXPECTED, metric_of
from spectune.search.records.ranking import (
    beside,
    duel,
    largest,
    mixture,
    ranking,
    remark,
    rivals,
    scored,
    validated,
)

VIEW = "spectune"  # the saved view's key: the user's own views have others
DECIDED = ("loss", "macro_f1", "parameters", "macs", "seconds")  # columns beside the objectives
PLACES = {"validation": "validation", "test": "blind test"}
MOST_PARAMS = 40  # columns of hyperparameters: a tag holds 5000 characters


def address(experiment: str) -> str:
    """Path and query of an experiment's table of trials on an MLflow server."""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={VIEW}"


def run_name(trial: dict[str, Any], header: dict[str, Any]) -> str:
    """What a trial's run is called: "17 cnn (explore)", "trial 17, seed 2", "cnn2 baseline, seed 3",
    "ensemble"."""
    candidate = trial["candidate"]
    if trial["stage"] == ENSEMBLE:
        return f"{trial['number']} {ENSEMBLE}"
    if trial["stage"] == "confirm" and candidate is not None:
        explored = not (header["options"].get("model") or header["options"].get("reference"))
        named = Candidate.of(candidate, trial["label"], ablation=bool(header.get("ablation")))
        kind = {"known": " baseline" if explored else "", SIMPLE: " simple"}.get(named.kind, "")
        return f"{named.title}{kind}, seed {trial['seed']}"
    of = "" if candidate is None else f" {candidate}"
    return f"{trial['number']} {trial['label'] or trial['config']['network']['family']} ({trial['stage']}{of})"


def columns(objectives: Iterable[str], params: Iterable[str] = ()) -> list[str]:
    """The table's columns under MLflow's names for them. It draws a run's attributes before all others: they would
    push the metrics out of the window."""
    names = list(objectives)
    finals = [f"final/{name}" for name in dict.fromkeys([*names, *DECIDED])]
    metrics = [finals[0], f"test/{names[0]}", *finals[1:]]
    return [
        *(f"metrics.`{name}`" for name in metrics),
        *(f"params.`{name}`" for name in list(params)[:MOST_PARAMS]),
        *(f"tags.`{name}`" for name in ("stage", "status")),
    ]


def saved_view(header: dict[str, Any], params: Iterable[str] = ()) -> dict[str, str]:
    """Tags of an experiment that has the table of trials among its views, sorted by the first objective."""
    name, direction = header["objectives"][0]
    unequal = BESIDE if header.get("dataset", {}).get("unequal") else ()
    shown = columns(dict.fromkeys([*(one for one, _ in header["objectives"]), *unequal]), params)
    state = {
        "searchFilter": "",
        "orderByKey": f"metrics.`final/{name}`",
        "orderByAsc": direction == "min",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": shown,
        "columnOrder": shown,  # by the alphabet without it
        "runsHiddenMode": "FIRST_20_RUNS",
    }
    made = int(1000 * header["time"])
    title = f"Trials by {metric_of(name).title}"
    view = {"name": title, "createdAt": made, "updatedAt": made, "state": json.dumps(state)}
    return {
        "mlflow.experimentKind": "custom_model_development",  # the tab that versions before 3.17 open on
        f"mlflow.sharedViewState.{VIEW}": json.dumps(view),
    }


def searched(trials: Iterable[Trial]) -> list[str]:
    """The hyperparameters in which explored, tuned or compared trials differ, in the order of the space."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        if trial.stage == ENSEMBLE:
            continue
        for name, value in trial.flat.items():
            values.setdefault(name, set()).add(json.dumps(value))
    return [name for name, distinct in values.items() if len(distinct) > 1]


def headline(study: Study) -> dict[str, float]:
    """The winner's mean scores, or of an ablation the reference's: of validation ``final/``, of the test ``test/``."""
    ranked = ranking(study)
    ablation = study.header.get("ablation")
    if ablation:
        ranked = [row for row in ranked if row[0] == ablation["reference"]]
    if not ranked:
        return {}
    candidate, trials = ranked[0]
    final = {f"final/{name}": value for name, value in _means(validated(study, candidate, trials)).items()}
    tested = study.tested(candidate)
    tests = {} if tested is None else _means(tested["metrics"])
    return {**final, **{f"test/{name}": value for name, value in tests.items()}}


def verdict(study: Study) -> str:
    """Which config won and by what, or what the variants of an ablation differ by, in Markdown."""
    name = study.objectives[0][0]
    ranked = ranking(study)
    if not ranked:
        return f"No config of the study {study.name} was confirmed on several seeds."
    shown = [(split, metric) for metric in (name, *beside(study)) for split in PLACES]
    rows = [
        [
            study.candidate(candidate).title.replace("|", " "),
            *(_said(scored(study, candidate, split, metric)) for split, metric in shown),
            f"{trials[0].parameters:,}",
            f"{trials[0].macs:,}",
        ]
        for candidate, trials in ranked
    ]
    heads = ["config", *(f"{PLACES[split]} {metric_of(metric).title}" for split, metric in shown)]
    heads += ["parameters", "multiply-adds per spectrum"]
    seeds = len(ranked[0][1])
    won = study.candidate(ranked[0][0]).title
    first = scored(study, ranked[0][0], "validation")
    covered = f" over {first['over']}" if first is not None and first["over"] else ""
    words = f"**{won} won**: mean and 95 % interval of each config{covered} ({seeds} seeds of the winner)."
    findings = [*filter(None, [remark(study), mixture(study)]), *(duel(study, row) for row in rivals(study))]
    if (most := largest(study)) is not None and name == EXPECTED:
        findings.append(f"Always saying the largest class is right for {most['test']['share']:.4f} of the blind test.")
    if study.header.get("ablation"):
        words = f"Nothing is chosen in an ablation: mean and 95 % interval of each variant{covered}."
        findings = [row["finding"] for line in study.comparisons.values() for row in line["rows"] if row["finding"]]
    table = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    table.insert(1, f"|{'---|' * len(heads)}")
    return "\n".join([words, "", *(f"* {finding}" for finding in findings), "", *table])


def _said(score: dict[str, Any] | None) -> str:
    if score is None:
        return ""
    if score["low"] is None:
        return f"{score['mean']:.4f}"
    return f"{score['mean']:.4f} ({score['low']:.4f} to {score['high']:.4f})"


def _means(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The mean of every metric that all rows have."""
    names = [name for name in rows[0] if all(row.get(name) is not None for row in rows)]
    return {name: statistics.fmean(row[name] for row in rows) for name in names}
