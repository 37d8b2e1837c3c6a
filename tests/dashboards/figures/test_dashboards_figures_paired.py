from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import pytest

from spectune.dashboards.figures.differences import differences
from spectune.dashboards.figures.paired import BESIDE, paired
from spectune.dashboards.tables import variants
from spectune.search.records import study as record


def named(figure: Any, name: str) -> list[Any]:
    assert isinstance(figure, go.Figure)
    return [one for one in figure.data if one.name == name]


def test_lines_join_the_trainings_of_the_same_seed(study: record.Study) -> None:
    rows = variants.rows(study)
    figure = paired(rows, "accuracy", split="validation split")
    (lines,) = named(figure, "same seed")
    joined = {(lines.y[place], lines.y[place + 1]) for place in range(0, len(lines.y), 3)}
    assert all(lines.y[place] is None for place in range(2, len(lines.y), 3))
    expected = {pair for row in rows[1:] for pair in zip(rows[0]["values"], row["values"], strict=True)}
    assert sorted(joined) == [pytest.approx(pair, rel=1e-5) for pair in sorted(expected)]


def test_only_seeds_that_both_have_are_joined(study: record.Study) -> None:
    base, one, _ = json.loads(json.dumps(variants.rows(study)))
    one["seeds"], one["values"] = [7, 3, 99], [0.7, 0.3, 0.9]
    figure = paired([base, one], "accuracy", split="validation split")
    (lines,) = named(figure, "same seed")
    assert len(lines.y) == 3 * 2
    theirs = variants.by_seed(base)
    assert list(lines.y[:2]) == [pytest.approx(theirs[7], rel=1e-5), 0.7]
    (dots,) = named(figure, "variant")
    assert len(dots.y) == 3


def test_many_variants_wrap_and_one_that_fails_does_not_flatten_the_others(study: record.Study) -> None:
    base, one, _ = variants.rows(study)
    rows = [base]
    for number in range(30):
        gap = -0.5 if number == 17 else 0.01 * (number % 5 - 2.2)
        shift = {"values": [value + gap for value in base["values"]], "mean": base["mean"] + gap}
        rows.append(
            {
                **one,
                **shift,
                "variant": f"width={number} depth=3 batch_norm=True",
                "difference": {
                    **one["difference"],
                    "mean": gap,
                    "low": gap - 0.01,
                    "high": gap + 0.01,
                    "values": [gap] * 8,
                },
            }
        )
    figure = paired(rows, "accuracy", split="validation split")
    assert isinstance(figure, go.Figure)
    axes = list(figure.select_xaxes())
    assert [len(axis.ticktext) for axis in axes] == [BESIDE] * 5
    names = [text.replace("<br>", " ") for axis in axes for text in axis.ticktext]
    assert names == [row["variant"] for row in rows[1:]]
    low, high = figure.layout.updatemenus[0].buttons[1].args[1]["yaxis3.range"]
    assert base["mean"] - 0.1 < low < high < base["mean"] + 0.1
    forest = differences(rows, "accuracy", direction="max", alpha=0.05)
    assert isinstance(forest, go.Figure)
    low, high = forest.layout.updatemenus[0].buttons[2].args[1]["xaxis.range"]
    assert -0.1 < low < 0 < high < 0.1
