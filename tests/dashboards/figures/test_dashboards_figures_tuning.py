from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from spectune.dashboards.figures.tuning import drawing
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record


def named(figure: Any, name: str) -> list[Any]:
    assert isinstance(figure, go.Figure)
    return [one for one in figure.data if one.name == name]


def test_retuning_shows_what_was_tried_and_what_was_taken(study: record.Study) -> None:
    figure = drawing(Summary(study))
    assert [list(one.x) for one in named(figure, "taken")] == [[3e-4]] * 3
    assert [list(one.x) for one in named(figure, "tried")] == [[1e-4, 1e-3]] * 3
    assert isinstance(figure, go.Figure)
    assert figure.layout.xaxis.type == "log"
    best = max(trial.values[0] for trial in study.stage("tune") if trial.candidate == "cnn6")  # type: ignore[index]
    assert named(figure, "taken")[0].y[0] == pytest.approx(best, rel=1e-5)
