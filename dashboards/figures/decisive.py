"""What decides along the axis, of a winner that knows it: an estimator with importances of its points."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spectune.dashboards.style.page import nothing, plot
from spectune.dashboards.style.theme import NAVY, Drawing, empty, envelope, plain, rounded
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import InputError

FILE = "decisive.npz"
WORDS = (
    "How much each point decides: the mean fall of impurity over all trees and seeds, as a share of the "
    "highest. Behind it a training spectrum of each of the first classes. Neighbouring points share what one of them "
    "would decide alone. Drag to zoom, double-click to go back."
)


@dataclass
class Decisive:
    """``importances`` (L,) along the axis, and a spectrum (K, L) of each of K named classes."""

    axis: np.ndarray
    axis_label: str
    importances: np.ndarray
    names: list[str]
    spectra: np.ndarray


def decisive(summary: Summary) -> str:
    """The section; left out where the winner has no importances."""
    path = summary.study.folder / FILE
    if not path.is_file():
        return ""
    try:
        data = read(path)
    except ValueError:
        return nothing(f"It cannot be drawn: {FILE} is broken.")
    return f"<p>{WORDS}</p>{plot(importances(data), 'plot-decisive')}"


def read(path: Path) -> Decisive:
    """The content of a study's decisive.npz; ValueError when it is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as file:
            axis, values, spectra = (np.asarray(file[name], float) for name in ("axis", "importances", "spectra"))
            names = [str(name) for name in file["names"]]
            label = str(file["axis_label"])
    except (EOFError, KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile):
        values = axis = spectra = np.full((0, 0), np.nan)
        names, label = [""], ""
    sound = values.shape == axis.shape and spectra.shape == (len(names), len(axis)) and np.isfinite(values).all()
    if not sound or not np.isfinite(spectra).all():
        raise InputError(f"what decides is drawn from {path}, which is missing or broken: export again")
    return Decisive(axis, label, values, names, spectra)


def importances(data: Decisive) -> Drawing:
    """The importances over pale spectra, all scaled to a highest value of 1."""
    figure = empty(330, showlegend=True, dragmode="zoom")
    for name, spectrum in zip(data.names, data.spectra, strict=True):
        x, y = envelope(data.axis, spectrum)
        figure.add_scatter(
            x=rounded(x),
            y=rounded(y, 4),
            mode="lines",
            name=plain(name),
            line={"width": 1},
            opacity=0.5,
            hoverinfo="skip",
        )
    highest = float(data.importances.max())
    x, y = envelope(data.axis, data.importances / (highest if highest > 0 else 1.0))
    figure.add_scatter(
        x=rounded(x),
        y=rounded(y, 4),
        mode="lines",
        name="importance",
        fill="tozeroy",
        line={"color": NAVY, "width": 1.2},
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )
    figure.update_xaxes(title_text=plain(data.axis_label))
    figure.update_yaxes(title_text="share of the highest", rangemode="tozero", fixedrange=True)
    return figure
