from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from spectune.dashboards.figures import exploration as figures
from spectune.dashboards.figures.learning import learning
from spectune.dashboards.figures.parallel import parallel
from spectune.dashboards.style.theme import plain
from spectune.dashboards.tables.summary import Summary
from spectune.search.records import study as record
from spectune.search.records.ranking import front


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
    assert list(trace(figure, "paused").x) == list(frame.index[frame["status"] == "paused"])
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
