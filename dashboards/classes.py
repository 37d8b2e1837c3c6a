"""The classes of a dataset: ``python -m spectune.dashboards.classes FILE.npz --out page.html`` draws them on one page.

The file holds ``title``, ``axis`` (L,), ``axis_label``, ``names`` (K,), ``nominal`` (K, L) and ``spectra`` (K, S, L),
some training spectra of each class with rows of NaN where there are fewer.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from spectune.dashboards.style.page import arguments_of, command, page, plot
from spectune.dashboards.style.theme import INK, NAVY, Drawing, empty, envelope, plain, rounded
from spectune.search.records import InputError

NEEDED = ("title", "axis", "axis_label", "names", "nominal", "spectra")
MOST_POINTS = 150_000  # of all drawn spectra together
ROW, LEAST_ROW = 64, 34  # pixels between two classes; less when there are many
FEW = 20  # classes that get the full height


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; 2 with one line on stderr when the file cannot be drawn."""
    parser = argparse.ArgumentParser(prog="spectune.dashboards.classes", description="Draw the classes of a dataset.")
    parser.add_argument("file", type=Path, metavar="FILE.npz", help="arrays of the classes, from spectune data show")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page")
    options = arguments_of(parser, arguments)
    return command("classes", options.out, lambda: build(read(options.file)))


def read(path: Path) -> dict[str, Any]:
    """The arrays of a file; ValueError when it is none or lacks some."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (EOFError, TypeError, ValueError, zipfile.BadZipFile):
        raise InputError(
            f"the classes are drawn from an .npz file, {path} is none: write it with numpy.savez"
        ) from None
    lacking = [name for name in NEEDED if name not in arrays]
    if lacking:
        raise InputError(f"a file of classes holds {', '.join(NEEDED)}, {path} has no {', '.join(lacking)}: add it")
    return arrays


def build(arrays: dict[str, Any]) -> str:
    """The page as text."""
    name, axis, count = escape(str(arrays["title"])), arrays["axis"], len(arrays["names"])
    some = int(arrays["spectra"].shape[1])
    words = (
        f"{count} classes of {len(axis):,} points from {axis[0]:g} to {axis[-1]:g}. The dark line is the class itself "
        f"(its definition, or the mean of its training spectra), the pale ones are {some} training spectra. Each is "
        "divided by its maximum. Drag to zoom, double-click to go back."
    )
    drawing = plot(spectra(arrays), "plot-classes")
    body = f'<p class="kicker">spectune dataset</p>\n<h1>{name}</h1>\n<p>{escape(words)}</p>\n{drawing}'
    return page(f"{arrays['title']}: classes", body)


def spectra(arrays: dict[str, Any]) -> Drawing:
    """All classes under each other on one axis, so that positions can be compared."""
    names, axis = [str(name) for name in arrays["names"]], np.asarray(arrays["axis"], float)
    if not names:
        return "There is no class to draw."
    row = ROW if len(names) <= FEW else max(LEAST_ROW, ROW * FEW // len(names))
    figure = empty(70 + row * len(names), dragmode="zoom", showlegend=True)
    most = max(200, MOST_POINTS // (len(names) * (1 + arrays["spectra"].shape[1])))
    pale: tuple[list[Any], list[Any]] = ([], [])
    dark: tuple[list[Any], list[Any]] = ([], [])
    for index, (nominal, examples) in enumerate(zip(arrays["nominal"], arrays["spectra"], strict=True)):
        for line, values in [*((pale, example) for example in examples), (dark, nominal)]:
            if np.isfinite(values).all():
                _append(line, axis, np.asarray(values, float), -index, most)
    for name, (x, y), style in (
        ("training spectra", pale, {"color": "#8fb8da", "width": 1}),
        ("class", dark, {"color": NAVY, "width": 1.4}),
    ):
        figure.add_scatter(x=x, y=y, mode="lines", name=name, line=style, hoverinfo="skip")
    figure.update_xaxes(title_text=plain(arrays["axis_label"]), range=[float(axis[0]), float(axis[-1])])
    figure.update_yaxes(
        tickvals=[0.3 - index for index in range(len(names))],
        ticktext=[plain(name) for name in names],
        showgrid=False,
        range=[0.15 - len(names), 1.05],
        fixedrange=True,
        automargin=True,
        tickfont={"size": 12, "color": INK},
    )
    return figure


def _append(line: tuple[list[Any], list[Any]], axis: np.ndarray, values: np.ndarray, foot: float, most: int) -> None:
    """One spectrum, scaled to nine tenths of a row and set on its foot, then a gap."""
    x, y = envelope(axis, values, most)
    top = float(values.max())
    line[0].extend([*rounded(x), None])
    line[1].extend([*rounded(foot + 0.9 * y / (top if top > 0 else 1.0), 5), None])


if __name__ == "__main__":
    sys.exit(main())
