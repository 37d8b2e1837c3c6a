"""How often the variants of an ablation are right in each category of classes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from spectune.dashboards.style.page import Cell, captioned, table
from spectune.dashboards.style.panels import Panels
from spectune.dashboards.style.theme import BLUE, INK, NAVY, Drawing, clipped, plain, rounded, wrapped
from spectune.dashboards.style.words import number
from spectune.dashboards.tables.summary import Summary
from spectune.dashboards.tables.variants import SPLITS, names
from spectune.search.records import Study

Shares = dict[str, dict[str, list[float]]]  # category -> variant -> the share that was right, one per seed


def categories(summary: Summary) -> str:
    """The accuracy in each category on every split; left out where the classes have no categories, or one."""
    study = summary.study
    if len(set(study.header["ablation"]["categories"])) < 2:
        return ""
    words = (
        "The share of the spectra of a category that was classified right: a dot for each seed, a bar for their mean, "
        "and a line down from the mean of the reference."
    )
    by_split = {split: shares(study, split) for split in SPLITS}
    splits = [split for split in SPLITS if by_split[split]] or ["validation"]
    parts: list[str] = []
    for split in splits:
        heading = f"On the {SPLITS[split]}" if len(splits) > 1 else ""
        figure = drawing(by_split[split], names(study))
        parts.append(captioned("" if parts else words, figure, f"plot-categories-{split}", heading=heading))
        parts.append(_table(by_split[split], names(study)) if by_split[split] else "")
    return "".join(parts)


def shares(study: Study, split: str) -> Shares:
    """The accuracy of every variant that was evaluated on a split, category by category; empty when none was."""
    of = study.header["ablation"]["categories"]
    by_category: Shares = {category: {} for category in of}
    for variant in names(study):
        line = study.evaluations.get((variant, split), {})
        for category, values in by_category.items():
            members = [place for place, one in enumerate(of) if one == category]
            spectra = sum(line["spectra"][one] for one in members) if line.get("right") else 0
            if spectra:
                values[variant] = [sum(right[one] for one in members) / spectra for right in line["right"]]
    return {category: values for category, values in by_category.items() if values}


def drawing(by_category: Shares, order: Sequence[str]) -> Drawing:
    """A panel per category, a line per variant in each."""
    shown = [name for name in order if any(name in values for values in by_category.values())]
    if not shown:
        return "Categories are known once the variants have been evaluated."
    panels = Panels([f"accuracy, {category}" for category in by_category], high=24 * len(shown) + 20, beside=3)
    for place, values in enumerate(by_category.values()):
        for trace in _traces(values, shown, order[0]):
            panels.add(place, **trace)
    figure = panels.figure
    figure.update_layout(margin={"l": 132})
    figure.update_xaxes(clipped("accuracy"), tickformat=".4~g")
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[wrapped(name, 36) for name in shown],
        showgrid=False,
        range=[len(shown) - 0.5, -0.5],
        tickfont={"size": 12, "color": INK},
        automargin=True,
    )
    return figure


def _traces(values: dict[str, list[float]], shown: Sequence[str], base: str) -> list[dict[str, Any]]:
    """The seeds and the means of a category, and the mean of the reference down all lines."""
    line = {name: place for place, name in enumerate(shown)}
    dots = [(name, value) for name, row in values.items() for value in row]
    looks = (
        ("one seed", dots, {"color": BLUE, "size": 6, "opacity": 0.45}),
        (
            "mean",
            [(name, fmean(row)) for name, row in values.items()],
            {"symbol": "line-ns-open", "color": NAVY, "size": 15, "line": {"width": 2.5}},
        ),
    )
    level = {
        "x": rounded([fmean(values[base])] * 2 if base in values else [], 4),
        "y": [-0.5, len(shown) - 0.5] if base in values else [],
        "mode": "lines",
        "line": {"color": INK, "width": 1.2, "dash": "dot"},
        "hoverinfo": "skip",
        "name": "mean of the reference",
    }
    marks = [
        {
            "x": rounded((value for _, value in points), 4),
            "y": [line[name] for name, _ in points],
            "text": [f"{plain(name)}, {what}: {number(value)}" for name, value in points],
            "mode": "markers",
            "marker": marker,
            "hoverinfo": "text",
            "name": what,
        }
        for what, points, marker in looks
    ]
    return [level, *marks]


def _table(by_category: Shares, order: Sequence[str]) -> str:
    """The means, beneath them the difference from the reference's."""
    rows = []
    for name in order:
        cells = [Cell(name)]
        for values in by_category.values():
            mean, base = (fmean(values[one]) if one in values else None for one in (name, order[0]))
            gap = f"{mean - base:+.4f}" if mean is not None and base is not None and name != order[0] else ""
            cells.append(Cell(number(mean), small=gap, value=mean))
        rows.append(cells)
    listed = table(("variant", *(f"{category}>" for category in by_category)), rows, style="short", first=0)
    return f"<details><summary>the means as a table</summary>{listed}</details>"
