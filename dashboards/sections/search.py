"""The sections of a report, each from the tables of a study to HTML; "" leaves a section out."""

from __future__ import annotations

from html import escape

import pandas as pd

from spectune.dashboards.figures import exploration as figures
from spectune.dashboards.figures.learning import learning
from spectune.dashboards.figures.parallel import parallel
from spectune.dashboards.sections.general import course, covered, data, notice, ranked
from spectune.dashboards.sections.verdict import verdict
from spectune.dashboards.style.marks import STATUS
from spectune.dashboards.style.page import Cell, captioned, facts, plot, table
from spectune.dashboards.style.words import duration, number, ranges, title
from spectune.dashboards.tables.candidates import SIMPLE
from spectune.dashboards.tables.origins import origins
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import ORIGINS
from spectune.search.records.ranking import front as unbeaten
from spectune.search.records.ranking import mixture

MOST_AXES = 20  # hyperparameters of the parallel coordinates


def head(summary: Summary) -> str:
    """What was studied, when, on what, and the result in a sentence."""
    study, frame = summary.study, summary.trials
    header, dataset = study.header, study.header["dataset"]
    ended, stages = frame["status"].value_counts(), frame["stage"].value_counts()
    seeds = sorted({trial.seed for trial in study.trials.values()})
    goals = " and ".join(f"{title(metric)} ({direction}imal)" for metric, direction in study.objectives)
    rows = {
        **data(dataset),
        "Space": header["space"],
        "Objective" if len(study.objectives) == 1 else "Objectives": goals,
        "Trials": f"{_simple(stages)}{stages.get('explore', 0)} to explore, {stages.get('confirm', 0)} to confirm",
        "How they ended": ", ".join(f"{ended[status]} {status}" for status in STATUS if status in ended),
        "Seeds": f"{ranges(seeds)} (exploration: {header['seed']})" if seeds else header["seed"],
        **course(summary),
    }
    return (
        f'<p class="kicker">spectune study on {escape(dataset["name"])}</p>\n<h1>{escape(study.name)}</h1>\n'
        f'<p class="result">{verdict(summary)}</p>\n{notice(summary)}{facts(rows)}'
    )


def _simple(stages: pd.Series) -> str:
    return f"{stages[SIMPLE]} of simple methods, " if SIMPLE in stages else ""


def finalists(summary: Summary) -> str:
    """The confirmed configs as a table and as intervals."""
    folds, where = summary.study.header.get("options", {}).get("folds"), "the validation split,"
    if folds:
        where = f"{folds} folds of the spectra for training and validation, a seed on each,"
    words = (
        f"Trained again on new seeds to the full budget and ranked by the mean on {where} with its 95 % "
        f"interval{covered(summary)}. Only what is compared with the winner sees the blind test beside it, once."
    )
    drawing = plot(figures.finalists(summary.confirmed, summary.metric), "plot-finalists")
    if not len(summary.confirmed):
        return drawing
    return f"<p>{words} {escape(mixture(summary.study))}</p>{ranked(summary)}{drawing}"


def search(summary: Summary) -> str:
    """Values and learning curves of the exploration."""
    history = figures.history(summary.trials, summary.direction, summary.metric)
    lines = learning(summary.trials, summary.curves, summary.metric, finalists=summary.promoted)
    return (
        captioned(
            "Each mark is one explored config at its best epoch by validation loss. Weak ones were paused: theirs "
            "is what they had reached by then. Trials without a value stand at the foot.",
            history,
            "plot-history",
        )
        + captioned(
            "A curve ends in an open circle where the trial was paused, in a square where it was stopped, in a cross "
            "where it failed; a single epoch is a dot. Point at a curve to bring it to the front.",
            lines,
            "plot-learning",
            heading="Learning curves",
        )
        + _origins(summary)
    )


def _origins(summary: Summary) -> str:
    """Who proposed what was explored, and what came of it; left out where that is not recorded."""
    found = origins(summary.trials, summary.direction)
    if not len(found):
        return ""
    rows = [
        [
            Cell(ORIGINS.get(str(row.Index), str(row.Index))),
            Cell(f"{row.trials:,}"),
            Cell(f"{row.complete:,}"),
            Cell(f"{row.improved:,}"),
            Cell(number(row.best)),
            Cell(duration(row.seconds)),
        ]
        for row in found.itertuples()
    ]
    heads = ("proposed by", "trials>", "trained to the end>", "improved the best>", f"best {summary.metric}>", "time>")
    words = "An explored trial improved the best when it was better than all that had ended before it."
    return f"<h3>Who proposed what</h3><p>{words}</p>{table(heads, rows, style='origins')}"


def hyperparameters(summary: Summary) -> str:
    """Which hyperparameters the good trials share, and how much each decides."""
    omitted = len(summary.order) - MOST_AXES
    more = (
        f" The first {MOST_AXES} are drawn; {omitted} that decide less, or that few trials have, are left out."
        if omitted > 0
        else ""
    )
    lines = parallel(summary.trials, summary.objectives, summary.order[:MOST_AXES])
    bars = figures.importance(summary.importances, summary.metric)
    return captioned(
        "Each line is a trial, from its value at the top down through its config; the darker, the better. Draw a box "
        "over a row to keep the trials that pass through it, hold Shift for a second row, double-click to see all "
        f"again. Where there is a value per layer, the first is shown.{more}",
        lines,
        "plot-parallel",
        heading="What the good trials have in common",
    ) + captioned(
        "How differently a hyperparameter is distributed among the best trials and among all of them (PED-ANOVA). The "
        "black marks are the most it reached in twenty studies with shuffled values: a bar that does not pass its mark "
        "says nothing.",
        bars,
        "plot-importance",
        heading="Importance",
    )


def front(summary: Summary) -> str:
    """The first objective against each other one; left out when there is one objective."""
    words = "The stars are trials, trained to the end, that no other such trial beats in every objective."
    best = unbeaten(summary.study)
    parts: list[str] = []
    for second in range(1, len(summary.objectives)):
        drawing = figures.pareto(summary.trials, summary.objectives, best, second=second)
        parts.append(captioned(words, drawing, f"plot-pareto-{second}"))
    return "".join(parts)
