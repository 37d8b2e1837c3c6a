"""Tables -> figures, one function each; words instead of a figure where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from spectune.dashboards.style.marks import MANY, WORDS, about, by_status, marker, tally
from spectune.dashboards.style.theme import (
    BLUE,
    INK,
    NAVY,
    ORANGE,
    PAPER,
    Drawing,
    buttons,
    clipped,
    empty,
    error_bars,
    plain,
    rounded,
)
from spectune.dashboards.style.words import number, title
from spectune.dashboards.tables.importance import FEWEST
from spectune.dashboards.tables.trials import best_so_far

Axes = dict[str, tuple[pd.Series, str]]  # name of a choice -> the x of every trial, the axis' title


def history(frame: pd.DataFrame, direction: str, metric: str) -> Drawing:
    """The value of every explore trial by its number or its time, with the best so far."""
    frame = frame[frame["stage"] == "explore"]
    if frame["value"].notna().sum() == 0:
        return f"No trial has a value yet: {tally(frame)}."
    axes: Axes = {"by trial": (frame.index.to_series(), "trial"), "by time": _elapsed(frame)}
    figure = empty(400)
    foot = _foot(frame["value"])
    traces = [*_best_lines(frame, axes, direction), *_marks(frame, metric, foot), *_names(frame)]
    for rows, trace in traces:
        x = rows if isinstance(rows, list) else rounded(axes["by trial"][0][rows])
        figure.add_scatter(x=x, **trace)
    choices = {}
    for place, (name, (x, words)) in enumerate(axes.items()):
        low, high = float(x.min()), float(x.max())
        pad = 0.03 * ((high - low) or 1)
        whole = 1 if name == "by trial" and high <= 10 else None
        layout = {"xaxis.title.text": words, "xaxis.range": [low - pad, high + pad], "xaxis.dtick": whole}
        xs = [rows if isinstance(rows, list) else rounded(x[rows]) for rows, _ in traces]
        visible = [index == place for index in range(len(axes))] + [True] * (len(traces) - len(axes))
        choices[name] = [{"x": xs, "visible": visible}, layout]
    figure.update_layout(choices["by trial"][1])
    feet = [foot] if frame["value"].isna().any() else []
    figure.update_yaxes(clipped(metric, *feet), title_text=f"{title(metric)}, validation")
    buttons(figure, choices)
    return figure


def _best_lines(frame: pd.DataFrame, axes: Axes, direction: str) -> list[tuple[Any, dict[str, Any]]]:
    """The best so far is another line along each axis."""
    traces = []
    for place, (x, _) in enumerate(axes.values()):
        along = x[frame["value"].notna() & (frame["status"] != "running")].sort_values(kind="stable")
        steps = best_so_far(frame.loc[along.index, "value"], direction)
        line = {"shape": "hv", "color": NAVY, "width": 1.5}
        trace = {"y": rounded(steps), "name": "best so far", "mode": "lines", "line": line, "visible": place == 0}
        traces.append((rounded(along), {**trace, "hoverinfo": "skip"}))
    return traces


def _foot(values: pd.Series) -> float:
    """Where trials without a value stand: beneath all that have one."""
    low, high = float(values.min()), float(values.max())
    return low - 0.08 * ((high - low) or abs(low) or 1)


def _marks(frame: pd.DataFrame, metric: str, foot: float) -> list[tuple[Any, dict[str, Any]]]:
    """The trials by how they ended; those without a value stand at the foot."""
    return [
        (
            rows.index,
            {
                "y": rounded(rows["value"].fillna(foot)),
                "name": WORDS[status],
                "mode": "markers",
                "marker": marker(status, 8 if len(frame) <= 4 * MANY else 5),
                "text": [about(row, metric) for _, row in rows.iterrows()],
                "hoverinfo": "text",
            },
        )
        for status, rows in by_status(frame)
    ]


def _names(frame: pd.DataFrame) -> list[tuple[Any, dict[str, Any]]]:
    named = frame[frame["label"].astype(bool) & frame["value"].notna()]
    if not len(named):
        return []
    trace = {
        "y": rounded(named["value"]),
        "name": "known network",
        "mode": "markers+text",
        "marker": {"symbol": "diamond-open", "size": 12, "color": ORANGE, "line": {"width": 2}},
        "text": [plain(label) for label in named["label"]],
        "textposition": [("bottom right", "top right")[place % 2] for place in range(len(named))],  # neighbours apart
        "cliponaxis": False,
        "textfont": {"size": 11, "color": "#8a5300"},
        "hoverinfo": "skip",
    }
    return [(named.index, trace)]


def importance(table: pd.DataFrame, metric: str) -> Drawing:
    """Bars of the hyperparameters' importances, each with what chance alone would give it."""
    if not len(table):
        needed = f"at least {FEWEST} explored trials with a value, and a hyperparameter that varies"
        return f"Importances need {needed}: with fewer they would be noise."
    clear = table["importance"] > table["chance"]
    widest = float(table["importance"].max()) * 1.12
    figure = empty(80 + 23 * len(table), bargap=0.35)
    for name, rows, colour in (("more than chance", clear, BLUE), ("no more than chance", ~clear, "#c3ccd5")):
        part = table[rows]
        words = [
            f"{plain(row)}: {line.importance:.1%} of all importance for {title(metric)}<br>"
            f"by chance up to {line.chance:.1%}; {line.trials} trials have it"
            for row, line in zip(part.index, part.itertuples(), strict=True)
        ]
        figure.add_bar(
            x=rounded(part["importance"]),
            y=[plain(row) for row in part.index],
            orientation="h",
            name=name,
            marker={"color": colour},
            hoverinfo="text",
            hovertext=words,
            visible=bool(len(part)),
        )
    figure.add_scatter(
        x=rounded(table["chance"].clip(upper=widest)),
        y=[plain(row) for row in table.index],
        mode="markers",
        name="reached by chance",
        marker={"symbol": "line-ns-open", "size": 12, "color": INK, "line": {"width": 1.5}},
        hoverinfo="skip",
    )
    figure.update_xaxes(title_text="share of all importance", range=[0, widest * 1.02], tickformat=".0%")
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=[plain(row) for row in table.index],
        range=[len(table) - 0.4, -0.6],
        showgrid=False,
        tickfont={"size": 12.5, "color": INK},
        automargin=True,
    )
    figure.update_layout(margin={"l": 132})
    return figure


def finalists(confirmed: pd.DataFrame, metric: str) -> Drawing:
    """Mean and interval of each confirmed config with its single seeds, on validation and, beneath, on the test."""
    if not len(confirmed):
        return "No config has been confirmed on a new seed yet."
    figure = empty(104 + 66 * len(confirmed))
    kinds = (("validation", "", BLUE, "circle", 0.0), ("blind test", "test_", ORANGE, "diamond", 0.36))
    for name, prefix, colour, symbol, below in kinds:
        rows = confirmed[confirmed[prefix + "mean"].notna()]
        if not len(rows):
            continue
        seeds = rows[[prefix + "values", prefix + "seeds"]].explode([prefix + "values", prefix + "seeds"])
        seeds.columns = ["value", "seed"]
        figure.add_scatter(
            x=rounded(seeds["value"]),
            y=[index + below - 0.14 for index in seeds.index],
            mode="markers",
            name=f"{name}, single seeds",
            marker={"size": 6, "color": colour, "opacity": 0.5},
            hoverinfo="text",
            text=[f"{name}, seed {row.seed}: {number(row.value)}" for row in seeds.itertuples()],
        )
        means, lows, highs = (rows[prefix + end].tolist() for end in ("mean", "low", "high"))
        figure.add_scatter(
            x=rounded(means),
            y=[index + below for index in rows.index],
            mode="markers",
            name=f"{name}, mean and 95 % interval",
            hoverinfo="text",
            error_x=error_bars(means, lows, highs, colour, 3),
            marker={"symbol": symbol, "size": 11, "color": colour, "line": {"color": PAPER, "width": 1.5}},
            text=[f"{name}: {number(mean)}" for mean in means],
        )
    figure.update_xaxes(clipped(metric), title_text=title(metric))
    figure.update_yaxes(
        tickvals=[index + 0.1 for index in confirmed.index],
        range=[len(confirmed) - 0.32, -0.48],
        showgrid=False,
        ticktext=[plain(name) for name in confirmed["who"]],
        tickfont={"color": INK},
        automargin=True,
    )
    figure.update_layout(margin={"l": 132, "t": 48})
    return figure


def pareto(frame: pd.DataFrame, objectives: list[tuple[str, str]], front: Sequence[int], *, second: int = 1) -> Drawing:
    """The first objective against another one, with the ``front`` of the trials that no other one beats."""
    (metric, direction), (other, other_direction) = objectives[0], objectives[second]
    frame = frame[(frame["stage"] == "explore") & frame["value"].notna() & frame[other].notna()]
    chosen = frame[frame.index.isin(front)].sort_values(other)
    if not len(chosen):
        return "No trial has been trained to the end yet, so there is no front to draw."
    figure = empty(430)
    if len(objectives) == 2:
        step = {"color": NAVY, "width": 1.5, "shape": "hv" if other_direction == "min" else "vh"}
        x, y = rounded(chosen[other]), rounded(chosen["value"])
        figure.add_scatter(x=x, y=y, mode="lines", hoverinfo="skip", line=step, showlegend=False)
    for status, rows in by_status(frame[~frame.index.isin(chosen.index)]):
        figure.add_scatter(
            x=rounded(rows[other]),
            y=rounded(rows["value"]),
            mode="markers",
            name=WORDS[status],
            marker=marker(status),
            text=[about(row, metric, other) for _, row in rows.iterrows()],
            hoverinfo="text",
        )
    figure.add_scatter(
        x=rounded(chosen[other]),
        y=rounded(chosen["value"]),
        mode="markers+text",
        name="Pareto front",
        marker={"symbol": "star", "size": 13, "color": NAVY},
        textfont={"size": 11, "color": NAVY},
        text=[str(trial) for trial in chosen.index],
        textposition=f"{'top' if direction == 'max' else 'bottom'} left",
        hovertext=[about(row, metric, other) for _, row in chosen.iterrows()],
        hoverinfo="text",
    )
    low, high = frame[other].min(), frame[other].max()
    wide = low > 0 and high > 20 * low
    figure.update_xaxes(title_text=title(other), type="log" if wide else "linear", exponentformat="SI")
    figure.update_xaxes(dtick=1 if wide and high > 100 * low else None)
    figure.update_xaxes(clipped(other, scale="log" if wide else "linear"))
    figure.update_yaxes(clipped(metric), title_text=f"{title(metric)}, validation")
    return figure


def _elapsed(frame: pd.DataFrame) -> tuple[pd.Series, str]:
    """Time from the first start to each trial's end (to its start while it runs), without pauses between sessions."""
    started = frame["started"].astype(float)
    seconds = frame["ended"].astype(float).fillna(started) - started.min()
    size, unit = (3600, "hours") if seconds.max() > 3 * 3600 else (60, "minutes")
    return seconds / size, f"{unit} from the first start to the trial's end"
