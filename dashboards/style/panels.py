"""A figure with a small panel for each of several names, all with the same axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from spectune.dashboards.style.theme import INK, buttons, empty, wrapped

GAP, TOP, FOOT = 64, 74, 48  # between two panels, above and beneath all of them, in pixels


class Panels:
    """The figure, and the buttons over it; at most ``beside`` panels in a row, each ``high`` pixels."""

    def __init__(self, names: Sequence[str], *, high: int = 150, beside: int = 4) -> None:
        self.rows = math.ceil(len(names) / beside)
        self.beside = math.ceil(len(names) / self.rows)
        self.inside = self.rows * (high + GAP) - GAP
        places = [range(row * self.beside, (row + 1) * self.beside) for row in range(self.rows)]
        used: list[Any] = [[{} if place < len(names) else None for place in row] for row in places]
        grid = {
            "rows": self.rows,
            "cols": self.beside,
            "specs": used,
            "shared_yaxes": "all",
            "horizontal_spacing": 0.02,
            "vertical_spacing": GAP / self.inside if self.rows > 1 else 0,
        }
        self.figure = empty(self.inside + TOP + FOOT, grid=grid, margin={"l": 64, "r": 18, "t": TOP, "b": FOOT})
        self.figure.update_layout(legend_y=1 + 24 / self.inside)
        self.figure.update_xaxes(matches="x")
        for panel, name in enumerate(names):
            row, column = self._place(panel)
            self.figure.add_annotation(
                text=wrapped(name, 128 // self.beside),
                xref="x domain",
                yref="y domain",
                x=0,
                y=1,
                yanchor="bottom",
                xanchor="left",
                align="left",
                showarrow=False,
                font={"size": 12, "color": INK},
                row=row,
                col=column,
            )
        self._named: set[str] = set()

    def add(self, panel: int, **trace: Any) -> None:
        """A trace in a panel; the legend has every name once."""
        name, (row, column) = trace["name"], self._place(panel)
        self.figure.add_scatter(**trace, legendgroup=name, showlegend=name not in self._named, row=row, col=column)
        self._named.add(name)

    def label(self, x: str) -> None:
        """What the panels share along x."""
        self.figure.update_xaxes(title_text=x, row=self.rows)

    def axes(self, letter: str, **layout: Any) -> dict[str, Any]:
        """A layout for every axis of a letter; ``title`` goes to those at the foot or at the left only."""
        select = self.figure.select_xaxes if letter == "x" else self.figure.select_yaxes
        edge = select(row=self.rows) if letter == "x" else select(col=1)
        words = layout.pop("title")
        titles = {f"{axis.plotly_name}.title.text": words for axis in edge}
        return {f"{axis.plotly_name}.{key}": value for axis in select() for key, value in layout.items()} | titles

    def choose(self, choices: dict[str, list[Any]]) -> None:
        """Start with the first choice, whose traces are there already, and offer the others."""
        self.figure.update_layout(next(iter(choices.values()))[1])
        buttons(self.figure, choices)
        self.figure.update_layout({"updatemenus[0].y": 1 + 24 / self.inside} if len(choices) > 1 else {})

    def _place(self, panel: int) -> tuple[int, int]:
        return panel // self.beside + 1, panel % self.beside + 1
