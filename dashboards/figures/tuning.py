"""What the re-tuning of every variant of an ablation tried, and what came of it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spectune.dashboards.style.page import captioned
from spectune.dashboards.style.panels import Panels
from spectune.dashboards.style.theme import BLUE, ORANGE, Drawing, clipped, plain, rounded
from spectune.dashboards.style.words import number, setting, title
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.trials import CONFIG, FEW, flat, scale
from spectune.dashboards.tables.variants import config, names

TRIED = {"name": "tried", "marker": {"color": BLUE, "size": 8, "opacity": 0.75}}
TAKEN = {"name": "taken", "marker": {"color": ORANGE, "size": 12, "symbol": "diamond"}}


def tuning(summary: Summary) -> str:
    """The trials of the re-tuning; left out where nothing was re-tuned."""
    if not summary.study.header["ablation"]["retune"]:
        return ""
    words = (
        "Before it was compared, every variant got values of its own, because a change may need others. Each mark is "
        "one training; all seeds of the variant have the values of the best by validation."
    )
    return captioned(words, drawing(summary), "plot-tuning")


def drawing(summary: Summary) -> Drawing:
    """A panel per variant: the values that were tried against the metric, with buttons for the hyperparameters."""
    frame = summary.trials[(summary.trials["stage"] == "tune") & summary.trials["value"].notna()]
    retuned = [name for name in summary.study.header["ablation"]["retune"] if CONFIG + name in frame]
    shown = [name for name in names(summary.study) if name in set(frame["candidate"])]
    if not shown or not retuned:
        return "No training of the re-tuning has a value yet."
    panels = Panels(shown)
    columns: dict[str, list[Any]] = {name: [] for name in retuned}
    for panel, variant in enumerate(shown):
        rows, final = frame[frame["candidate"] == variant], config(summary.study, variant)
        taken = pd.Series([all(_same(row, final, name) for name in retuned) for _, row in rows.iterrows()], rows.index)
        for part, look in ((rows[~taken], TRIED), (rows[taken], TAKEN)):
            for name in retuned:
                columns[name].append(flat(part[CONFIG + name]).tolist())
            text = [_about(row, retuned) for _, row in part.iterrows()]
            y = rounded(part["value"])
            panels.add(panel, **look, mode="markers", x=columns[retuned[0]][-1], y=y, text=text, hoverinfo="text")
    panels.figure.update_layout(
        panels.axes("y", title=f"{title(summary.metric)}, validation", **clipped(summary.metric))
    )
    choices = {name: [{"x": columns[name]}, _axis(panels, name, flat(frame[CONFIG + name]))] for name in retuned}
    panels.choose(choices)
    return panels.figure


def _axis(panels: Panels, name: str, tried: pd.Series) -> dict[str, Any]:
    """The axes of a hyperparameter, with its values as ticks where they are few."""
    values = sorted(tried.dropna().drop_duplicates(), key=lambda value: (isinstance(value, str), value))
    few = {"tickmode": "array", "tickvals": values, "ticktext": [plain(setting(value)) for value in values]}
    laid = scale(pd.Series(values))
    many = {"tickmode": "auto", "dtick": 1 if laid == "log" else None}
    ticks = few if len(values) <= FEW else many
    return panels.axes("x", type=laid, **ticks, autorange=True, categoryorder="category ascending", title=plain(name))


def _same(row: pd.Series, final: dict[str, Any], name: str) -> bool:
    return name in final and bool(row[CONFIG + name] == final[name])


def _about(row: pd.Series, retuned: list[str]) -> str:
    values = ", ".join(f"{name} {setting(row[CONFIG + name])}" for name in retuned)
    return plain(f"trial {row.name}: {number(row['value'])} with {values}")
