"""The ensemble as a finalist of real studies, and its members trained again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from spectune.search.cli.main import main
from spectune.search.records.journal import events
from spectune.search.records.study import read
from spectune.search.records.task import WEIGHTS, stored
from spectune.search.session import refit
from spectune.search.session.ensemble import few
from spectune.spaces.saved import recorded
from spectune.trainables import weights
from spectune.trainables.data import load
from spectune.trainables.export import read as read_export

SCHEMA = Path(__file__).parents[3] / "docs/result.schema.json"
DATA = {"classes": 3, "points": 120, "train": 10, "validation": 8, "test": 8, "shift": 0.1, "noise": 0.3}


@pytest.fixture(scope="module")
def first(tmp_path_factory, spectune):
    """The folder of a study of simple methods, and what it printed."""
    folder = tmp_path_factory.mktemp("mixed")
    data = [word for name, value in DATA.items() for word in ("--data", f"{name}={value}")]
    sizes = ["--trials", "6", "--seeds", "1", "--top", "3", "--max-macs", "400k", "--concurrent", "1"]
    options = ["--name", "mixed", "--space", "simple", "--dataset", "generated", *data, *sizes]
    options += [
        "--objective",
        "loss",
        "--baseline",
        "none",
        "--sampler",
        "near",
    ]  # the loss of a mean of different methods is lower
    return folder, spectune(folder, "search", *options).stdout


@pytest.fixture
def again(first, tmp_path, spectune):
    """``again(*arguments)`` goes on with a copy of the study and gives its folder."""

    def run(*arguments):
        shutil.copytree(first[0], tmp_path, dirs_exist_ok=True)
        spectune(tmp_path, "search", "--resume", "--name", "mixed", *arguments)
        return tmp_path / "studies/mixed"

    return run


def written(folder, event):
    return [line for line, _ in events(folder / "journal.jsonl") if line["event"] == event]


def result(folder):
    return json.loads((folder / "result.json").read_text())


def test_it_is_a_trial_of_its_own_stage_and_a_finalist_like_the_others(first):
    folder, said = first[0] / "studies/mixed", first[1]
    study = read(folder)
    (trial,) = study.stage("ensemble")
    assert (trial.status, trial.candidate, trial.epochs) == ("complete", "ensemble", 0)
    assert list(study.confirmed())[-1] == "ensemble" and len(study.confirmed()) == 4
    members = trial.config["network"]["members"]
    assert len(members) > 1 and {one["trial"] for one in members} <= {one.number for one in study.stage("confirm")}
    assert trial.macs == sum(study.trials[one["trial"]].macs for one in members)
    assert study.evaluations["ensemble", "validation"]["metrics"][0]["loss"] == trial.metrics["loss"]
    assert f"averages the probabilities of {len(members)} trainings" in said
    assert "cross-fitted" in (folder / "report.html").read_text()


def test_the_error_of_its_difference_from_the_best_config_is_that_of_the_same_spectra(first):
    study = read(first[0] / "studies/mixed")
    error = study.selection["error"]
    low, high = study.evaluations["ensemble", "validation"]["intervals"]["loss"]
    assert 0 < error < (high - low) / 4  # of two that see the same spectra: below that of the ensemble alone


@pytest.mark.parametrize(("networks", "most"), [(1, 15), (2, 7), (5, 3), (10, 2), (20, 2)])
def test_it_stays_small_whole_repeats_of_folds_too(networks, most):
    assert few(most, networks) and not few(most + 1, networks)


def test_the_result_names_its_members(first):
    found = result(first[0] / "studies/mixed")
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    assert "ensemble" in {row["candidate"] for row in found["confirmed"]}
    assert len(found["ensemble"]["members"]) > 1
    assert {(one["candidate"], one["seed"]) for one in found["ensemble"]["members"]} <= {
        (row["candidate"], seed) for row in found["confirmed"] for seed in row["validation"]["seeds"]
    }


def test_the_next_session_builds_it_only_anew_where_more_is_confirmed(again):
    folder = again()
    assert len(read(folder).stage("ensemble")) == len(written(folder, "ensemble")) == 1
    assert len(written(folder, "study")) == 2


@pytest.mark.slow
def test_with_another_config_it_is_selected_from_all_trainings(again):
    folder = again("--top", "4")
    study, selections = read(folder), written(folder, "ensemble")
    assert [len(line["pool"]) for line in selections] == [3, 4]
    assert study.confirmed()["ensemble"][0].number == selections[-1]["trial"]


@pytest.mark.slow
def test_none_leaves_it_out_also_where_there_was_one(again):
    folder = again("--ensemble", "none")
    found = result(folder)
    assert "ensemble" not in {row["candidate"] for row in found["confirmed"]}
    assert found["ensemble"] is None and found["winner"] != "ensemble"


@pytest.mark.parametrize("candidate", ["", "ensemble"])
def test_the_winner_is_trained_again_on_training_and_validation_spectra(first, tmp_path, monkeypatch, candidate):
    folder = shutil.copytree(first[0] / "studies/mixed", tmp_path / "studies/mixed")
    monkeypatch.chdir(tmp_path)
    before = read(folder)
    if candidate:
        monkeypatch.setattr(refit, "ranking", lambda study: [(candidate, study.confirmed()[candidate])])
    assert main(["export", "mixed", "--refit"]) == 0
    (line,) = written(folder, "refit")
    found, trial = read_export(folder / line["folder"]), before.trials[line["trial"]]
    assert recorded(found.network, found.training) == trial.config
    assert trial.stage == (candidate or "confirm")
    data = load("generated", **{name: str(value) for name, value in DATA.items()})
    assert found.numbers["refit"]["spectra"] == len(data.train) + len(data.validation)
    old = weights.read(folder / stored(trial.number, WEIGHTS))
    new = weights.read(folder / line["folder"] / WEIGHTS)
    assert new.keys() == old.keys() and any(not new[name].equal(old[name]) for name in new)
    card = (folder / line["folder"] / "README.md").read_text()
    assert "This network itself was not tested" in card and "The weights are those of seed" not in card
    assert read(folder).tests == before.tests and read(folder).exports == before.exports


def test_it_is_the_winner_alone_that_is_trained_again(refused):
    assert "--top 2: leave one of them out" in refused("export", "nothing", "--refit", "--top", "2")
