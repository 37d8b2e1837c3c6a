from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from spectune.dashboards.figures import exploration as figures
from spectune.dashboards.figures.learning import learning
from spectune.dashboards.figures.parallel import ABSENT, MOST_LINES, parallel
from spectune.dashboards.style.theme import envelope, plain
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record
from spectune.search.records.ranking import front


@pytest.fixture(scope="module")
def summaries(folders: dict[str, Path]) -> dict[str, Summary]:
    return {name: Summary(record.read(folder)) for name, folder in folders.items()}


def trace(figure: go.Figure, name: str) -> Any:
    return next(one for one in figure.data if one.name == name)


def test_history_shows_every_trial_with_its_value(summaries: dict[str, Summary]) -> None:
    frame = summaries["whole"].trials
    figure = figures.history(frame, "max", "accuracy")
    assert isinstance(figure, go.Figure)
    shown = trace(figure, "trained to the end")
    ended = frame[(frame["stage"] == "explore") & (frame["status"] == "complete")]
    assert list(shown.x) == list(ended.index)
    assert list(shown.y) == pytest.approx(list(ended["value"]), rel=1e-5)
    assert list(trace(figure, "stopped early").x) == list(frame.index[frame["status"] == "stopped"])
    failed = trace(figure, "failed")
    assert list(failed.x) == list(frame.index[frame["status"] == "failed"])
    assert max(failed.y) < frame["value"].min()  # at the foot, beneath every value
    assert max(trace(figure, "best so far").y) == pytest.approx(ended["value"].max(), rel=1e-5)


def test_history_can_go_by_time(summaries: dict[str, Summary]) -> None:
    frame = summaries["whole"].trials
    figure = figures.history(frame, "max", "accuracy")
    by_trial, by_time = figure.layout.updatemenus[0].buttons
    assert "minutes" in by_time.args[1]["xaxis.title.text"]
    assert (
        [len(x) for x in by_trial.args[0]["x"]]
        == [len(x) for x in by_time.args[0]["x"]]
        == [len(t.x) for t in figure.data]
    )
    ended = frame[(frame["stage"] == "explore") & (frame["status"] == "complete")]
    index = [one.name for one in figure.data].index("trained to the end")
    expected = (ended["ended"] - frame["started"].min()) / 60
    assert by_time.args[0]["x"][index] == pytest.approx(list(expected), rel=1e-4)


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
    stopped = summary.trials[summary.trials["status"] == "stopped"]
    marks = dict(zip(ends["circle-open"].customdata, ends["circle-open"].x, strict=True))
    assert marks == {trial: row["epochs"] for trial, row in stopped.iterrows()}
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


def test_what_decides_comes_before_what_does_not_and_what_few_trials_have(
    summaries: dict[str, Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["rare", "common", "decisive"]
    table = pd.DataFrame({"importance": [0.5, 0.3, 0.2], "chance": [0.6, 0.4, 0.1], "trials": [5, 40, 20]}, index=names)
    monkeypatch.setattr(summaries["whole"], "importances", table)
    assert summaries["whole"].order == ["decisive", "common", "rare"]
    assert summaries["running"].order[0] == "depth"  # too few trials: as the space has them


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


def test_finalists_show_mean_interval_and_seeds(summaries: dict[str, Summary]) -> None:
    found = summaries["whole"].confirmed
    figure = figures.finalists(found, "accuracy")
    mean = trace(figure, "validation, mean and 95 % interval")
    assert list(mean.x) == pytest.approx(list(found["mean"]), rel=1e-5)
    assert list(mean.error_x.array) == pytest.approx(list(found["high"] - found["mean"]), rel=1e-4)
    assert list(mean.error_x.arrayminus) == pytest.approx(list(found["mean"] - found["low"]), rel=1e-4)
    seeds = trace(figure, "validation, single seeds")
    assert sorted(seeds.x) == pytest.approx(sorted(value for values in found["values"] for value in values), rel=1e-5)
    tested = found[found["test_mean"].notna()]
    assert list(trace(figure, "blind test, mean and 95 % interval").x) == pytest.approx(
        list(tested["test_mean"]), rel=1e-5
    )
    assert list(figure.layout.yaxis.ticktext)[-1] == "cnn2 (baseline)"


@pytest.mark.parametrize(("metric", "values", "most"), [("accuracy", [0.5, 1.0], 1.0), ("loss", [0.1, 0.9], 5.583)])
def test_an_interval_is_drawn_as_far_as_it_reaches_on_each_side(
    scribe: Any, metric: str, values: list[float], most: float
) -> None:
    """One that is cut at an end of the metric is longer on the other side."""
    scribe.objectives = [[metric, "max" if metric == "accuracy" else "min"]]
    scribe.study()
    trial = scribe.train(scribe.config(), skill=0.9)
    for seed in range(1, 1 + len(values)):
        scribe.train(scribe.config(), skill=0.9, stage="confirm", seed=seed, candidate=trial)
    study = record.read(scribe.folder)
    for one, value in zip(study.stage("confirm"), values, strict=True):
        one.metrics[metric] = value
    summary = Summary(study)
    row = summary.confirmed.iloc[0]
    drawn = trace(figures.finalists(summary.confirmed, metric), "validation, mean and 95 % interval")
    low, high = drawn.x[0] - drawn.error_x.arrayminus[0], drawn.x[0] + drawn.error_x.array[0]
    assert (low, high) == pytest.approx((row["low"], row["high"]), abs=1e-5)
    assert (low, high) == pytest.approx((0.0, most), abs=1e-3)


def test_the_axis_of_a_metric_ends_where_the_metric_does(scribe: Any) -> None:
    """Left alone, plotly draws an axis from 0 to 2 where every value is 1."""
    scribe.study()
    trial = scribe.train(scribe.config(), skill=2.0)
    for seed in (1, 2):
        scribe.train(scribe.config(), skill=2.0, stage="confirm", seed=seed, candidate=trial)
    summary = Summary(record.read(scribe.folder))
    assert set(summary.trials["accuracy"]) == {1.0}
    axes = (
        figures.finalists(summary.confirmed, "accuracy").layout.xaxis,
        figures.history(summary.trials, "max", "accuracy").layout.yaxis,
        learning(summary.trials, summary.curves, "accuracy").layout.yaxis,
    )
    assert [axis.autorangeoptions.clipmax for axis in axes] == [1.02] * 3


def test_trials_without_a_value_stay_on_the_axis(summaries: dict[str, Summary]) -> None:
    """They stand at the foot of the history, which may lie below the least that the metric can be."""
    frame = summaries["whole"].trials.copy()
    frame["value"] = np.linspace(0, 1, len(frame)).tolist()
    frame.loc[frame["status"] == "failed", "value"] = np.nan
    figure = figures.history(frame, "max", "accuracy")
    assert figure.layout.yaxis.autorangeoptions.clipmin < min(trace(figure, "failed").y) < 0


def test_the_front_is_marked(summaries: dict[str, Summary]) -> None:
    summary = summaries["two"]
    figure = figures.pareto(summary.trials, summary.objectives, front(summary.study))
    stars = trace(figure, "Pareto front")
    chosen = [int(text) for text in stars.text]
    assert list(stars.x) == pytest.approx(list(summary.trials.loc[chosen, "parameters"]), rel=1e-5)
    assert sorted(stars.x) == list(stars.x) and sorted(stars.y) == list(stars.y)


def test_importance_bars_stand_beside_chance(summaries: dict[str, Summary]) -> None:
    table = summaries["whole"].importances
    figure = figures.importance(table, "accuracy")
    bars = {name: x for one in figure.data if one.type == "bar" for name, x in zip(one.y, one.x, strict=True)}
    assert bars == pytest.approx(table["importance"].to_dict(), rel=1e-5)
    assert list(figure.layout.yaxis.categoryarray) == list(table.index)


@pytest.mark.parametrize("name", ["failed", "empty"])
def test_where_there_is_nothing_to_draw_there_are_words(summaries: dict[str, Summary], name: str) -> None:
    summary = summaries[name]
    said = [
        figures.history(summary.trials, "max", "accuracy"),
        parallel(summary.trials, summary.objectives),
        figures.importance(summary.importances, "accuracy"),
        figures.finalists(summary.confirmed, "accuracy"),
        figures.pareto(summary.trials, [("accuracy", "max"), ("parameters", "min")], []),
    ]
    assert all(isinstance(words, str) and words.endswith(".") for words in said)
    assert ("6 failed" if name == "failed" else "none was started") in said[0]


def test_what_users_wrote_is_shown_not_interpreted(summaries: dict[str, Summary]) -> None:
    figure = figures.history(summaries["whole"].trials, "max", "accuracy")
    said = [text for one in figure.data for text in one.text or ()]
    assert any("error: CUDA &lt;launch&gt; failed" in text for text in said)
    assert plain("<a href='x'>") == "&lt;a href='x'&gt;"


def test_an_envelope_keeps_every_peak_in_fewer_points() -> None:
    x = np.arange(5000.0)
    y = sum(np.exp(-(((x - centre) / 3) ** 2)) for centre in (700, 2503, 2511, 4801))
    few, low = envelope(x, y, most=400)
    assert len(few) < 400
    assert np.interp(x, few, low) == pytest.approx(y, abs=0.01)
    noise = np.random.default_rng(0).normal(size=5000)
    few, low = envelope(x, noise, most=400)
    assert len(few) <= 402
    assert (low.max(), low.min()) == (noise.max(), noise.min())
    assert (few[0], few[-1]) == (0, 4999)
    assert len(envelope(x[:2], np.zeros(2))[0]) == 2
    assert list(envelope(x, np.zeros(5000))[0]) == [0, 4999]
