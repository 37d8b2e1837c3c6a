"""The figures of ``paper.py`` and ``search_quality.py``, each as one page that loads nothing."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spectune.dashboards.style.page import page, plot
from spectune.dashboards.style.theme import BLUE, INK, ORANGE, clipped, empty, rounded
from spectune.search.records import replace_file
from spectune.search.records.ranking import interval

COLOURS = ("#0b3a63", "#2a78b8", "#3f8f78", "#8e9aa6", "#d98200", "#bf3d1f", "#7a5195", "#5b6875")


def accuracies(path: Path, title: str, records: list[dict[str, Any]]) -> None:
    """A dot for each training, ours filled, the published ones open beside them, a bar for each median."""
    factors = sorted({f"{row['factor']:g}" for row in records})
    names = ["<br>".join(" ".join(row["network"]).split()) for row in records]
    if len(factors) > 1:
        names = [f"{name}<br>{row['factor']:g}" for name, row in zip(names, records, strict=True)]
    figure = empty(460, margin={"b": 80, "t": 44, "l": 64, "r": 18})
    sources = (("ours", "values", BLUE, "circle", -0.12), ("published", "published", ORANGE, "diamond-open", 0.12))
    for name, key, colour, symbol, aside in sources:
        dots = [(index + aside, value) for index, row in enumerate(records) for value in row[key]]
        if not dots:
            continue
        figure.add_scatter(
            x=[x for x, _ in dots],
            y=rounded(y for _, y in dots),
            mode="markers",
            name=name,
            marker={"color": colour, "size": 9, "symbol": symbol, "line": {"width": 1.8}},
        )
        for index, row in enumerate(records):
            if row[key]:
                middle = statistics.median(row[key])
                ends = [index + aside - 0.1, index + aside + 0.1]
                line = {"color": INK, "width": 2}
                figure.add_scatter(x=ends, y=[middle, middle], mode="lines", line=line, showlegend=False)
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, showgrid=False, tickfont={"color": INK})
    figure.update_yaxes(clipped("accuracy"), title_text="accuracy, blind test", tickformat=".1~%")
    below = "beneath each network" if len(factors) > 1 else "".join(factors)
    words = f"Factor of the learning rate on a plateau: {below}. Bars are medians."
    _write(path, title, words, plot(figure, "plot-paper"))


def losses(path: Path, title: str, curves: dict[str, dict[int, float]]) -> None:
    """Validation loss over the epochs, the median of the seeds of each network."""
    figure = empty(460)
    for number, (name, curve) in enumerate(curves.items()):
        line = {"color": COLOURS[number % len(COLOURS)], "dash": "solid" if number < len(COLOURS) else "dot"}
        figure.add_scatter(x=list(curve), y=rounded(curve.values()), mode="lines", name=name, line=line)
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text="validation loss", type="log", dtick=1)
    _write(path, title, "Median over the seeds that still train.", plot(figure, "plot-paper"))


def regrets(path: Path, title: str, rows: list[dict[str, Any]], names: list[str], at: Sequence[int]) -> None:
    """A line for each search, the mean over its runs, in a band of its 95 % interval; a figure for each head start and
    number of workers."""
    parts = []
    for start, workers in sorted({(row["start"], row["workers"]) for row in rows}):
        figure = empty(460)
        for number, name in enumerate(names):
            some = [r["three"] for r in rows if (r["start"], r["workers"], r["search"]) == (start, workers, name)]
            if len(some) > 1:
                _band(figure, name, some, at, COLOURS[number % len(COLOURS)], dotted=number >= len(COLOURS))
        figure.update_xaxes(title_text="full trainings' worth of epochs", type="log")
        figure.update_yaxes(title_text="regret of the best of three")
        drawing = plot(figure, f"plot-{start.replace(' ', '-')}-{workers}")
        parts.append(f"<h2>head start: {start}, workers: {workers}</h2>\n{drawing}")
    words = "The true value of the best recorded config less that of the best of the three that lead by validation."
    _write(path, title, f"{words} Means over tasks and seeds; bands: 95 % intervals.", "\n".join(parts))


def _band(figure: Any, name: str, some: list[list[float]], along: Sequence[int], colour: str, *, dotted: bool) -> None:
    ends = [interval(column) for column in zip(*some, strict=True)]
    for end, fill in (("high", None), ("low", "tonexty")):
        figure.add_scatter(
            x=list(along),
            y=rounded(one[end] for one in ends),
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=_faint(colour),
            showlegend=False,
            hoverinfo="skip",
        )
    line = {"color": colour, "dash": "dot" if dotted else "solid"}
    figure.add_scatter(x=list(along), y=rounded(one["mean"] for one in ends), mode="lines", name=name, line=line)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.12)"


def _write(path: Path, title: str, words: str, drawings: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, page(title, f"<h1>{title}</h1>\n<p>{words}</p>\n{drawings}"))
    print(f"drawn in {path}")
