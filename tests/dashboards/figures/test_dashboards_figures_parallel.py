from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spectune.dashboards.figures.parallel import ABSENT, MOST_LINES, parallel
from spectune.dashboards.tables.summary import Summary


def test_parallel_lines_pass_through_the_values_of_their_trials(summaries: dict[str, Summary]) -> None:
    summary = summaries["two"]
    figure = parallel(summary.trials, summary.objectives, ["depth"])
    rows = list(figure.layout.yaxis.ticktext)
    assert rows[:3] == ["<b>accuracy</b>", "<b>parameters</b>", "depth"]
    best = int(summary.trials.loc[summary.trials["stage"] == "explore", "value"].idxmax())
    line = {
        row: text
        for one in figure.data
        for row, text, owner in zip(one.y, one.text or (), one.customdata or (), strict=False)
        if owner == best
    }
    assert line[-2].endswith(f"depth {summary.trials.loc[best, 'config.depth']}")
    assert len(line) == len(rows)


def test_ticks_are_at_their_values_and_apart() -> None:
    sizes = [100, 160, 163, 300, 448, 455, 100]
    frame = pd.DataFrame({"stage": "explore", "value": 0.5, "accuracy": 0.5, "config.size": sizes})
    figure = parallel(frame, [("accuracy", "max")])
    ticks = {note.text: note.x for note in figure.layout.annotations if note.y == -1}
    assert ticks == pytest.approx({"100": 0, "160": 60 / 355, "300": 200 / 355, "455": 1})


def test_a_hyperparameter_that_does_not_exist_is_crossed_at_the_left(summaries: dict[str, Summary]) -> None:
    summary = summaries["whole"]
    figure = parallel(summary.trials, summary.objectives)
    row = -list(figure.layout.yaxis.ticktext).index("pool_size")
    places = {
        o: x for one in figure.data for x, y, o in zip(one.x, one.y, one.customdata or (), strict=False) if y == row
    }
    without = summary.trials.loc[list(places), "config.pooling"] == "none"
    assert {places[trial] for trial in without.index[without]} == {ABSENT}
    assert min(places[trial] for trial in without.index[~without]) > ABSENT + 0.05


def test_objectives_are_linear_but_counts(summaries: dict[str, Summary]) -> None:
    """Also accuracies from a hundredth to one."""
    values = [0.01, 0.02, 0.04, 0.1, 0.3, 1.0]
    sizes = [10**power for power in range(3, 9)]
    frame = pd.DataFrame(
        {"stage": "explore", "value": values, "accuracy": values, "parameters": sizes, "config.a": sizes}
    )
    figure = parallel(frame, [("accuracy", "max"), ("parameters", "min")])
    places = {(o, y): x for one in figure.data for x, y, o in zip(one.x, one.y, one.customdata or (), strict=False)}
    assert [places[trial, 0] for trial in range(6)] == pytest.approx(np.interp(values, [0.01, 1], [0, 1]), abs=0.01)
    assert [places[trial, -1] for trial in range(6)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1], abs=0.01)


def test_many_trials_leave_the_best_in_parallel_coordinates() -> None:
    random = np.random.default_rng(0)
    values = random.random(1000)
    frame = pd.DataFrame({"stage": "explore", "value": values, "loss": values, "config.rate": random.random(1000)})
    figure = parallel(frame, [("loss", "min")])
    drawn = {owner for one in figure.data for owner in one.customdata or ()} - {None}
    assert len(drawn) == MOST_LINES
    assert set(np.argsort(values)[:50]) <= drawn
    assert "150 of 1,000" in figure.layout.meta["note"]


def test_what_none_of_the_drawn_trials_has_is_no_row() -> None:
    """As a hyperparameter of a family that was hardly tried."""
    rare = [float("nan")] * 1000
    rare[997:999] = 1.0, 2.0
    columns = dict.fromkeys(("value", "loss", "config.rate"), range(1000))
    frame = pd.DataFrame({"stage": "explore", **columns, "config.rare": rare})
    figure = parallel(frame, [("loss", "min")])
    rows = " ".join(figure.layout.yaxis.ticktext)
    assert "rate" in rows and "rare" not in rows
