"""The sections of the page of a training: one known network on some seeds. Nothing was searched."""

from __future__ import annotations

from html import escape

from spectune.dashboards.figures.exploration import finalists
from spectune.dashboards.figures.learning import learning
from spectune.dashboards.sections.general import course, covered, data, notice, ranked
from spectune.dashboards.sections.verdict import verdict
from spectune.dashboards.style.marks import STATUS
from spectune.dashboards.style.page import captioned, facts, plot
from spectune.dashboards.style.words import ranges, title
from spectune.dashboards.tables.summary import Summary


def head(summary: Summary) -> str:
    """What was trained, when, on what, and how good it is."""
    study = summary.study
    header, ended = study.header, summary.trials["status"].value_counts()
    seeds = sorted({trial.seed for trial in study.trials.values()})
    rows = {
        **data(header["dataset"]),
        "Network": header["options"]["model"],
        "Metric": f"{title(summary.metric)} ({summary.direction}imal)",
        "Trainings": ", ".join(f"{ended[status]} {status}" for status in STATUS if status in ended),
        "Seeds": ranges(seeds) if seeds else header["seed"],
        **course(summary),
    }
    return (
        f'<p class="kicker">spectune training on {escape(header["dataset"]["name"])}</p>\n'
        f'<h1>{escape(study.name)}</h1>\n<p class="result">{verdict(summary)}</p>\n{notice(summary)}{facts(rows)}'
    )


def trainings(summary: Summary) -> str:
    """The mean over the seeds with its interval, on validation and on the blind test."""
    words = (
        "Trained on every seed to the full budget: the mean over the seeds with its 95 % "
        f"interval{covered(summary)}. The blind test is seen once, after the last training."
    )
    drawing = plot(finalists(summary.confirmed, summary.metric), "plot-trainings")
    return f"<p>{words}</p>{ranked(summary)}{drawing}" if len(summary.confirmed) else drawing


def curves(summary: Summary) -> str:
    """The learning curve of every seed."""
    words = "A curve for each seed; it ends in a cross where the training failed."
    frame = summary.trials.assign(label="")
    return captioned(words, learning(frame, summary.curves, summary.metric, stage="confirm"), "plot-learning")
