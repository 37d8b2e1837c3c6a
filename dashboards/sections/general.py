"""Sections that pages of several kinds of study have in common, each from its tables to HTML; "" leaves one out."""

from __future__ import annotations

import json
import shlex
from html import escape
from typing import Any

import pandas as pd

from spectune.dashboards.figures.confusion import confusion, read
from spectune.dashboards.style.page import Cell, Folded, code, facts, nothing, plot, table
from spectune.dashboards.style.words import (
    between,
    duration,
    missing,
    moment,
    number,
    setting,
    settings,
    title,
)
from spectune.dashboards.tables.candidates import who
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.trials import CONFIG
from spectune.search.records import ENSEMBLE, Study
from spectune.search.records.metrics import EXPECTED
from spectune.search.records.ranking import beside, largest

MOST_ROWS = 500  # of the table of trials
MOST_PAIRS = 8  # confused pairs that are drawn
MOST_LISTED = 30  # confused pairs that are listed
SHOWN = 3  # hyperparameters with a column of their own in the table of trials


def data(dataset: dict[str, Any]) -> dict[str, object]:
    """The facts of the dataset that every report begins with."""
    rows: dict[str, object] = {
        "Dataset": dataset["description"],
        "Data digest": dataset["digest"],
        "Spectra": ", ".join(f"{size:,} {name}" for name, size in dataset["sizes"].items()),
        "Classes and points": f"{dataset['classes']:,} classes, {dataset['points']:,} points",
    }
    if most := dataset.get("largest"):
        name, share = most["test"]["class"], number(most["test"]["share"])
        rows["Largest class"] = f"{name}, {share} of the blind test: the accuracy of always saying it"
    return rows


def course(summary: Summary) -> dict[str, object]:
    """From when to when a study ran."""
    study = summary.study
    sessions = f", in {len(study.sessions)} sessions" if len(study.sessions) > 1 else ""
    return {
        "From": moment(study.sessions[0]["time"]),
        "To": moment(study.last) + sessions,
        "Time of all trainings": duration(float(summary.trials["seconds"].sum())),
    }


def notice(summary: Summary) -> str:
    """That there is more to come, where a study has not finished."""
    if summary.study.finished:
        return ""
    words = f"This study has not finished. These are its records up to {moment(summary.study.last)}."
    return f'<p class="notice">{words} Write the page again for newer ones.</p>'


def ranked(summary: Summary) -> str:
    """The confirmed configs as a table, best first, and what always saying the largest class would be."""
    metric, others, rows = title(summary.metric), beside(summary.study), []
    for rank, row in enumerate(summary.confirmed.itertuples(), start=1):
        of = f" of {row.planned}" if len(row.values) < row.planned else ""
        mixed = row.kind == ENSEMBLE
        made = f"of {len(row.flat)} trainings, cross-fitted" if mixed else f"{len(row.values)}{of} seeds"
        again = made.partition(",")[0] if mixed else f"{len(row.test_values)} seeds"
        tested = [between(row.test_low, row.test_high), again] if row.test_values else []
        rows.append(
            [
                Cell(rank),
                Folded(row.who, settings(row.flat), left=True),
                Cell(number(row.mean), small=_listed([between(row.low, row.high), made])),
                Cell(number(row.test_mean), small=_listed(tested)),
                *(_beside(row.beside, name) for name in others),
                Cell(f"{row.parameters:,}"),
                Cell(f"{row.macs:,}"),
                Cell(duration(row.seconds)),
            ]
        )
    most = largest(summary.study)
    if most is not None and summary.metric == EXPECTED and rows:
        shares = [Cell(number(most[split]["share"])) for split in ("validation", "test")]
        rows.append([Cell(""), Cell(f"always {most['test']['class']}"), *shares, *[Cell("")] * (len(others) + 3)])
    heads = (
        "",
        "config",
        f"validation {metric}>",
        f"blind test {metric}>",
        *(f"{title(name)}>" for name in others),
        "parameters>",
        "multiply-adds>",
        "training>",
    )
    return table(heads, rows, style="ranked", first=0)


def covered(summary: Summary) -> str:
    """What the intervals of the confirmed configs are over, where that is known."""
    coverage = [row.test_over or row.over for row in summary.confirmed.itertuples()]
    return f" over {escape(str(coverage[0]))}" if coverage and coverage[0] else ""


def _beside(scores: dict[tuple[str, str], Any], name: str) -> Cell:
    """A score on the validation split and, below, on the blind test; their intervals are in result.json."""
    validation, test = (scores.get((split, name)) for split in ("validation", "test"))
    below = f"blind test {number(test['mean'])}" if test else ""
    return Cell(number(validation["mean"]) if validation else "", small=below)


def confused(summary: Summary) -> str:
    """What the winner got wrong on the blind test, drawn."""
    study = summary.study
    winner = summary.confirmed.iloc[0].candidate if len(summary.confirmed) else None
    tested = next((test for test in study.tests if test["candidate"] == winner), None)
    if tested is None:
        return nothing(f"They are known once the {summary.best} has been tested.")
    if "confused" not in tested:
        return ""
    pairs = [row for row in tested["confused"] if row[2] > 0]
    if not pairs:
        return nothing(f"The {summary.best} made no mistake on the blind test.")
    seeds, spectra = len(tested["seeds"]), study.header["dataset"]["sizes"]["test"]
    wrong = sum(count for _, _, count in pairs)
    words = (
        f"{wrong:,} of {spectra * seeds:,} answers were wrong ({spectra:,} spectra, {seeds} seeds). Drawn are the most "
        "frequent pairs: training spectra of both classes and a test spectrum that was mistaken, without the stretches "
        "where nothing is. Drag to zoom, double-click to go back."
    )
    rows = [[Cell(true), Cell(predicted), Cell(count)] for true, predicted, count in pairs[:MOST_LISTED]]
    more = f", without {len(pairs) - MOST_LISTED} rarer ones" if len(pairs) > MOST_LISTED else ""
    listed = table(("true class", "taken for", "times>"), rows, style="short")
    return f"<p>{words}</p>{_drawn(summary)}<details><summary>all pairs{more}</summary>{listed}</details>"


def _drawn(summary: Summary) -> str:
    try:
        pairs = read(summary.study.folder / "confused.npz", MOST_PAIRS)
    except ValueError:
        return nothing("Their spectra cannot be drawn: confused.npz is missing or broken.")
    blocks = [
        f"<div><h3>{escape(pair.true)} taken for {escape(pair.predicted)}, {pair.count} times</h3>"
        f"{plot(confusion(pair), f'plot-pair-{number}')}</div>"
        for number, pair in enumerate(pairs)
    ]
    return f'<div class="pairs">{"".join(blocks)}</div>'


def trials(summary: Summary) -> str:
    """All trials, best first."""
    frame = summary.trials
    if not len(frame):
        return nothing("No trial was started.")
    ranked = frame.sort_values("value", ascending=summary.direction == "min", kind="stable", na_position="last")
    own = summary.order
    others = [metric for metric, _ in summary.objectives[1:] if metric != "parameters"]
    rows = [_trial(row, own[:SHOWN], others, summary.study) for _, row in ranked.head(MOST_ROWS).iterrows()]
    heads = ["trial>", "stage", "end", "name", f"{title(summary.metric)}>", *(f"{title(name)}>" for name in others)]
    heads += ["epochs>", "parameters>", "seconds>", *(f"{name}>" for name in own[:SHOWN]), "config"]
    note = "Values are those of the epoch with the lowest validation loss. Click a head to sort by it."
    if len(frame) > MOST_ROWS:
        note += f" The best {MOST_ROWS} of {len(frame):,} are listed; all are in journal.jsonl."
    return f'<p class="note">{note}</p>{table(heads, rows, style="sortable")}'


def _trial(row: pd.Series, own: list[str], others: list[str], study: Study) -> list[Cell]:
    named = "" if missing(row["candidate"]) else who(study, row["candidate"], row["label"])
    confirms = f"seed {row['seed']} of {named}" if named and row["stage"] != ENSEMBLE else named
    config = {str(name).removeprefix(CONFIG): value for name, value in row.items() if str(name).startswith(CONFIG)}
    reason = f": {row['reason'].removeprefix('error: ')}" if row["reason"] else ""
    return [
        Cell(row.name),
        Cell(row["stage"]),
        Cell(row["status"] + reason, style=f"end {row['status']}"),
        Cell(confirms or row["label"]),
        *(Cell(number(row[name]), value=row[name]) for name in ("value", *others)),
        Cell(f"{row['epochs']:.0f}"),
        Cell(f"{row['parameters']:,}", value=row["parameters"]),
        Cell(f"{row['seconds']:.1f}", value=row["seconds"]),
        *(_setting(config[name]) for name in own),
        Folded("all", settings({name.removeprefix(f"{config['family']}."): value for name, value in config.items()})),
    ]


def _setting(value: Any) -> Cell:
    first = value[0] if isinstance(value, list) else value
    return Cell("" if missing(value) else setting(value), value=None if isinstance(first, str) else first)


def repeat(summary: Summary) -> str:
    """Everything that is needed to run the study again."""
    study, header, dataset = summary.study, summary.study.header, summary.study.header["dataset"]
    commands = "".join(
        (f"<h3>Session {one['session']}, {moment(one['time'])}</h3>" if len(study.sessions) > 1 else "")
        + code(one["command"])
        for one in study.sessions
    )
    git = header["git"].removesuffix("+") + (", with uncommitted changes" if header["git"].endswith("+") else "")
    rows = {
        "Seed": header["seed"],
        "Dataset": f"{dataset['source']}, {settings(dataset['options']) or 'no options'}",
        "Data digest": dataset["digest"],
        "Code (git commit)": git or "not from a checkout",
        "Machine": settings(header["machine"]),
        "Versions": settings(header["versions"], sign=" "),
        "Records": study.folder / "journal.jsonl",
        "Exports": ", ".join(str(study.folder / one["folder"]) for one in study.exports),
    }
    blocks = [("all options of the last session", header["options"])]
    blocks += [(f"config of {row.who}", row.config) for row in summary.confirmed.itertuples()]
    folded = "".join(
        f"<details><summary>{escape(name)}</summary>{code(json.dumps(values, indent=2))}</details>"
        for name, values in blocks
    )
    again = code(shlex.join(["python", "-m", "spectune.dashboards.report", str(study.folder)]))
    return f"{commands}{facts(rows)}<h3>In full</h3>{folded}<h3>To write this page again</h3>{again}"


def _listed(parts: list[str]) -> str:
    return ", ".join(part for part in parts if part)
