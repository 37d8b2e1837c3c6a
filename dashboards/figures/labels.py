"""How the winner did with each label, where a spectrum may have several."""

from __future__ import annotations

from typing import Any

from spectune.dashboards.style.page import Cell, plot, table
from spectune.dashboards.style.theme import BLUE, NAVY, Drawing, empty, plain, rounded
from spectune.dashboards.style.words import number
from spectune.dashboards.tables.summary import Summary

Row = dict[str, Any]  # of a label, as the journal's test has it


def labels(summary: Summary) -> str:
    """F1 of every label on the blind test, drawn and listed; "" where a spectrum has one label."""
    winner = summary.confirmed.iloc[0].candidate if len(summary.confirmed) else None
    tested = next((test for test in summary.study.tests if test["candidate"] == winner), {})
    rows = sorted(tested.get("labels", ()), key=lambda row: -row["spectra"])
    if not rows:
        return ""
    words = (
        f"The {summary.best} on the blind test, the most frequent label first. Each of {len(tested['seeds'])} seeds "
        "has its own thresholds, chosen on the training split. Missed and wrongly found labels are summed over the "
        "seeds."
    )
    cells = [
        [
            Cell(row["label"]),
            *(Cell(f"{row[key]:,}", value=row[key]) for key in ("spectra", "missed", "wrong")),
            *(Cell(number(_mean(row[key])), value=_mean(row[key])) for key in ("f1", "auc")),
        ]
        for row in rows
    ]
    heads = ("label", "spectra>", "missed>", "wrongly found>", "mean F1>", "mean AUC>")
    return f"<p>{words}</p>{plot(drawing(rows), 'plot-labels')}{table(heads, cells, style='sortable')}"


def drawing(rows: list[Row]) -> Drawing:
    """A row per label: the F1 of every seed, and their mean."""
    figure = empty(90 + 26 * len(rows), showlegend=True)
    names = [plain(row["label"]) for row in rows]
    each = [(value, name) for row, name in zip(rows, names, strict=True) for value in row["f1"]]
    marks = (
        (
            "one seed",
            [value for value, _ in each],
            [name for _, name in each],
            {"color": BLUE, "size": 7, "opacity": 0.45},
        ),
        ("mean", [_mean(row["f1"]) for row in rows], names, {"color": NAVY, "size": 15, "symbol": "line-ns-open"}),
    )
    for name, x, y, marker in marks:
        figure.add_scatter(x=rounded(x, 4), y=y, mode="markers", name=name, marker=marker, hovertemplate="%{y}: %{x}")
    figure.update_xaxes(title_text="F1 on the blind test", range=[-0.02, 1.02])
    order = {"type": "category", "categoryorder": "array", "categoryarray": names}
    figure.update_yaxes(autorange="reversed", automargin=True, **order)
    return figure


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else float("nan")
