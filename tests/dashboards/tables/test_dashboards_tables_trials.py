from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spectune.dashboards.tables import trials as table
from spectune.search.records import ranking
from spectune.search.records import study as record
from spectune.spaces import FAMILIES, Training


def events(folder: Path, event: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "journal.jsonl").read_text("utf-8").splitlines())
    return [line for line in lines if line["event"] == event]


def test_every_trial_is_a_row_with_the_numbers_of_its_records(folders: dict[str, Path]) -> None:
    frame = table.trials(record.read(folders["whole"]))
    starts, ends = (events(folders["whole"], event) for event in ("start", "end"))
    assert list(frame.index) == [start["trial"] for start in starts]
    for start, end in zip(starts, sorted(ends, key=lambda line: line["trial"]), strict=True):
        row = frame.loc[start["trial"]]
        assert (row["stage"], row["status"], row["parameters"]) == (start["stage"], end["status"], start["parameters"])
        assert (row["seconds"], row["epochs"], row["reason"]) == (end["seconds"], end["epochs"], end["reason"])
        assert row["config.learning_rate"] == start["config"]["training"]["learning_rate"]
        if end["status"] == "failed":
            assert math.isnan(row["value"])
        else:
            assert row["value"] == end["values"][0] == row["accuracy"]


def test_a_running_trial_shows_its_best_epoch_so_far(folders: dict[str, Path]) -> None:
    frame = table.trials(record.read(folders["running"]))
    reports = [line for line in events(folders["running"], "report") if line["trial"] == 9]
    best = min(reports, key=lambda line: line["metrics"]["loss"])
    assert frame.loc[9, ["status", "epochs"]].tolist() == ["running", 4]
    assert frame.loc[9, "value"] == best["metrics"]["accuracy"]
    assert frame.loc[10, "epochs"] == 0
    assert math.isnan(frame.loc[10, "value"])


def test_hyperparameters_keep_the_order_of_the_space(folders: dict[str, Path]) -> None:
    """Also where the first trial has a value per layer and so lacks some."""
    frame = table.trials(record.read(folders["whole"]))
    names = [name for name in frame if name.startswith("config.")]
    assert names.index("config.kernel_size") + 1 == names.index("config.kernel_last")
    assert names.index("config.depth") < names.index("config.fc_depth") < names.index("config.learning_rate")


def test_families_do_not_share_a_hyperparameter_of_the_same_name(scribe: Any) -> None:
    """The depth of one family says nothing of the depth of another."""
    scribe.study(space="any")
    for name in ("cnn", "vit", "mlp"):
        config = {"network": {"family": name, **FAMILIES[name]().to_dict()}, "training": Training().to_dict()}
        scribe.train(config, skill=0.5)
    frame = table.trials(record.read(scribe.folder))
    assert {"config.family", "config.cnn.depth", "config.vit.depth", "config.learning_rate"} <= set(frame)
    assert "config.depth" not in frame
    assert frame["config.vit.depth"].notna().tolist() == [False, True, False]
    assert frame["config.learning_rate"].notna().all()


def test_a_baseline_of_another_family_renames_nothing(scribe: Any) -> None:
    """Only what is explored is compared."""
    scribe.study(space="mlp")
    config = {"network": {"family": "mlp", **FAMILIES["mlp"]().to_dict()}, "training": Training().to_dict()}
    scribe.train(config, skill=0.5)
    scribe.train(scribe.config("cnn2"), skill=0.5, stage="confirm", candidate="cnn2", label="cnn2")
    assert "config.depth" in table.trials(record.read(scribe.folder))


def test_a_study_without_trials_has_empty_tables(folders: dict[str, Path]) -> None:
    study = record.read(folders["empty"])
    for frame in (table.trials(study), table.curves(study), table.confirmed(study)):
        assert len(frame) == 0
    assert {"stage", "status", "value", "accuracy"} <= set(table.trials(study))


def test_every_report_is_a_row_of_the_curves(folders: dict[str, Path]) -> None:
    curves = table.curves(record.read(folders["whole"]))
    reports = events(folders["whole"], "report")
    assert len(curves) == len(reports)
    first = reports[0]
    row = curves[(curves["trial"] == first["trial"]) & (curves["epoch"] == first["epoch"])].iloc[0]
    assert row["loss"] == first["metrics"]["loss"]
    diverged = next(line for line in reports if line["metrics"]["loss"] is None)
    chosen = curves[(curves["trial"] == diverged["trial"]) & (curves["epoch"] == diverged["epoch"])]
    assert math.isnan(chosen["loss"].iloc[0])


@pytest.mark.parametrize("name", ["whole", "two"])
def test_finalists_are_ranked_and_measured_as_the_search_does_it(folders: dict[str, Path], name: str) -> None:
    study = record.read(folders[name])
    found = table.confirmed(study)
    metric = study.objectives[0][0]
    for row, (candidate, trials) in zip(found.itertuples(), ranking.ranking(study), strict=True):
        values = [trial.metrics[metric] for trial in trials]
        said = ranking.interval(values, metric)
        assert (row.candidate, row.values, row.seeds) == (candidate, values, [trial.seed for trial in trials])
        assert (row.mean, row.low, row.high) == pytest.approx((said["mean"], said["low"], said["high"]), abs=1e-9)
    tests = {line["candidate"]: line for line in study.tests}
    tested = found[found["test_mean"].notna()].set_index("candidate")
    assert set(tested.index) == set(tests)
    for candidate, line in tests.items():
        assert tested.loc[candidate, "test_values"] == [row[metric] for row in line["metrics"]]


def test_a_small_metric_can_be_the_better_one(scribe: Any) -> None:
    scribe.objectives = [["loss", "min"]]
    scribe.study()
    weak = scribe.train(scribe.config(), skill=0.3)
    strong = scribe.train(scribe.config(), skill=0.9)
    for candidate, skill in ((weak, 0.3), (strong, 0.9)):
        scribe.train(scribe.config(), skill=skill, stage="confirm", seed=1, candidate=candidate)
    found = table.confirmed(record.read(scribe.folder))
    assert list(found["candidate"]) == [strong, weak]
    assert math.isnan(found.loc[0, "low"])  # one seed has no interval


def test_the_baseline_is_the_candidate_with_a_name(folders: dict[str, Path]) -> None:
    found = table.confirmed(record.read(folders["whole"])).set_index("candidate")
    assert list(found.index[found["kind"] == "known"]) == ["cnn2"]
    assert found.loc[1, "kind"] == "explored"  # an explored published network is a candidate as any other
    assert found.loc[1, "who"] == "cnn6 (trial 1)"


def test_the_best_so_far_skips_what_has_no_value() -> None:
    values = pd.Series([0.2, np.nan, 0.5, 0.4])
    assert table.best_so_far(values, "max").tolist() == [0.2, 0.2, 0.5, 0.5]
    assert table.best_so_far(values, "min").tolist() == [0.2, 0.2, 0.2, 0.2]


def test_scales_are_told_from_the_values_tried() -> None:
    random = np.random.default_rng(0)
    assert table.scale(pd.Series(10 ** random.uniform(-5, -1, 40))) == "log"
    assert table.scale(pd.Series(random.uniform(0.01, 0.8, 40))) == "linear"
    assert table.scale(pd.Series([1, 2, 3, 8, 2, 1])) == "linear"
    assert table.scale(pd.Series([16, 32, 64, 128, 256, 64, 32])) == "log"
    assert table.scale(pd.Series([0.0, 1e-5, 1e-4, 0.0, 1e-5, 1e-4, 0.01])) == "category"
    assert table.scale(pd.Series(["max", None, "none"])) == "category"
    assert table.scale(pd.Series([True, False, True])) == "category"


def test_many_curves_are_thinned_but_not_the_wanted_ones_nor_any_end() -> None:
    lengths = {trial: 200 if trial % 2 else 7 for trial in range(400)}
    rows = [{"trial": trial, "epoch": epoch} for trial, last in lengths.items() for epoch in range(1, last + 1)]
    curves = pd.DataFrame(rows)
    thin = table.thinned(curves, [398, 3])
    assert {398, 3} <= set(thin["trial"])
    assert thin["trial"].nunique() == table.MOST_CURVES
    assert {lengths[trial] for trial in thin["trial"].unique()} == {7, 200}  # short and long ones, both
    for trial, epochs in thin.groupby("trial")["epoch"]:
        assert (epochs.iloc[0], epochs.iloc[-1]) == (1, lengths[int(trial)])
    assert len(table.thinned(curves[curves["trial"] < 10])) == 5 * 207  # few stay as they are
    long = pd.DataFrame({"trial": 0, "epoch": np.arange(1, 100_001)})
    thin = table.thinned(long)
    assert len(thin) <= table.MOST_EPOCHS + 1
    assert (thin["epoch"].iloc[0], thin["epoch"].iloc[-1]) == (1, 100_000)
