"""Parallel coordinates, one row per hyperparameter: room for all of them, and names that can be read.

Drawn as SVG, not by plotly's own WebGL trace: that one has no place for a hyperparameter which does not exist under a
config, prints as a bitmap and stays empty where WebGL is missing (remote desktops, old browsers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spectune.dashboards.style.theme import INK, LINE, MUTED, SHADES, Drawing, empty, overlay, plain
from spectune.dashboards.style.words import missing, setting, title
from spectune.dashboards.tables.trials import CONFIG, flat, scale, varied

MOST_LINES, MOST_BEST = 150, 50  # trials that are drawn, and how many of them are the best ones
STEPS = (0.3, 0.55, 0.75, 0.9, 0.97)  # shares of the trials below which a shade ends, so that few are the darkest
MANY = 60  # trials from which on lines are thin
ABSENT = -0.08  # where a trial crosses a hyperparameter that it does not have
JITTER = 0.016  # so that lines through one level do not hide each other
ROW = 36  # pixels
WIDE = 20  # times its smallest value that makes an objective logarithmic
APART = 0.05  # two ticks, at least
LEVELS = 9  # numbers up to which each one gets a tick


def parallel(frame: pd.DataFrame, objectives: list[tuple[str, str]], order: Sequence[str] = ()) -> Drawing:
    """Every explore trial with a value as a line from its objectives down through its config; the darker, the better.

    ``order`` are the hyperparameters to draw, all of them where there is none. One that does not exist under a
    trial's config is crossed at the far left.
    """
    frame = frame[(frame["stage"] == "explore") & frame["value"].notna()]
    drawn = spread(frame, objectives[0][1])
    names = [name.removeprefix(CONFIG) for name in varied(drawn)]
    if len(frame) < 2 or not names:
        return "At least two trials with a value are needed to compare their hyperparameters."
    names = [name for name in order if name in names] if order else names
    coordinates = [
        _coordinate(drawn[metric], f"<b>{title(metric)}</b>", _cost(drawn[metric])) for metric, _ in objectives
    ]
    coordinates += [_coordinate(flat(drawn[CONFIG + name]), plain(name)) for name in names]
    ranks = frame["value"].rank(pct=True, ascending=objectives[0][1] == "max")[drawn.index]
    shades = np.searchsorted(STEPS, ranks.to_numpy())
    thin = 0.6 if len(drawn) > MANY else 1.0
    figure = empty(ROW * len(coordinates) + 28, meta={"kind": "parallel"})
    for shade, colour in enumerate(SHADES):
        line = {"color": colour, "width": thin * (1 + 0.14 * shade)}
        figure.add_scatter(
            **_lines(coordinates, drawn.index[shades == shade]),
            mode="lines+markers",
            line=line,
            hoverinfo="text",
            marker={"color": colour, "size": 4 * thin},
            showlegend=False,
        )
    overlay(figure)
    _dress(figure, coordinates)
    if len(drawn) < len(frame):
        drawn_of = f"{len(drawn)} of {len(frame):,} trials are drawn"
        figure.layout.meta["note"] = f"{drawn_of}: the best {MOST_BEST} and an even sample of the others."
    return figure


def spread(frame: pd.DataFrame, direction: str) -> pd.DataFrame:
    """All trials when they are few, else the best ones and an even sample of the others."""
    if len(frame) <= MOST_LINES:
        return frame
    ranked = frame.sort_values("value", ascending=direction == "min", kind="stable")
    rest = np.linspace(MOST_BEST, len(ranked) - 1, MOST_LINES - MOST_BEST).round().astype(int)
    return ranked.iloc[[*range(MOST_BEST), *rest]]


@dataclass
class _Coordinate:
    """One row: where each trial crosses it (0 to 1), what that is in words, and its ticks."""

    name: str
    places: dict[int, float]
    words: dict[int, str]
    ticks: list[tuple[float, str]]


def _cost(values: pd.Series) -> str:
    """An objective is linear, but for counts such as parameters."""
    return "log" if values.min() > 1 and values.max() > WIDE * values.min() else "linear"


def _coordinate(values: pd.Series, name: str, laid: str = "") -> _Coordinate:
    tried = [value for value in values if not missing(value)]
    laid = laid or scale(values)
    spots = _Levels(tried) if laid == "category" else _Numbers(tried, laid)
    dense = len(set(tried)) > LEVELS
    places, words = {}, {}
    for trial, value in values.items():
        shake = 0.0 if dense else JITTER * ((int(trial) * 0.618) % 1 - 0.5)
        places[int(trial)] = ABSENT if missing(value) else round(spots.at(value) + shake, 4)
        words[int(trial)] = "does not exist" if missing(value) else setting(value)
    absent = [(ABSENT, "n/a")] if len(tried) < len(values) else []
    return _Coordinate(name, places, words, absent + spots.ticks)


class _Levels:
    """Choices at equal distances."""

    def __init__(self, tried: list[Any]) -> None:
        levels = sorted(set(tried), key=lambda value: (isinstance(value, str), value))
        self._spots = {level: (index + 0.5) / len(levels) for index, level in enumerate(levels)}
        self.ticks = [(spot, setting(level)) for level, spot in self._spots.items()]

    def at(self, value: Any) -> float:
        return self._spots[value]


class _Numbers:
    """Numbers on a linear or logarithmic scale from the smallest to the largest."""

    def __init__(self, tried: list[Any], scale: str) -> None:
        self._log = scale == "log"
        self._low = float(min(tried))
        self._high = float(max(tried))
        values = sorted(set(tried))
        if len(values) > LEVELS:
            steps = np.geomspace if self._log else np.linspace
            inner = [float(f"{value:.{1 if self._log else 2}g}") for value in steps(self._low, self._high, 5)[1:-1]]
            values = [values[0], *(type(values[0])(value) for value in inner), values[-1]]
        spots = [self.at(value) for value in values]
        self.ticks = [(spots[0], setting(values[0]))]
        for spot, value in zip(spots[1:], values[1:], strict=True):
            if spot - self.ticks[-1][0] >= APART and (spot <= 1 - APART or value == values[-1]):
                self.ticks.append((spot, setting(value)))

    def at(self, value: Any) -> float:
        if self._low == self._high:
            return 0.5
        if self._log:
            return float(np.log(value / self._low) / np.log(self._high / self._low))
        return (float(value) - self._low) / (self._high - self._low)


def _lines(coordinates: list[_Coordinate], trials: pd.Index) -> dict[str, list[Any]]:
    """All trials of one shade as one trace with gaps."""
    x: list[Any] = []
    words: list[str] = []
    owners: list[Any] = []
    for trial in map(int, trials):
        x += [*(row.places[trial] for row in coordinates), None]
        words += [*(f"trial {trial}: {row.name} {plain(row.words[trial])}" for row in coordinates), ""]
        owners += [trial] * len(coordinates) + [None]
    y = [*(-index for index in range(len(coordinates))), None] * len(trials)
    return {"x": x, "y": y, "text": words, "customdata": owners}


def _dress(figure: Any, coordinates: list[_Coordinate]) -> None:
    """Rows with their names and ticks."""
    ticks = {"showarrow": False, "yshift": -11, "font": {"size": 10.5, "color": MUTED}, "borderpad": 0}
    shapes, annotations = [], []
    for index, row in enumerate(coordinates):
        line = {"color": LINE, "width": 1}
        shapes.append({"type": "line", "x0": 0, "x1": 1, "y0": -index, "y1": -index, "layer": "below", "line": line})
        annotations += [
            {"x": place, "y": -index, "text": plain(text), "bgcolor": "rgba(255,255,255,0.72)", **ticks}
            for place, text in row.ticks
        ]
    figure.update_xaxes(visible=False, range=[-0.12, 1.04], fixedrange=True)
    figure.update_yaxes(
        tickvals=[-index for index in range(len(coordinates))],
        ticktext=[row.name for row in coordinates],
        range=[-len(coordinates) + 0.3, 0.5],
        showgrid=False,
        showline=False,
        fixedrange=True,
        tickfont={"size": 12.5, "color": INK},
        automargin=True,
    )
    margin = {"l": 132, "t": 8, "b": 8, "r": 8}
    figure.update_layout(shapes=shapes, annotations=annotations, margin=margin, dragmode="select")
