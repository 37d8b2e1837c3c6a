"""Learning curves: of every explored trial, and of an ablation's variants beside the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from spectune.dashboards.style.marks import MANY, STATUS, WORDS, about, marker, tally
from spectune.dashboards.style.panels import Panels
from spectune.dashboards.style.theme import (
    BLUE,
    INK,
    NAVY,
    ORANGE,
    SHADES,
    Drawing,
    buttons,
    clipped,
    empty,
    gapped,
    overlay,
    rounded,
)
from spectune.dashboards.style.words import title
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.trials import thinned
from spectune.dashboards.tables.variants import names, reference
from spectune.search.records.metrics import DEFAULT

LOGARITHMIC = ("loss", "train_loss")

Trace = tuple[dict[str, Any], dict[str, list[Any]]]  # without its y, and its y for every metric


def learning(
    frame: pd.DataFrame, curves: pd.DataFrame, metric: str, *, finalists: Sequence[int] = (), stage: str = "explore"
) -> Drawing:
    """The learning curves of a stage's trials, marked where they ended early, or are only one epoch long."""
    curves = curves[curves["stage"] == stage]
    metrics = [name for name in dict.fromkeys([metric, "loss", DEFAULT]) if name in curves]
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


def _curves(frame: pd.DataFrame, curves: pd.DataFrame, metrics: list[str], finalists: Sequence[int]) -> list[Trace]:
    """Curves that share a name and a line are one trace with gaps, which draws faster than hundreds."""
    chosen, named = frame.index.isin(list(finalists)), frame["label"].astype(bool).to_numpy()
    width = 1.1 if len(frame) <= MANY else 0.6
    groups = [
        (WORDS[status], ~chosen & ~named & (frame["status"] == status), {"color": STATUS[status], "width": width})
        for status in ("stopped", "paused", "failed", "running", "complete")
    ]
    groups.append(("known network", named & ~chosen, {"color": ORANGE, "width": 1.6}))
    groups.append(("confirmed later", chosen, {"color": NAVY, "width": 2.4}))
    traces = []
    for name, members, line in groups:
        rows = curves[curves["trial"].isin(frame.index[members])]
        if not len(rows):
            continue
        parts = [part for _, part in rows.groupby("trial", sort=False)]
        trace = {
            "x": gapped(part["epoch"].tolist() for part in parts),
            "customdata": gapped(part["trial"].tolist() for part in parts),
            "name": name,
            "mode": "lines",
            "line": line,
            "hovertemplate": "trial %{customdata}, epoch %{x}: %{y:.4g}<extra></extra>",
        }
        traces.append((trace, {metric: gapped(rounded(part[metric], 5) for part in parts) for metric in metrics}))
    return traces


def _ends(frame: pd.DataFrame, curves: pd.DataFrame, metrics: list[str], metric: str) -> list[Trace]:
    traces = []
    short = curves.groupby("trial")["epoch"].transform("size") == 1  # a line of one point is not seen
    for status, size in (("paused", 5), ("stopped", 5), ("failed", 8), ("complete", 7), ("running", 7)):
        of_status = curves["trial"].isin(frame.index[frame["status"] == status])
        marked = of_status if status in ("paused", "stopped", "failed") else of_status & short
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


def _scale(metric: str) -> str:
    return "log" if metric in LOGARITHMIC else "linear"


def epochs(summary: Summary) -> Drawing:
    """How every variant of an ablation learned, a panel each (Schuetzke 2023, Fig. 3), with buttons for the metrics.

    Single seeds are thin, their median is thick, that of the reference is dotted in every panel.
    """
    frame = summary.trials[summary.trials["stage"] == "confirm"]
    curves = summary.curves[summary.curves["trial"].isin(frame.index)].join(frame[["candidate", "seed"]], on="trial")
    wanted = dict.fromkeys(["loss", summary.metric, DEFAULT, "train_loss"])
    metrics = [name for name in wanted if name in curves and curves[name].notna().any()]
    if not metrics:
        return "No epoch has been reported yet."
    medians = {name: _median(rows, metrics) for name, rows in curves.groupby("candidate")}
    drawn = thinned(curves, list(frame.index))
    shown, base = [name for name in names(summary.study) if name in medians], reference(summary.study)
    panels, longest = Panels(shown), int(curves["epoch"].max())
    columns: dict[str, list[Any]] = {metric: [] for metric in metrics}
    for panel, name in enumerate(shown):
        rows = drawn[drawn["candidate"] == name]
        both = {key: medians[key] for key in (base, name) if key in medians}
        middle = {key: table[table.index.isin(drawn["epoch"])] for key, table in both.items()}
        for trace, ys in (_seeds(rows, metrics), *_medians(middle, metrics, base=base)):
            panels.add(panel, **trace, mode="lines" if longest > 1 else "markers", y=ys[metrics[0]])
            for metric in metrics:
                columns[metric].append(ys[metric])
    panels.label("epoch")
    panels.figure.update_xaxes(range=[0, 1.02 * longest], dtick=1 if longest <= 10 else None)
    panels.choose(
        {title(metric): [{"y": columns[metric]}, _scaled(panels, metric, curves[metric])] for metric in metrics}
    )
    return panels.figure


def _median(rows: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """Of each epoch that half of the seeds have reached: later ones would tell of the longest trainings only."""
    reached = rows.groupby("epoch")["trial"].nunique() * 2 >= rows["trial"].nunique()
    return rows.groupby("epoch")[metrics].median()[reached]


def _seeds(rows: pd.DataFrame, metrics: list[str]) -> Trace:
    parts = [part for _, part in rows.groupby("trial")]
    trace = {
        "x": gapped(part["epoch"].tolist() for part in parts),
        "customdata": gapped(part["seed"].tolist() for part in parts),
        "line": {"color": SHADES[1], "width": 1},
        "marker": {"color": SHADES[1], "size": 5},
        "hovertemplate": "seed %{customdata}, epoch %{x}: %{y:.4g}<extra></extra>",
        "name": "single seeds",
    }
    return trace, {metric: gapped(rounded(part[metric], 4) for part in parts) for metric in metrics}


def _medians(medians: dict[str, pd.DataFrame], metrics: list[str], *, base: str) -> list[Trace]:
    """The medians of the reference and of a panel's variant, which may be one."""
    looks = {
        True: ("reference, median", {"color": INK, "width": 1.5, "dash": "dot"}),
        False: ("variant, median", {"color": BLUE, "width": 2.2}),
    }
    traces = []
    for key, table in medians.items():
        name, line = looks[key == base]
        trace = {
            "x": table.index.tolist(),
            "line": line,
            "marker": {"color": line["color"], "size": 7},
            "hovertemplate": f"{name}, epoch %{{x}}: %{{y:.4g}}<extra></extra>",
            "name": name,
        }
        traces.append((trace, {metric: rounded(table[metric], 4) for metric in metrics}))
    return traces


def _scaled(panels: Panels, metric: str, values: pd.Series) -> dict[str, Any]:
    """The axes of a metric. Plotly labels a logarithmic 0.5 with a bare 5, so the labels are ours."""
    words = title(metric) if metric == "train_loss" else f"{title(metric)}, validation"
    known = values[values > 0]
    if metric not in LOGARITHMIC or known.empty:
        return panels.axes("y", type="linear", tickmode="auto", autorange=True, title=words, **clipped(metric))
    low, high = math.floor(math.log10(known.min())), math.ceil(math.log10(known.max()))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    ticks = [float(f"{step}e{power}") for power in range(low, high + 1) for step in steps]
    labels = [f"{tick:g}" for tick in ticks]
    shown = {"tickmode": "array", "tickvals": ticks, "ticktext": labels, **clipped(metric, scale="log")}
    return panels.axes("y", type="log", **shown, autorange=True, title=words)
