"""A search for every test fold: one real, and what is made of the winners of all."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spectune.search.records import Journal, read
from spectune.search.session import evaluate, nested
from spectune.search.session.launch import Interrupted
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.dense import Dense
from spectune.trainables.jackknife import Pseudo

ONCE = ("--trials", "2", "--epochs", "1", "--top", "1", "--seeds", "1", "--max-params", "30k", "--folds", "0")


@pytest.fixture
def spectra(tmp_path):
    """20 spectra of two classes."""
    y = np.arange(20) % 2
    x = np.random.default_rng(0).normal(0, 0.2, (20, 60)) + 1
    x[:, 20:25] += y[:, None]
    np.savez(tmp_path / "few.npz", x=x.astype(np.float32), y=y)
    return tmp_path


@pytest.mark.slow
def test_a_search_for_each_test_fold_and_one_summary(spectra, spectune):
    words = ("search", "--dataset", "few.npz", *ONCE, "--baseline", "none", "--name", "n")
    done = spectune(spectra, *words, "--test-folds", "2")
    studies = [read(spectra / f"studies/n-{fold}") for fold in (1, 2)]
    assert all(study.finished and len(study.stage("explore")) == 1 for study in studies)
    assert [study.header["dataset"]["options"]["test_fold"] for study in studies] == ["1/2", "2/2"]
    assert sum(study.header["dataset"]["sizes"]["test"] for study in studies) == 20
    found = json.loads((spectra / "studies/n/test-folds.json").read_text())
    first = found["rows"][0]
    assert (first["of"], first["spectra"], found["studies"]) == ("winner", 20, ["n-1", "n-2"])
    right = [
        np.load(evaluate.archive(one, key))["right"] for one, key in zip(studies, first["candidates"], strict=True)
    ]
    assert first["mean"] == pytest.approx(np.concatenate(right, axis=1).mean())
    assert f"the winners ({', '.join(dict.fromkeys(first['titles']))})" in done.stdout
    assert "test-folds 5" not in done.stderr
    spectune(spectra, "export", "n-2")  # its data are those of the study


def test_searches_share_trials_and_time_and_go_on_with_the_data_that_they_have(spectra, monkeypatch):
    monkeypatch.chdir(spectra)
    given = {"dataset": "few.npz", "data": ["baseline=none"], "total_time": 60.0, "trials": 7, "top": 1}
    made = list(nested.searches(3, "n", given))
    assert [one["name"] for one in made] == ["n-1", "n-2", "n-3"]
    assert {(one["trials"], one["total_time"], one["top"]) for one in made} == {(3, 20.0, 1)}
    assert [one["data"] for one in made] == [["baseline=none", f"test_fold={fold}/3"] for fold in (1, 2, 3)]
    assert next(nested.searches(4, "n", {"dataset": "few.npz"}))["trials"] == 13  # of 50
    journal = Journal(spectra / "studies/n-1")
    options = {"dataset": "few.npz", "data": {"missing": "drop", "test_fold": "1/3"}, "trials": 3}
    journal.append("study", name="n-1", session=1, options=options, objectives=[["accuracy", "max"]], dataset={})
    journal.close()
    resumed = next(nested.searches(3, "n", {"resume": True}))
    assert resumed["data"] == ["missing=drop", "test_fold=1/3"] and "trials" not in resumed


def test_what_cannot_be_nested_is_refused(spectra, monkeypatch, refused):
    monkeypatch.chdir(spectra)
    assert "--test-folds must be at least 2, got 1" in refused("search", "--dataset", "few.npz", "--test-folds", "1")
    recipe = refused("search", "--dataset", "generated", "--test-folds", "5")
    assert "--test-folds divides measured spectra, those of generated are made by a recipe" in recipe
    assert "no more than the rarest class has spectra, 10 of '0'" in refused(
        "search", "--dataset", "few.npz", "--test-folds", "11"
    )
    assert not (spectra / "studies").exists() or not list((spectra / "studies").iterdir())


def test_an_interrupted_one_says_how_all_go_on(monkeypatch):
    def interrupted(given, watcher):
        raise Interrupted("spectune search --resume --name n-1")

    monkeypatch.setattr(nested, "launch", interrupted)
    monkeypatch.setattr(nested, "searches", lambda *_: iter([{}]))
    with pytest.raises(Interrupted, match="To go on: the same command with --name n --resume"):
        nested.search(5, {"name": "n"})


def blind(folder, name, rights, groups=None):
    """A study whose candidates have these right (S, N) on its blind test."""
    journal = Journal(folder / name)
    about = {"name": "people", "labels": "one"}
    journal.append("study", name=name, session=1, objectives=[["accuracy", "max"]], dataset=about)
    study, number = read(folder / name), 0
    spectra = len(next(iter(rights.values()))[0])
    some = Dense(np.zeros((spectra, 8)), np.arange(spectra) % 2, groups)
    numbers = None if groups is None else np.array([1000, 1001])
    other = (
        Dense(np.zeros((2, 8)), [0, 1], numbers),
        Dense(np.zeros((2, 8)), [0, 1], None if numbers is None else numbers + 9),
    )
    axis = load("generated", classes=2, points=100, train=1, validation=1, test=1).axis
    dataset = Dataset("people", "people", ("a", "b"), axis, *other, some)
    for candidate, right in rights.items():
        value = float(np.mean(right))
        trial = {"stage": "confirm", "config": {}, "label": "", "candidate": candidate, "parameters": 1, "macs": 1}
        end = {"status": "complete", "reason": "", "metrics": {"accuracy": value, "loss": 1.0}, "values": [value]}
        for seed in range(len(right)):
            study.apply(journal.append("start", trial=number, seed=seed, **trial))
            study.apply(journal.append("end", trial=number, best_epoch=1, epochs=1, seconds=1.0, **end))
            number += 1
        found = []
        for row in np.asarray(right, bool):
            block = np.arange(spectra) if groups is None else np.unique(groups, return_inverse=True)[1]
            values = np.bincount(block, weights=row) / np.bincount(block)
            found.append({"right": row, "pseudo": {"accuracy": Pseudo(values=values, units=len(values))}})
        evaluate.keep(study, journal, candidate, dataset=dataset, outcomes=found)
    journal.close()
    return study


def test_all_folds_together_are_one_blind_test(tmp_path):
    """Of unequal size: each spectrum counts once. Seeds are paired as far as all have them."""
    first = blind(tmp_path, "n-1", {"cnn2": [[1, 0, 1, 1, 0, 1]] * 2, "simple:knn": [[1] * 6] * 2})
    second = blind(tmp_path, "n-2", {7: [[1] * 10] * 3, "cnn2": [[0] * 5 + [1] * 5] * 3, "simple:knn": [[0] * 10] * 3})
    facts = nested.summary("n", [first, second])
    rows = {row["of"]: row for row in facts["rows"]}
    assert rows["winner"]["candidates"] == ["simple:knn", 7]
    assert rows["winner"]["mean"] == pytest.approx(1.0) and rows["winner"]["seeds"] == 2
    assert rows["baseline"]["mean"] == pytest.approx(9 / 16)
    assert rows["simple"]["mean"] == pytest.approx(6 / 16)
    assert rows["baseline"]["low"] < 9 / 16 < rows["baseline"]["high"]
    versus = {row["of"]: row for row in facts["versus"]}
    assert (versus["baseline"]["more"], versus["baseline"]["less"]) == (7, 0)
    assert versus["baseline"]["mean"] == pytest.approx(7 / 16)
    assert versus["simple"]["over"] == "seeds and spectra"
    wider = rows["baseline"]["high"] - rows["baseline"]["low"]
    assert wider < 0.6, "16 spectra say more than 6"


def test_groups_of_all_folds_are_what_an_interval_is_over(tmp_path):
    people = np.repeat(np.arange(4), 3)
    first = blind(tmp_path, "n-1", {"cnn2": [[1] * 6 + [0] * 6]}, people)
    second = blind(tmp_path, "n-2", {"cnn2": [[1] * 6 + [0] * 6]}, people + 4)
    facts = nested.summary("n", [first, second])
    (row,) = facts["rows"]
    assert row["over"] == "groups of spectra" and facts["versus"] == []
    alone = nested.summary("n", [first])["rows"][0]
    assert row["high"] - row["low"] < alone["high"] - alone["low"]


def test_a_study_without_a_tested_winner_is_named(tmp_path):
    journal = Journal(tmp_path / "n-1")
    journal.append("study", name="n-1", session=1, objectives=[["accuracy", "max"]], dataset={"name": "d"})
    journal.close()
    with pytest.raises(ValueError, match="every search must have tested a winner, n-1 has not"):
        nested.summary("n", [read(tmp_path / "n-1")])
