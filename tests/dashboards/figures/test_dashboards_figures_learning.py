"""Learning curves: of the trials of a search, and of the variants of an ablation."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from spectune.dashboards import report
from spectune.dashboards.figures.learning import epochs, learning
from spectune.dashboards.tables import trials as table
from spectune.dashboards.tables import variants
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record


def trace(figure: go.Figure, name: str) -> Any:
    return next(one for one in figure.data if one.name == name)


def named(figure: Any, name: str) -> list[Any]:
    assert isinstance(figure, go.Figure)
    return [one for one in figure.data if one.name == name]


def read(scribe: Any, shown: Any) -> Any:
    return shown(report.build(record.read(scribe.folder)))


def test_a_training_of_one_epoch_is_marked_for_a_line_of_one_point_is_not_seen(scribe: Any) -> None:
    scribe.study()
    scribe.train(scribe.config(), skill=0.7, epochs=1)
    scribe.train(scribe.config(), skill=0.6, epochs=5)
    summary = Summary(record.read(scribe.folder))
    marks = [one for one in learning(summary.trials, summary.curves, "accuracy").data if one.mode == "markers"]
    (mark,) = [one for one in marks if len(one.x) and one.x[0] is not None]
    assert (list(mark.x), list(mark.customdata)) == ([1], [0])
    assert 0 < mark.y[0] < 1


def test_learning_curves_end_where_their_trials_did(summaries: dict[str, Summary]) -> None:
    summary = summaries["whole"]
    figure = learning(summary.trials, summary.curves, "accuracy", finalists=summary.promoted)
    assert isinstance(figure, go.Figure)
    ends = {one.marker.symbol: one for one in figure.data if one.mode == "markers"}
    paused = summary.trials[summary.trials["status"] == "paused"]
    marks = dict(zip(ends["circle-open"].customdata, ends["circle-open"].x, strict=True))
    assert marks == {trial: row["epochs"] for trial, row in paused.iterrows()}
    drawn = {owner for one in figure.data if one.mode == "lines" and one.customdata for owner in one.customdata}
    explored = summary.curves[summary.curves["stage"] == "explore"]
    assert drawn - {None} == set(explored["trial"])
    bold = trace(figure, "confirmed later")
    assert set(bold.customdata) - {None} == set(summary.promoted)
    one = summary.promoted[0]
    points = [
        (x, y) for x, y, owner in zip(bold.x, bold.y, bold.customdata, strict=True) if owner == one and x is not None
    ]
    expected = explored[explored["trial"] == one]
    assert [x for x, _ in points] == list(expected["epoch"])
    assert [y for _, y in points] == pytest.approx(list(expected["accuracy"]), rel=1e-4)


def test_the_buttons_of_the_learning_curves_fit_their_traces(summaries: dict[str, Summary]) -> None:
    figure = learning(summaries["whole"].trials, summaries["whole"].curves, "accuracy")
    for button in figure.layout.updatemenus[0].buttons:
        assert [len(y) for y in button.args[0]["y"]] == [len(one.x) for one in figure.data]


def test_a_curve_that_diverged_is_marked_at_its_last_sound_epoch(summaries: dict[str, Summary]) -> None:
    summary = summaries["whole"]
    figure = learning(summary.trials, summary.curves, "loss")
    failed = next(one for one in figure.data if one.mode == "markers" and one.marker.symbol == "x-thin-open")
    assert None not in failed.y


def test_each_variant_has_a_panel_with_its_median_and_the_reference(study: record.Study) -> None:
    summary = Summary(study)
    figure = epochs(summary)
    assert isinstance(figure, go.Figure)
    assert [one.text for one in figure.layout.annotations] == variants.names(study)
    assert all(axis.type == "log" for axis in figure.select_yaxes())
    base = named(figure, "reference, median")
    assert len(base) == 3 and len({one.yaxis for one in base}) == 3
    medians = named(figure, "variant, median")
    for median, name in zip(medians, variants.names(study)[1:], strict=True):
        trials = [trial for trial in study.stage("confirm") if trial.candidate == name]
        losses = [[row["loss"] for _, row in trial.reports] for trial in trials]
        assert list(median.y) == pytest.approx(list(np.median(losses, axis=0)), rel=1e-3)
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["loss", "accuracy", "training loss"]
    assert [len(y) for y in buttons[1].args[0]["y"]] == [len(one.x) for one in figure.data]
    assert buttons[1].args[1]["yaxis2.type"] == "linear"
    assert sum(one.showlegend for one in figure.data) == 3


def test_a_median_ends_where_less_than_half_of_the_seeds_go_on(ablator: Any) -> None:
    ablator.ablate()
    for seed, length in ((1, 4), (2, 4), (3, 9)):
        ablator.confirm("cnn6", seed, epochs=length)
    (median,) = named(epochs(Summary(record.read(ablator.folder))), "reference, median")
    assert list(median.x) == [1, 2, 3, 4]


def test_trainings_of_one_epoch_are_dots(ablator: Any) -> None:
    ablator.ablate()
    ablator.confirm("cnn6", 1, epochs=1)
    figure = epochs(Summary(record.read(ablator.folder)))
    assert isinstance(figure, go.Figure)
    assert {one.mode for one in figure.data} == {"markers"}


def test_long_curves_are_thinned_but_for_their_ends(ablator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ablator.ablate()
    for name in ablator.variants:
        for seed in (1, 2):
            ablator.confirm(name, seed, epochs=20)
    monkeypatch.setattr(table, "MOST_EPOCHS", 60)  # of 120
    figure = epochs(Summary(record.read(ablator.folder)))
    seeds = [epoch for trace in named(figure, "single seeds") for epoch in trace.x if epoch is not None]
    assert len(seeds) <= 60 + 6 and seeds.count(20) == 6 and seeds.count(1) == 6
    for median in named(figure, "variant, median"):
        assert len(median.x) <= 11 and median.x[-1] == 20
