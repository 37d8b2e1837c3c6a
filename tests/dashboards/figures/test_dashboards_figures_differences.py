from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import pytest

from spectune.dashboards.figures.differences import differences
from spectune.dashboards.tables import variants
from spectune.search.records import study as record


def named(figure: Any, name: str) -> list[Any]:
    assert isinstance(figure, go.Figure)
    return [one for one in figure.data if one.name == name]


def changed(line: dict[str, Any], variant: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a comparison, with other values in the difference of a variant."""
    rows: list[dict[str, Any]] = json.loads(json.dumps(line["rows"]))
    next(row for row in rows if row["variant"] == variant)["difference"].update(values)
    return rows


def test_differences_show_interval_and_significance_by_colour_and_symbol(study: record.Study) -> None:
    rows = variants.rows(study)
    figure = differences(rows, "accuracy", direction="max", alpha=0.05)
    (better,), (worse,) = named(figure, "better (p ≤ 0.05, Holm)"), named(figure, "worse (p ≤ 0.05, Holm)")
    for trace, row in ((better, rows[1]), (worse, rows[2])):
        gap = row["difference"]
        assert list(trace.x) == [pytest.approx(gap["mean"], rel=1e-5)]
        assert list(trace.error_x.array) == [pytest.approx(gap["high"] - gap["mean"], rel=1e-4)]
        assert list(trace.error_x.arrayminus) == [pytest.approx(gap["mean"] - gap["low"], rel=1e-4)]
    assert better.marker.color != worse.marker.color and better.marker.symbol != worse.marker.symbol
    unclear = changed(study.comparisons["validation"], "pooling=none", p_holm=0.06)
    (trace,) = named(differences(unclear, "accuracy", direction="max", alpha=0.05), "not significant")
    assert trace.marker.symbol not in (better.marker.symbol, worse.marker.symbol)
    assert "pooling=none" in trace.text[0]


def test_the_order_of_differences_can_be_chosen(study: record.Study) -> None:
    rows = [variants.rows(study)[place] for place in (0, 2, 1)]  # the worse one first
    for direction, best in (("max", "fc_activation=linear"), ("min", "pooling=none")):
        figure = differences(rows, "accuracy", direction=direction, alpha=0.05)
        assert isinstance(figure, go.Figure)
        assert figure.layout.yaxis.ticktext[0] == best
        ranked, asked = figure.layout.updatemenus[0].buttons[:2]
        assert asked.args[1]["yaxis.ticktext"] == ["pooling=none", "fc_activation=linear"]
        for button in (ranked, asked):
            for trace, y in zip(figure.data, button.args[0]["y"], strict=True):
                lines = [button.args[1]["yaxis.ticktext"][round(place)] for place in y]
                assert all(text.startswith(line) for text, line in zip(trace.text, lines, strict=True))
