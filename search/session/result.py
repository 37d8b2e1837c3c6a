"""What a study found: result.json for scripts (docs/result.schema.json) and a table for people."""

from __future__ import annotations

import shlex
from typing import Any

from spectune.search.ablation import compare
from spectune.search.process.table import table
from spectune.search.records import SIMPLE, Options, Study, Trial
from spectune.search.records.metrics import EXPECTED, metric_of
from spectune.search.records.ranking import (
    CEILING,
    duel,
    front,
    largest,
    members,
    mixture,
    nothing,
    ranking,
    remark,
    rivals,
    scored,
    simplest,
    winner,
)
from spectune.search.records.ranking import beside as unequal

SPLITS = ("validation", "test")


def build(study: Study, options: Options) -> dict[str, Any]:
    """The content of result.json; its keys are a contract (docs/result.md)."""
    header = study.header
    baseline = options.baseline_name
    best = winner(study)
    return {
        "schema": 1,
        "study": study.name,
        "dataset": header["dataset"],
        "objectives": header["objectives"],
        "stages": {stage: _stage(study.stage(stage)) for stage in _stages(study)},
        "budget": {key: getattr(options, key) for key in ("epochs", "trials", "seeds", "folds", "time", "total_time")},
        "confirmed": [
            _confirmed(study, rank, candidate, trials, baseline)
            for rank, (candidate, trials) in enumerate(ranking(study), start=1)
        ],
        "ceiling": next((test["ceiling"] for test in study.tests if "ceiling" in test), None),
        "winner": best,
        "baseline": baseline,
        "simple": simplest(study),
        "verdict": remark(study),
        "ensemble": {"members": members(study), "remark": mixture(study)} if options.mixes else None,
        "versus": rivals(study),
        "pareto": front(study) if len(study.objectives) > 1 else [],
        **({"ablation": _ablation(study)} if options.reference else {}),
        "paths": {
            "report": str(study.folder / "report.html"),
            "export": _export(study),
            "journal": str(study.folder / "journal.jsonl"),
            "mlflow": header["store"],
        },
        "commands": _commands(study, options),
    }


def _stages(study: Study) -> list[str]:
    """Those that every study has, and those that this one has."""
    return list(dict.fromkeys(["explore", "confirm", *(trial.stage for trial in study.trials.values())]))


def _ablation(study: Study) -> dict[str, Any]:
    """What was varied, and on each split the comparison without what only the journal needs."""
    comparisons = {
        split: {key: value for key, value in line.items() if key not in ("event", "time")}
        for split, line in study.comparisons.items()
    }
    return {**study.header["ablation"], "comparisons": comparisons}


def _export(study: Study) -> str | None:
    return next((str(study.folder / row["folder"]) for row in study.exports if row["rank"] == 1), None)


def _stage(trials: list[Trial]) -> dict[str, Any]:
    ends = ("complete", "paused", "stopped", "failed")
    counts = {status: sum(trial.status == status for trial in trials) for status in ends}
    return {**counts, "seconds": round(sum(trial.seconds for trial in trials), 3)}


def _confirmed(
    study: Study, rank: int, candidate: int | str, trials: list[Trial], baseline: str | None
) -> dict[str, Any]:
    others = unequal(study)
    return {
        "rank": rank,
        "candidate": candidate,
        "label": trials[0].label,
        "baseline": candidate == baseline,
        **trials[0].config,
        "parameters": trials[0].parameters,
        "macs": trials[0].macs,
        "validation": scored(study, candidate, "validation"),
        "test": scored(study, candidate, "test"),
        **({"beside": {split: beside(study, candidate, others, split) for split in SPLITS}} if others else {}),
        "seconds": round(sum(trial.seconds for trial in trials), 3),
    }


def beside(study: Study, candidate: int | str, metrics: list[str], split: str) -> list[dict[str, Any]]:
    """Other scores of a candidate on a split, those that it has there."""
    scores = [scored(study, candidate, split, metric) for metric in metrics]
    return [one for one in scores if one is not None]


def _commands(study: Study, options: Options) -> dict[str, str]:
    place = options.place
    if options.reference:
        extend = ["spectune", "ablate", "--resume", "--name", study.name, "--seeds", str(2 * options.seeds), *place]
        return {"extend": shlex.join(extend), "mlflow": shlex.join(["spectune", "ui", *place])}
    export = _export(study) or "EXPORT"
    own = ["--space", options.space] if ":" in options.space else []
    more = ["--seeds", str(2 * options.seeds)] if options.model else ["--trials", str(2 * options.trials)]
    for flag, seconds in (("--time", options.time), ("--total-time", options.total_time)):
        if seconds is not None:
            more += [flag, f"{2 * seconds:g}s"]
    return {
        "predict": shlex.join(["spectune", "predict", export, "FILE", *own]),
        "export": shlex.join(["spectune", "export", study.name, "--top", "3", *place]),
        "extend": shlex.join(["spectune", "search", "--resume", "--name", study.name, *more, *place]),
        "mlflow": shlex.join(["spectune", "ui", *place]),
    }


def show(study: Study, options: Options, undelivered: int) -> None:
    """Print the confirmed configs and what comes next."""
    facts = build(study, options)
    if options.reference:
        compare.show(study, options)
    elif not facts["confirmed"]:
        print(f"no trial could be confirmed: {nothing(study)}")
    else:
        metric = metric_of(study.objectives[0][0]).title
        dataset = facts["dataset"]
        title = (
            f"{study.name}: {metric} on {dataset['name']} (digest {dataset['digest']}), "
            f"{options.epochs} epochs at most; mean and 95 % interval over "
            f"{facts['confirmed'][0]['validation']['over'] or 'seeds'}, {_seeds(facts)} seeds"
            f"{f' on {options.folds} folds' if options.folds else ''}"
        )
        table([*(_row(study, row, facts["winner"]) for row in facts["confirmed"]), *_always(study)], title)
        for row in facts["versus"]:
            print(duel(study, row))
        if facts["ceiling"] is not None:
            print(CEILING.format(facts["ceiling"], "blind test"))
        if facts["verdict"]:
            print(facts["verdict"])
        if options.mixes and (words := mixture(study)):
            print(words)
    print(f"report  {facts['paths']['report']}")
    if facts["paths"]["export"]:
        print(f"export  {facts['paths']['export']}")
    for name, command in facts["commands"].items():
        print(f"{name:<7} {command}")
    if undelivered:
        command = shlex.join(["spectune", "track", study.name, *options.place])
        print(f"MLflow at {facts['paths']['mlflow']} missed a part; to deliver it: {command}")


def _seeds(facts: dict[str, Any]) -> int:
    """Those that configs were compared on, of which an ensemble has one."""
    return max(len(row["validation"]["seeds"]) for row in facts["confirmed"])


def _row(study: Study, row: dict[str, Any], best: int | str | None) -> dict[str, str]:
    named = study.candidate(row["candidate"])
    kind = " (simple)" if named.kind == SIMPLE else " (baseline)" if row["baseline"] else ""
    return {
        "config": named.title + (" *" if row["candidate"] == best else kind),
        "validation": _interval(row["validation"]),
        "blind test": _interval(row["test"]) if row["test"] else "",
        **{metric_of(metric).title: _beside(row["beside"], metric) for metric in unequal(study)},
        "parameters": f"{row['parameters']:,}",
        "multiply-adds": f"{row['macs']:,}",
        "seconds": f"{row['seconds'] / len(row['validation']['seeds']):.1f}",
    }


def _always(study: Study) -> list[dict[str, str]]:
    """The row of always saying the largest class, where the table is of the accuracy."""
    most = largest(study)
    if most is None or study.objectives[0][0] != EXPECTED:
        return []
    heads = ["validation", "blind test", *(metric_of(name).title for name in unequal(study))]
    cells = {"validation": f"{most['validation']['share']:.4f}", "blind test": f"{most['test']['share']:.4f}"}
    row = {"config": f"always {most['test']['class']}", **dict.fromkeys(heads, ""), **cells}
    return [{**row, **dict.fromkeys(("parameters", "multiply-adds", "seconds"), "")}]


def _beside(scores: dict[str, Any], metric: str) -> str:
    """Its means on the validation split and the blind test."""
    means = [next((one["mean"] for one in scores[split] if one["metric"] == metric), None) for split in SPLITS]
    return ", ".join(f"{word}{mean:.4f}" for word, mean in zip(("", "test "), means, strict=True) if mean is not None)


def _interval(values: dict[str, Any]) -> str:
    if values["low"] is None:
        return f"{values['mean']:.4f}"
    return f"{values['mean']:.4f} ({values['low']:.4f} to {values['high']:.4f})"
