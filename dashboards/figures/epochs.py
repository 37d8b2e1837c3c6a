"""How every variant of an ablation learned: a panel each, curves over the epochs (Schuetzke 2023, Fig. 3)."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from spectune.dashboards.style.panels import Panels
from spectune.dashboards.style.theme import BLUE, INK, SHADES, Drawing, clipped, gapped, rounded
from spectune.dashboards.style.words import title
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.trials import thinned
from spectune.dashboards.tables.variants import names, reference

LOGARITHMIC = ("loss", "train_loss")

Trace = tuple[dict[str, Any], dict[str, list[Any]]]  # without its y, and its y for every metric


def epochs(summary: Summary) -> Drawing:
    """Thin the single seeds, thick their median, dotted the reference's in every panel; buttons for the metrics."""
    frame = summary.trials[summary.trials["stage"] == "confirm"]
    curves = summary.curves[summary.curves["trial"].isin(frame.index)].join(frame[["candidate", "seed"]], on="trial")
    wanted = dict.fromkeys(["loss", summary.metric, "accuracy", "train_loss"])
    metrics = [name for name in wanted if name in curves and curves[name].notna().any()]
    if not metrics:
        return "No epoch has been reported yet."
    medians = {name: _median(rows, metrics) for name, rows in curves.groupby("candidate")}
    kept = thinned(curves, list(frame.index))
    shown, base = [name for name in names(summary.study) if name in medians], reference(summary.study)
    panels, longest = Panels(shown), int(curves["epoch"].max())
    columns: dict[str, list[Any]] = {metric: [] for metric in metrics}
    for panel, name in enumerate(shown):
        rows = kept[kept["candidate"] == name]
        both = {key: medians[key] for key in (base, name) if key in medians}
        middle = {key: table[table.index.isin(kept["epoch"])] for key, table in both.items()}
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
