"""Decision regions of two classes over the position and the height of one peak, a figure for every config.

Arrays: ``region_shares`` (K, Y, X), the probability of the first class against the second, NaN where a third one wins;
``region_positions`` (X,), ``region_heights`` (Y,); ``region_boxes`` (2, 4), training positions from, to, heights from,
to, NaN where a class has no such peak; ``region_spots_I`` (2, n) and ``region_wrong_I`` (K, n), spectra of class I.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from spectune.dashboards.style.page import nothing, plot
from spectune.dashboards.style.theme import BLUE, INK, ORANGE, PAPER, Drawing, empty, plain, rounded

SCALE = ((0.0, "#e9a84a"), (0.5, "#f6f3ee"), (1.0, "#6aa3d0"))  # second class, undecided, first class
THIRD = "#c3cad1"
SYMBOLS = ("circle", "diamond")

Arrays = dict[str, np.ndarray]


def section(results: dict[str, Any], arrays: Arrays) -> str:
    """The figures side by side with their words; "" where there is nothing to map."""
    region = results["region"]
    if not region:
        return nothing("No class was confused: give --pair to draw a map.") if results["causes"] else ""
    names = region["classes"]
    both = list(zip(names, region["peaks"], strict=True))
    peaks = [f"peak {peak} of class {name}" for name, peak in both if peak is not None]
    lacking = [name for name, peak in both if peak is None]
    without = f" {lacking[0]} has no such peak: its spectra are the foot of the map." if lacking else ""
    words = (
        f"What the networks answer when {', which is '.join(peaks)}, changes in position and height: {names[0]} or "
        f"{names[1]} (cause: {region['cause']}). Other peaks lie half way between both classes. The colour is the "
        "probability of one against the other, the mean over all seeds: a broad seam is where seeds disagree or are "
        "unsure. Grey is where most seeds answer with a third class. The boxes are what training shows of each class; "
        "where they overlap, an ideal classifier tosses a coin. Points are the spectra of this split, crossed where "
        f"most seeds are wrong; their other peaks lie elsewhere.{without}"
    )
    blocks = [
        f"<div><h3>{escape(one['name'])}</h3>{plot(figure(region, arrays, index), f'plot-map-{index}')}</div>"
        for index, one in enumerate(results["models"])
    ]
    return f'<p>{escape(words)}</p><div class="pairs">{"".join(blocks)}</div>'


def figure(region: dict[str, Any], arrays: Arrays, index: int) -> Drawing:
    """The map of one config."""
    drawing = empty(400, showlegend=True, plot_bgcolor=THIRD, margin={"l": 58, "r": 10, "t": 40, "b": 48})
    x, y = arrays["region_positions"], arrays["region_heights"]
    names = [plain(name) for name in region["classes"]]
    drawing.add_heatmap(
        x=rounded(x),
        y=rounded(y),
        z=[rounded(row, 3) for row in arrays["region_shares"][index]],
        zmin=0,
        zmax=1,
        colorscale=SCALE,
        hoverongaps=False,
        hovertemplate="position %{x}, height %{y:.3f}: %{z:.0%}<extra></extra>",
        colorbar={
            "title": {"text": names[0], "side": "right", "font": {"size": 12}},
            "tickformat": ".0%",
            "tickfont": {"size": 11},
            "thickness": 10,
            "len": 0.9,
            "tickvals": [0, 0.5, 1],
            "outlinewidth": 0,
        },
    )
    for number, colour in enumerate((BLUE, ORANGE)):
        line = {"color": colour, "width": 2.4, "dash": ("solid", "dash")[number]}
        _box(drawing, arrays, number, f"{names[number]}, training", line)
        _spots(drawing, arrays, index, number, names[number])
    drawing.update_xaxes(title_text="position of the peak (points)", range=[float(x[0]), float(x[-1])], showgrid=False)
    drawing.update_yaxes(title_text="height of the peak", range=[float(y[0]), float(y[-1])], showgrid=False)
    return drawing


def _box(drawing: Any, arrays: Arrays, number: int, name: str, line: dict[str, Any]) -> None:
    """The training range of a class; a line along the foot where it has no such peak."""
    box, ends = arrays["region_boxes"][number], arrays["region_positions"][[0, -1]].tolist()
    left, right, low, high = box.tolist() if np.isfinite(box).all() else (*ends, 0.0, 0.0)
    drawing.add_scatter(
        x=rounded((left, right, right, left, left)),
        y=rounded((low, low, high, high, low)),
        mode="lines",
        name=name,
        line=line,
        hoverinfo="skip",
        cliponaxis=False,
    )


def _spots(drawing: Any, arrays: Arrays, index: int, number: int, name: str) -> None:
    """Spectra of the split, those that most seeds got wrong with a cross on top."""
    (x, y), wrong = arrays[f"region_spots_{number}"], arrays[f"region_wrong_{number}"][index]
    if not len(x):
        return
    colour = (BLUE, ORANGE)[number]
    drawing.add_scatter(
        x=rounded(x),
        y=rounded(y),
        mode="markers",
        name=f"{name}, spectra",
        hoverinfo="text",
        marker={"symbol": SYMBOLS[number], "size": 9, "color": colour, "line": {"color": PAPER, "width": 1.2}},
        text=[f"{name}: wrong in {share:.0%} of the seeds" for share in wrong],
    )
    bad = wrong > 0.5
    drawing.add_scatter(
        x=rounded(x[bad]),
        y=rounded(y[bad]),
        mode="markers",
        hoverinfo="skip",
        showlegend=False,
        marker={"symbol": "x-thin-open", "size": 13, "color": INK, "line": {"width": 2}},
    )
