"""A study of spectra with several labels, on the command line, on a real Ray."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spectune.search.records.study import read

DATA = [
    word
    for setting in ("classes=4", "points=150", "train=30", "validation=8", "mixed=3")
    for word in ("--data", setting)
]
SMALL = ("--trials", "3", "--epochs", "3", "--seeds", "2", "--top", "1", "--max-macs", "500k")


@pytest.fixture(scope="module")
def studied(tmp_path_factory, spectune):
    folder = tmp_path_factory.mktemp("several")
    goals = ("--objective", "molecular_f1", "--space", "mlp")
    done = spectune(folder, "search", *goals, "--dataset", "generated", *DATA, *SMALL, "--name", "s")
    spectune(folder, "data", "export", "generated", *DATA, "--split", "test", "--out", "test.npz")
    return folder, done.stdout


def test_it_confirms_and_tests_by_the_metrics_of_several_labels(studied):
    folder, said = studied
    study = read(folder / "studies/s")
    assert "molecular F1 on generated" in said
    assert study.header["dataset"]["labels"] == "several"
    for test in study.tests:
        assert set(test["metrics"][0]) == {"accuracy", "molecular_f1", "macro_f1", "auc", "loss"}
        assert [row["label"] for row in test["labels"]] == ["0", "1", "2", "3"]
        assert all(len(row["f1"]) == len(test["seeds"]) for row in test["labels"])


def test_the_report_shows_every_label_and_no_confused_pairs(studied):
    page = (studied[0] / "studies/s/report.html").read_text()
    assert "plot-labels" in page and "wrongly found" in page
    assert "Most confused classes" not in page


def test_predict_lists_the_labels_above_their_thresholds(studied, spectune):
    folder, _ = studied
    study = read(folder / "studies/s")
    export = study.folder / study.exports[-1]["folder"]
    lines = spectune(folder, "predict", str(export), "test.npz").stdout.splitlines()
    said = [{word.split()[0] for word in line.partition(": ")[2].split(", ")} - {"none"} for line in lines]
    with np.load(folder / "test.npz") as file:
        true = [{str(number) for number in np.flatnonzero(row)} for row in file["y"]]
    right = np.mean([one == other for one, other in zip(said, true, strict=True)])
    numbers = json.loads((export / "config.json").read_text())["numbers"]
    (tested,) = [test for test in study.tests if test["candidate"] == numbers["candidate"]]
    assert right == pytest.approx(tested["metrics"][tested["seeds"].index(numbers["exported_seed"])]["accuracy"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dataset", "generated", *DATA, "--objective", "top3"), "top3 needs one label per spectrum"),
        (("--dataset", "generated", *DATA[:2], "--objective", "auc"), "auc needs several labels per spectrum"),
        (("--dataset", "generated", *DATA, "--set", "head=adacos"), "several labels per spectrum need head=linear"),
        (("--dataset", "generated", *DATA, "--start-from", "regnet", "--space", "resnet"), "need head=linear"),
        (("--dataset", "generated", *DATA, "--space", "forest", "--start-from", "extra_trees"), "got a forest"),
    ],
)
def test_what_needs_another_kind_of_labels_is_refused_in_one_line(tmp_path, monkeypatch, refused, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused("search", *arguments)
