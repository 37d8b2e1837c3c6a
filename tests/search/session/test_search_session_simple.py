"""Simple methods beside networks in real studies, from the command line to table, page, card, MLflow and export."""

from __future__ import annotations

import json
import re
import sys

import jsonschema
import pytest

from spectune.search.records import read
from spectune.search.records.ranking import ranking, winner
from spectune.spaces import SIMPLE

WEAK = """
import sys
from spectune.search.cli.main import main
from spectune.search.strategy import agenda
from spectune.spaces import Forest, Published, Training

stump = Forest(trees=10, max_depth=2, leaves=8, features=1)
agenda.METHODS = {"stumps": Published(stump, Training(), "test")}
sys.exit(main(sys.argv[1:]))
"""
ONCE = ("--trials", "2", "--seeds", "2", "--top", "1", "--concurrent", "2")


@pytest.fixture(scope="module")
def won(tmp_path_factory, spectune, little):
    """A study whose networks are trained for one epoch, and what was said of it."""
    folder = tmp_path_factory.mktemp("won")
    done = spectune(
        folder, "search", *little, *ONCE, "--ensemble", "none", "--epochs", "1", "--max-params", "2M", "--name", "s"
    )
    return folder / "studies/s", done.stdout, done.stderr


def test_where_a_simple_method_wins_everything_says_so(won, mlflow_runs, checkout):
    folder, said, _ = won
    study = read(folder)
    best = winner(study)
    name = study.candidate(best).title
    assert best == f"simple:{name}" and name in SIMPLE
    sentence = f"The simple method {name} wins: no network that was trained is better on the validation split."
    found = json.loads((folder / "result.json").read_text())
    jsonschema.validate(found, json.loads((checkout / "docs/result.schema.json").read_text()))
    assert (found["winner"], found["simple"], found["verdict"]) == (best, best, sentence)
    assert sentence in said and f"{name} *" in said
    assert sentence in re.sub(r"<[^>]+>", "", (folder / "report.html").read_text())
    (export,) = (folder / "exports").iterdir()
    assert sentence in (export / "README.md").read_text().replace("\\_", "_")
    runs = mlflow_runs(folder.parents[1], "s")
    assert sentence in runs["study"].data.tags["mlflow.note.content"]
    assert sum(run.data.tags["stage"] == "simple" for run in runs.values() if "stage" in run.data.tags) >= 1


def test_its_export_predicts(won, spectune, little):
    folder, _, _ = won
    data = [word for word in little if word != "--dataset"]
    spectune(folder, "data", "export", *data, "--split", "test", "--out", "test.npz")
    (export,) = (folder / "exports").iterdir()
    assert len(spectune(folder, "predict", str(export), "test.npz").stdout.splitlines()) >= 20


def test_the_baseline_is_tested_beside_it(won):
    study = read(won[0])
    assert {test["candidate"] for test in study.tests} == {"cnn2", winner(study)}


@pytest.mark.slow
def test_where_none_wins_the_best_one_stands_beside_the_winner(tmp_path, spectune):
    data = [
        word for one in ("classes=5", "points=200", "train=40", "validation=10", "test=10") for word in ("--data", one)
    ]
    asked = ("--dataset", "generated", *data, *ONCE, "--epochs", "12", "--name", "s")
    done = spectune(tmp_path, "search", *asked, program=(sys.executable, "-c", WEAK))
    study = read(tmp_path / "studies/s")
    assert winner(study) != "simple:stumps"
    assert "simple:stumps" in dict(ranking(study))
    assert "stumps (simple)" in done.stdout and "The simple method" not in done.stdout
    assert {test["candidate"] for test in study.tests} >= {"cnn2", "simple:stumps", winner(study)}
    result = json.loads((study.folder / "result.json").read_text())
    assert (result["simple"], result["verdict"]) == ("simple:stumps", "")


@pytest.mark.slow
def test_a_killed_study_goes_on_among_its_simple_methods(tmp_path, spectune, begin, little):
    asked = ("search", *little, *ONCE, "--epochs", "1", "--max-params", "2M", "--name", "s")
    process = begin(tmp_path, *asked, ended=1)
    process.kill()
    process.wait()
    spectune(tmp_path, *asked, "--resume")
    study = read(tmp_path / "studies/s")
    measured = [trial.label for trial in study.stage("simple")]
    assert study.finished and len(measured) == len(set(measured))
    assert {trial.status for trial in study.stage("simple")} == {"complete"}


def test_a_total_time_leaves_room_for_a_fair_confirmation_and_the_export(tmp_path, spectune, little):
    asked = ("search", *little, "--trials", "1000", "--epochs", "30", "--seeds", "2", "--top", "1", "--name", "s")
    spectune(tmp_path, *asked, "--max-macs", "2M", "--total-time", "60s")
    study = read(tmp_path / "studies/s")
    assert study.finished and study.exports
    assert len(study.stage("explore")) < 1000
    assert len({tuple(trial.seed for trial in trials) for _, trials in ranking(study)}) == 1
