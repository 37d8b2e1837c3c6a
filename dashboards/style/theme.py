"""How every figure looks: colours, fonts, an empty figure to start from, and text that plotly shows as it is.

The colours stay apart for the colour-blind and in grey print; whatever a colour says, a symbol or a label says as well.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from spectune.dashboards.style.words import missing
from spectune.search.records.metrics import ends, metric_of

INK, MUTED, FAINT, LINE, PAPER = "#1d2733", "#5b6875", "#a9b4bf", "#e3e8ed", "#ffffff"
BLUE, ORANGE, RED, NAVY, GREEN, GREY = "#2a78b8", "#d98200", "#bf3d1f", "#0b3a63", "#3f8f78", "#8e9aa6"
SHADES = ("#c6d6e4", "#9fbfda", "#6fa1c9", "#3f7fb2", "#1c5b90", NAVY)  # of a value, worst to best
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
MOST_SAMPLES = 2500  # points of a drawn spectrum
EDGE = 0.02  # of an axis beyond the end of its metric, so that a mark at the end is whole

Drawing = go.Figure | str  # a figure, or words where there is nothing to draw


def empty(height: int, *, grid: dict[str, Any] | None = None, **layout: Any) -> go.Figure:
    """A figure in the style of the page, without content; ``grid`` is what plotly's make_subplots takes."""
    figure, above = make_subplots(**grid) if grid else go.Figure(), 1 + 4 / height
    figure.update_layout(
        template="none",
        height=height,
        autosize=True,
        font={"family": FONT, "size": 13, "color": INK},
        margin={"l": 64, "r": 18, "t": 38, "b": 48},
        hoverlabel={"bgcolor": PAPER, "bordercolor": FAINT, "font": {"family": FONT, "color": INK}, "align": "left"},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": above, "yanchor": "bottom", "font": {"size": 12}},
        hovermode="closest",
        dragmode=False,
    )
    figure.update_layout(**layout)
    title = {"font": {"size": 12.5, "color": MUTED}, "standoff": 10}
    axis = {"gridcolor": LINE, "zeroline": False, "linecolor": FAINT, "ticks": "", "title": title}
    figure.update_xaxes(**axis, tickfont={"size": 12, "color": MUTED})
    figure.update_yaxes(**axis, tickfont={"size": 12, "color": MUTED})
    return figure


def plain(text: object) -> str:
    """Text that plotly, which reads some HTML, shows as it is."""
    return html.escape(str(text), quote=False)


def wrapped(text: object, width: int) -> str:
    """Plain text in lines of at most so many characters."""
    return "<br>".join(map(plain, textwrap.wrap(str(text), width)))


def rounded(values: Iterable[Any], digits: int = 6) -> list[float | None]:
    """Plain numbers of so many significant digits, None for what is missing: JSON that people can read."""
    return [None if missing(value) else float(f"{value:.{digits}g}") for value in map(float, values)]


def span(values: Iterable[float]) -> list[float]:
    """The range of an axis that shows all these values."""
    known = sorted(values)
    pad = 0.05 * ((known[-1] - known[0]) or 1)
    return [known[0] - pad, known[-1] + pad]


def clipped(metric: str, *shown: float, scale: str = "linear") -> dict[str, float | None]:
    """What keeps an axis that follows its values from going on where the metric ends, or the ``shown`` values do.

    Left alone, plotly draws accuracies that are all 1 on an axis from 0 to 2. Nothing is clipped on a logarithmic axis.
    """
    least, most = ends(metric) if metric_of(metric).kind == "score" and scale == "linear" else (-math.inf, math.inf)
    low, high = min([least, *shown]) - EDGE, max([most, *shown]) + EDGE
    return {
        "autorangeoptions.clipmin": low if math.isfinite(least) else None,
        "autorangeoptions.clipmax": high if math.isfinite(most) else None,
    }


def error_bars(
    means: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], colour: str, thickness: float
) -> dict[str, Any]:
    """Intervals about means, drawn as far as each reaches on each side; nothing where there is no interval."""

    def sides(ends: Sequence[float | None]) -> list[float | None]:
        pairs = zip(means, ends, strict=True)
        return rounded(0.0 if end is None or missing(end) else abs(end - mean) for mean, end in pairs)

    return {
        "type": "data",
        "symmetric": False,
        "array": sides(highs),
        "arrayminus": sides(lows),
        "color": colour,
        "thickness": thickness,
        "width": 0,
    }


def overlay(figure: go.Figure) -> None:
    """An empty last trace, which the page fills with the line under the pointer."""
    line = {"color": INK, "width": 3}
    figure.add_scatter(x=[], y=[], mode="lines", line=line, hoverinfo="skip", showlegend=False, name="highlight")


def buttons(figure: go.Figure, choices: dict[str, list[Any]]) -> None:
    """Buttons above the figure at the right; each restyles all its traces and its layout."""
    if len(choices) < 2:
        return
    menu = {
        "type": "buttons",
        "direction": "right",
        "x": 1,
        "xanchor": "right",
        "y": 1 + 4 / figure.layout.height,
        "yanchor": "bottom",
        "pad": {"t": 0, "b": 2},
        "font": {"size": 12},
        "bgcolor": PAPER,
        "bordercolor": FAINT,
        "buttons": [{"label": label, "method": "update", "args": args} for label, args in choices.items()],
    }
    figure.update_layout(updatemenus=[menu])


def gapped(parts: Iterable[Iterable[Any]]) -> list[Any]:
    """Several lines as one, which draws faster: each ends in a gap."""
    return [value for part in parts for value in (*part, None)]


def envelope(x: np.ndarray, y: np.ndarray, most: int = MOST_SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """A curve in fewer points that looks the same: exact to a thousandth of its height, and every peak stays.

    Inner points of level stretches go first. If more than ``most`` are left, the lowest and highest point of each of
    ``most`` / 2 stretches stay.
    """
    unit = float(np.ptp(y)) / 1000 or 1.0
    steps = np.diff(np.round(y / unit)) != 0
    bends = np.concatenate([[True], steps[1:] | steps[:-1], [True]]) if len(y) > 2 else np.ones(len(y), dtype=bool)
    x, y = x[bends], y[bends]
    if len(x) <= most:
        return x, y
    stretches = np.array_split(np.arange(len(x)), most // 2)
    ends = ((part[np.argmin(y[part])], part[np.argmax(y[part])]) for part in stretches)
    keep = sorted({0, len(x) - 1, *(int(index) for pair in ends for index in pair)})
    return x[keep], y[keep]
