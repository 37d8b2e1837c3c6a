"""Two classes that were confused, as spectra over each other, where there is something to see."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spectune.dashboards.style.theme import BLUE, INK, ORANGE, Drawing, empty, envelope, plain, rounded
from spectune.search.records import InputError

LEVEL = 0.01  # of the highest point above the lowest: less is an empty stretch
PAD = 0.012  # of the axis, left and right of what is drawn
CROWDED = 0.5  # share of the axis from which on it is drawn whole
MOST_STRETCHES = 5
GAP = 0.045  # of the figure's width, between two stretches


@dataclass
class Pair:
    """A class that was taken for another ``count`` times: ``spectra`` (3, L) of both, and one that was mistaken."""

    true: str
    predicted: str
    count: int
    axis: np.ndarray
    axis_label: str
    spectra: np.ndarray


def read(path: Path, most: int) -> list[Pair]:
    """The first ``most`` pairs of a study's confused.npz; ValueError when it is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return [_pair(file, number) for number in range(min(int(file["pairs"]), most))]
    except (EOFError, KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile):
        raise InputError(f"confused spectra are drawn from {path}, which is missing or broken: test again") from None


def _pair(file: np.lib.npyio.NpzFile, number: int) -> Pair:
    axis = np.asarray(file["axis"], float)
    names = ("true_spectrum", "predicted_spectrum", "wrong_spectrum")
    spectra = np.stack([np.asarray(file[f"{name}_{number}"], float) for name in names])
    if spectra.shape != (len(names), len(axis)) or not np.isfinite(spectra).all():
        raise InputError("a spectrum has a finite value at every point of the axis")
    true, predicted = str(file[f"true_{number}"]), str(file[f"predicted_{number}"])
    return Pair(true, predicted, int(file[f"count_{number}"]), axis, str(file["axis_label"]), spectra)


def confusion(pair: Pair) -> Drawing:
    """A spectrum of each class and a test spectrum that was taken for the other.

    Of spectra with few narrow peaks the stretches where nothing is are left out, so that the peaks are wide enough to
    be told apart.
    """
    figure = empty(250, showlegend=True, dragmode="zoom", margin={"l": 34, "t": 26, "b": 44, "r": 10})
    stretches = filled(pair.spectra)
    lengths = np.array([stop - start for start, stop in stretches], float)
    widths = lengths / lengths.sum() * (1 - GAP * (len(stretches) - 1))
    style = figure.layout.template.layout.xaxis.to_plotly_json() | figure.layout.xaxis.to_plotly_json()
    for number, ((start, stop), width) in enumerate(zip(stretches, widths.tolist(), strict=True), start=1):
        left = float(widths[: number - 1].sum()) + GAP * (number - 1)
        place = {"domain": [left, min(1.0, left + width)], "nticks": max(2, round(7 * width)), "anchor": "y"}
        figure.update_layout({f"xaxis{number}": {**style, **place}})
        _draw(figure, pair, slice(start, stop), number)
    figure.add_annotation(
        text=plain(pair.axis_label),
        showarrow=False,
        x=0.5,
        xref="paper",
        y=0,
        yref="paper",
        yshift=-36,
        font=style["title"]["font"],
    )
    figure.update_yaxes(
        title_text="intensity", showticklabels=False, rangemode="tozero", fixedrange=True, showgrid=False
    )
    return figure


def _draw(figure: Drawing, pair: Pair, stretch: slice, number: int) -> None:
    """The three spectra along one stretch of the axis."""
    lines = (
        (f"{pair.true} (true)", {"color": BLUE, "width": 2.4}),
        (f"{pair.predicted} (predicted)", {"color": ORANGE, "width": 2.4, "dash": "dot"}),
        ("the test spectrum", {"color": INK, "width": 1}),
    )
    for spectrum, (words, line) in zip(pair.spectra, lines, strict=True):
        x, y = envelope(pair.axis[stretch], spectrum[stretch])
        figure.add_scatter(
            x=rounded(x),
            y=rounded(y, 4),
            mode="lines",
            name=plain(words),
            line=line,
            hoverinfo="skip",
            xaxis=f"x{number}" if number > 1 else "x",
            showlegend=number == 1,
        )


def filled(spectra: np.ndarray) -> list[tuple[int, int]]:
    """(start, stop) of the stretches of (S, L) spectra that are worth drawing; the whole axis when most of it is."""
    points = spectra.shape[1]
    above = spectra - spectra.min(axis=1, keepdims=True)
    pad = max(1, round(PAD * points))
    spans: list[tuple[int, int]] = []
    for place in np.flatnonzero((above > LEVEL * np.maximum(above.max(axis=1, keepdims=True), 1e-12)).any(axis=0)):
        start, stop = max(0, int(place) - pad), min(points, int(place) + pad + 1)
        if spans and start <= spans[-1][1] + pad:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    if not spans or len(spans) > MOST_STRETCHES or sum(stop - start for start, stop in spans) > CROWDED * points:
        return [(0, points)]
    return spans
