"""Architecture families beside each other, where a study searched several."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spectune.dashboards.style.marks import WORDS, about, by_status, marker
from spectune.dashboards.style.page import Cell, plot, table
from spectune.dashboards.style.theme import INK, Drawing, clipped, empty, plain, rounded
from spectune.dashboards.style.words import duration, number, title
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.trials import CONFIG

FAMILY = CONFIG + "family"


def families(summary: Summary) -> str:
    """The explored trials of each family, drawn and counted; left out when there is one family."""
    frame = summary.trials[summary.trials["stage"] == "explore"]
    if FAMILY not in frame or frame[FAMILY].nunique() < 2:
        return ""
    ranked = ranking(frame, summary.direction)
    words = (
        "Each mark is one explored config at its best epoch by validation loss; families are ordered by their best. A "
        "family with few trials is judged by few, because the sampler soon goes where it finds good values."
    )
    best = f"best {title(summary.metric)}>"
    heads = ("family", "trials>", "to the end>", "paused>", "stopped>", "failed>", best, "of trial>", "time>")
    drawing = strip(frame, list(ranked.index), summary.metric)
    rows = [[Cell(value) for value in row] for row in _rows(ranked)]
    return f"<p>{words}</p>{plot(drawing, 'plot-families')}{table(heads, rows, style='short')}"


def ranking(frame: pd.DataFrame, direction: str) -> pd.DataFrame:
    """One row per family, that of the best trial first: counts by status, ``best`` value, its ``trial``, seconds."""
    rows = []
    for family, group in frame.groupby(FAMILY):
        values = group["value"].dropna()
        best = None if values.empty else values.idxmax() if direction == "max" else values.idxmin()
        counts = group["status"].value_counts()
        rows.append(
            {
                "family": family,
                "trials": len(group),
                **{status: int(counts.get(status, 0)) for status in ("complete", "paused", "stopped", "failed")},
                "best": float("nan") if best is None else float(values[best]),
                "trial": best,
                "seconds": float(group["seconds"].sum()),
            }
        )
    ranked = pd.DataFrame(rows).set_index("family")
    return ranked.sort_values("best", ascending=direction == "min", kind="stable", na_position="last")


def strip(frame: pd.DataFrame, order: list[str], metric: str) -> Drawing:
    """A mark for each trial with a value: its value along, its family across."""
    valued = frame[frame["value"].notna()]
    if valued.empty:
        return "No trial has a value yet."
    figure = empty(110 + 44 * len(order))
    place = {family: row for row, family in enumerate(order)}
    for status, rows in by_status(valued):
        jitter = pd.Series(range(len(rows)), index=rows.index) * 0.618 % 1 * 0.5 - 0.25  # so that equal values show
        figure.add_scatter(
            x=rounded(rows["value"]),
            y=rounded(rows[FAMILY].map(place) + jitter),
            mode="markers",
            name=WORDS[status],
            marker=marker(status, 7),
            text=[about(row, metric) for _, row in rows.iterrows()],
            hoverinfo="text",
        )
    figure.update_xaxes(clipped(metric), title_text=f"{title(metric)}, validation")
    figure.update_yaxes(
        tickvals=list(place.values()),
        ticktext=[plain(family) for family in order],
        range=[len(order) - 0.5, -0.5],
        showgrid=False,
        tickfont={"size": 12.5, "color": INK},
        automargin=True,
    )
    return figure


def _rows(ranked: pd.DataFrame) -> list[list[Any]]:
    return [
        [
            row.Index,
            row.trials,
            row.complete,
            row.paused,
            row.stopped,
            row.failed,
            "" if pd.isna(row.best) else number(row.best),
            "" if pd.isna(row.trial) else int(row.trial),
            duration(row.seconds),
        ]
        for row in ranked.itertuples()
    ]
