"""Learning curves: every epoch of the explored trials, and where they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from spectune.dashboards.style.marks import MANY, STATUS, WORDS, about, marker, tally
from spectune.dashboards.style.theme import NAVY, ORANGE, Drawing, buttons, clipped, empty, overlay, rounded
from spectune.dashboards.style.words import title
from spectune.dashboards.tables.trials import thinned


def learning(
    frame: pd.DataFrame, curves: pd.DataFrame, metric: str, *, finalists: Sequence[int] = (), stage: str = "explore"
) -> Drawing:
    """The learning curves of a stage's trials, marked where they were stopped, failed, or are only one epoch long."""
    curves = curves[curves["stage"] == stage]
    metrics = [name for name in dict.fromkeys([metric, "loss", "accuracy"]) if name in curves]
    if not len(curves) or not metrics:
        return f"No epoch has been reported yet: {tally(frame)}."
    total = curves["trial"].nunique()
    curves = thinned(curves, [*finalists, *frame.index[frame["label"].astype(bool)]])
    frame = frame.loc[curves["trial"].unique()]
    figure = empty(430, meta={"kind": "lines"})
    columns: dict[str, list[Any]] = {name: [] for name in metrics}
    for trace, ys in [*_curves(frame, curves, metrics, finalists), *_ends(frame, curves, metrics, metric)]:
        figure.add_scatter(**trace, y=ys[metrics[0]])
        for name in metrics:
            columns[name].append(ys[name])
    overlay(figure)
    longest = int(curves["epoch"].max())
    figure.update_xaxes(title_text="epoch", range=[0, 1.02 * longest], dtick=1 if longest <= 10 else None)
    figure.update_yaxes(title_text=f"{title(metrics[0])}, validation", type=_scale(metrics[0]))
    figure.update_yaxes(clipped(metrics[0], scale=_scale(metrics[0])))
    choices = {
        title(name): [
            {"y": [*columns[name], []]},
            {
                "yaxis.title.text": f"{title(name)}, validation",
                "yaxis.type": _scale(name),
                "yaxis.autorange": True,
                **{f"yaxis.{key}": end for key, end in clipped(name, scale=_scale(name)).items()},
            },
        ]
        for name in metrics
    }
    buttons(figure, choices)
    if len(frame) < total:
        figure.layout.meta["note"] = (
            f"{len(frame)} of {total:,} curves are drawn: the confirmed ones and an even sample."
        )
    return figure


def _curves(
    frame: pd.DataFrame, curves: pd.DataFrame, metrics: list[str], finalists: Sequence[int]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Curves that share a name and a line are one trace with gaps, which draws faster than hundreds."""
    chosen, named = frame.index.isin(list(finalists)), frame["label"].astype(bool).to_numpy()
    width = 1.1 if len(frame) <= MANY else 0.6
    groups = [
        (WORDS[status], ~chosen & ~named & (frame["status"] == status), {"color": STATUS[status], "width": width})
        for status in ("stopped", "failed", "running", "complete")
    ]
    groups.append(("known network", named & ~chosen, {"color": ORANGE, "width": 1.6}))
    groups.append(("confirmed later", chosen, {"color": NAVY, "width": 2.4}))
    traces = []
    for name, members, line in groups:
        rows = curves[curves["trial"].isin(frame.index[members])]
        if not len(rows):
            continue
        gaps = np.flatnonzero(np.diff(rows["trial"].to_numpy())) + 1
        trace = {
            "x": _gapped(rows["epoch"].tolist(), gaps),
            "customdata": _gapped(rows["trial"].tolist(), gaps),
            "name": name,
            "mode": "lines",
            "line": line,
            "hovertemplate": "trial %{customdata}, epoch %{x}: %{y:.4g}<extra></extra>",
        }
        traces.append((trace, {metric: _gapped(rounded(rows[metric], 5), gaps) for metric in metrics}))
    return traces


def _ends(
    frame: pd.DataFrame, curves: pd.DataFrame, metrics: list[str], metric: str
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    traces = []
    short = curves.groupby("trial")["epoch"].transform("size") == 1  # a line of one point is not seen
    for status, size in (("stopped", 5), ("failed", 8), ("complete", 7), ("running", 7)):
        of_status = curves["trial"].isin(frame.index[frame["status"] == status])
        marked = of_status if status in ("stopped", "failed") else of_status & short
        ends = curves[marked].groupby("trial").tail(1)
        trace = {
            "x": ends["epoch"].tolist(),
            "customdata": ends["trial"].tolist(),
            "mode": "markers",
            "showlegend": False,
            "marker": marker(status, size),
            "text": [about(frame.loc[trial], metric) for trial in ends["trial"]],
            "hoverinfo": "text",
        }
        sound = curves.groupby("trial")[metrics].ffill().loc[ends.index]  # NaN is why it ended: mark the point before
        traces.append((trace, {name: rounded(sound[name], 5) for name in metrics}))
    return [(trace, ys) for trace, ys in traces if trace["x"]]


def _gapped(values: list[Any], gaps: np.ndarray) -> list[Any]:
    parts = np.split(np.array(values, dtype=object), gaps)
    return [value for part in parts for value in (*part, None)]


def _scale(metric: str) -> str:
    return "log" if metric == "loss" else "linear"
