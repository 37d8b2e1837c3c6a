"""Replicas in a search, on a real Ray: what is trained together is recorded apart."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file

from spectune.search.record import read
from spectune.search.task import WEIGHTS, configs, stored
from spectune.trainables.data import load
from spectune.trainables.train import train

DATA = {"classes": "4", "points": "150", "train": "20", "validation": "8", "test": "5"}
WORDS = ["--dataset", "generated", *(word for name, value in DATA.items() for word in ("--data", f"{name}={value}"))]
SMALL = ["--set", "depth=2", "--set", "filters=8", "--set", "fc_dropout=0", "--set", "conv_dropout=0"]


@pytest.fixture(scope="module")
def fused(tmp_path_factory, spectune):
    """A study that trained one network on three seeds at once."""
    folder = tmp_path_factory.mktemp("replicas")
    once = ["--epochs", "4", "--seeds", "3", "--replicas", "3", "--name", "fused"]
    spectune(folder, "train", "compact", *WORDS, *SMALL, *once)
    return read(folder / "studies/fused")


def test_replicas_are_the_trials_that_they_would_be_apart(fused):
    dataset = load("generated", **DATA)
    assert [trial.seed for trial in fused.stage("confirm")] == [0, 1, 2]
    for trial in fused.stage("confirm"):
        *_, expected = train(*configs(trial.config), dataset, seed=trial.seed, epochs=4)
        assert (trial.status, trial.epochs) == ("complete", 4)
        assert trial.reports[-1][1] == pytest.approx(expected.metrics, rel=1e-3)
        weights = load_file(fused.folder / stored(trial.number, WEIGHTS))
        for name, tensor in expected.state["best"]["model"].items():
            assert tensor.sub(weights[name]).abs().max() < 1e-3


def test_they_train_side_by_side_and_share_the_time(fused):
    lines = [json.loads(line) for line in (fused.folder / "journal.jsonl").read_text().splitlines()]
    reported = [line for line in lines if line["event"] == "report"]
    assert [line["trial"] for line in reported] == [0, 1, 2] * 4
    lasted = max(line["time"] for line in reported) - min(trial.started for trial in fused.trials.values())
    assert sum(trial.seconds for trial in fused.trials.values()) < 1.1 * lasted


def test_a_search_explores_settings_of_one_architecture_at_once_and_confirms_all_seeds_at_once(tmp_path, spectune):
    asked = ["--trials", "8", "--epochs", "9", "--seeds", "3", "--top", "1", "--baseline", "none", "--max-macs", "2M"]
    start = ["--start-from", "compact", "--set", "schedule=cosine", "--replicas", "4", "--name", "r"]
    spectune(tmp_path, "search", *WORDS, *SMALL, *asked, *start)
    study = read(tmp_path / "studies/r")
    assert study.finished and len(study.stage("explore")) == 8
    proposed = [trial for trial in study.stage("explore") if not trial.label]
    assert len(proposed) == 7 and len({json.dumps(trial.config["network"]) for trial in proposed}) == 2
    assert len({trial.flat["learning_rate"] for trial in proposed}) == 7
    assert {trial.status for trial in study.trials.values()} == {"complete", "stopped"}  # some went on without others
    (confirmed,) = study.confirmed().values()
    assert [trial.seed for trial in confirmed] == [1, 2, 3]
    assert not list(study.folder.glob("trials/*/ended"))


@pytest.mark.slow
def test_what_cannot_be_fused_is_said_and_trained_all_the_same(tmp_path, spectune):
    small = ["--set", "trees=5", "--seeds", "2", "--replicas", "2", "--name", "trees"]
    done = spectune(tmp_path, "train", "extra_trees", *WORDS, *small)
    assert "replicas are trained one after the other: forest is not trained by steps" in done.stderr
    assert len(read(tmp_path / "studies/trees").confirmed()["extra_trees"]) == 2
