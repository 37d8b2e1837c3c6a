"""Each variant of an ablation beside the reference, lines between the same seeds (as in Schuetzke 2023, Fig. 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from spectune.dashboards.style.theme import (
    BLUE,
    FAINT,
    INK,
    MUTED,
    NAVY,
    Drawing,
    buttons,
    clipped,
    empty,
    gapped,
    plain,
    rounded,
    span,
    wrapped,
)
from spectune.dashboards.style.words import number, title
from spectune.dashboards.tables.variants import Row, by_seed, differing, without_outliers

BESIDE = 6  # variants in a row of the figure
APART = 0.18  # of the reference and of a variant from the middle of their place
HIGH = 250  # of a row, in pixels

Trace = dict[str, Any]


def paired(rows: Sequence[Row], metric: str, *, split: str) -> Drawing:
    """The figure of all variants that have a value; the first row is the reference."""
    base, *others = rows
    shown = [row for row in others if row["values"]]
    if not shown or not base["values"]:
        return "Pairs need a training that has ended, of the reference and of a variant."
    lines = math.ceil(len(shown) / BESIDE)
    beside = math.ceil(len(shown) / lines)
    names = {row["variant"]: wrapped(row["variant"], 132 // beside) for row in shown}
    gap = 34 + 15 * max(name.count("<br>") for name in names.values())
    inside = lines * (HIGH + gap) - gap
    spacing = gap / inside if lines > 1 else 0
    figure = empty(
        inside + 38 + gap,
        margin={"l": 64, "r": 18, "t": 38, "b": gap},
        grid={"rows": lines, "shared_yaxes": "all", "vertical_spacing": spacing},
    )
    for line in range(lines):
        part = shown[line * beside : (line + 1) * beside]
        for trace in _traces(part, base):
            figure.add_scatter(**trace, showlegend=not line, legendgroup=trace["name"], row=line + 1, col=1)
        figure.update_xaxes(
            tickvals=list(range(len(part))),
            ticktext=[names[row["variant"]] for row in part],
            tickangle=0,
            range=[-0.5, beside - 0.5],
            showgrid=False,
            tickfont={"color": INK},
            row=line + 1,
        )
    figure.update_yaxes(clipped(metric), title_text=f"{title(metric)}, {split}")
    close = without_outliers(differing(shown))
    if len(close) < len(differing(shown)):
        reach = span(value for row in (base, *close) for value in row["values"])
        axes = [axis.plotly_name for axis in figure.select_yaxes()]
        whole, closer = {f"{axis}.autorange": True for axis in axes}, {f"{axis}.range": reach for axis in axes}
        buttons(figure, {"all": [{}, whole], "close up": [{}, closer]})
    return figure


def _traces(part: Sequence[Row], base: Row) -> list[Trace]:
    """The lines, the dots of both sides and the means of the variants in one row of the figure."""
    left = [(place - APART, base) for place in range(len(part))]
    right = [(place + APART, row) for place, row in enumerate(part)]
    theirs = by_seed(base)
    joined = [
        ((place - APART, place + APART), (theirs[seed], value))
        for place, row in enumerate(part)
        for seed, value in by_seed(row).items()
        if seed in theirs
    ]
    lines = {
        "x": gapped(xs for xs, _ in joined),
        "y": gapped(rounded(ys) for _, ys in joined),
        "mode": "lines",
        "line": {"color": FAINT, "width": 1},
        "hoverinfo": "skip",
        "name": "same seed",
    }
    means = {
        "x": [x for x, _ in left + right],
        "y": rounded(row["mean"] for _, row in left + right),
        "text": [f"{plain(row['variant'])}: mean {number(row['mean'])}" for _, row in left + right],
        "mode": "markers",
        "marker": {"symbol": "line-ew-open", "color": NAVY, "size": 26, "line": {"width": 2.5}},
        "hoverinfo": "text",
        "name": "mean",
    }
    open_circle = {"symbol": "circle-open", "color": MUTED, "size": 8, "line": {"width": 1.6}}
    return [
        lines,
        _dots(left, {}, open_circle, "reference"),
        _dots(right, theirs, {"color": BLUE, "size": 8, "opacity": 0.8}, "variant"),
        means,
    ]


def _dots(side: Sequence[tuple[float, Row]], theirs: dict[int, float], marker: dict[str, Any], name: str) -> Trace:
    """The seeds of one side; where the reference has the seed too, a dot says how far it is from it."""
    dots = [(x, row["variant"], seed, value) for x, row in side for seed, value in by_seed(row).items()]
    gaps = [f" ({value - theirs[seed]:+.4f})" if seed in theirs else "" for *_, seed, value in dots]
    return {
        "x": [x for x, *_ in dots],
        "y": rounded(value for *_, value in dots),
        "text": [
            f"{plain(variant)}, seed {seed}: {number(value)}{gap}"
            for (_, variant, seed, value), gap in zip(dots, gaps, strict=True)
        ],
        "mode": "markers",
        "marker": marker,
        "hoverinfo": "text",
        "name": name,
    }
