"""Candidates on the same spectra of the blind test, in pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spectune.search.records import Journal, read
from spectune.search.records.uncertainty import Spread
from spectune.search.session import evaluate
from spectune.search.session.header import _balance
from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.dense import Dense
from spectune.trainables.jackknife import Pseudo


def kept(right, groups=()):
    """What is kept of a candidate that has these right, (S, N) or (N,)."""
    rows = np.atleast_2d(np.asarray(right, dtype=bool))
    block = np.asarray(groups, dtype=np.int64) if len(groups) else np.arange(rows.shape[1])
    sizes = np.bincount(block)
    pseudo = np.stack([np.bincount(block, weights=row) / sizes for row in rows])
    return {"right": rows, "pseudo": pseudo, "units": np.array(len(sizes)), "groups": np.asarray(groups, np.int64)}


def answers(only, both, neither):
    return [1] * only + [0] * 3 + [1] * both + [0] * neither, [0] * only + [1] * 3 + [1] * both + [0] * neither


def test_the_better_network_is_told_from_the_other_on_the_same_spectra():
    first, second = answers(14, 80, 3)
    found = evaluate.compared(kept(first), kept(second), "accuracy")
    assert (found["more"], found["less"], found["over"]) == (14, 3, "spectra")
    assert found["mean"] == pytest.approx(0.11)
    assert 0 < found["low"] < 0.11 < found["high"] and found["p"] == pytest.approx(0.0075, abs=0.001)
    back = evaluate.compared(kept(second), kept(first), "accuracy")
    assert (back["mean"], back["p"]) == (pytest.approx(-0.11), pytest.approx(found["p"]))


def test_spectra_of_one_group_are_not_many_pieces_of_evidence():
    """All 14 are of one patient of ten."""
    first, second = answers(14, 80, 3)
    groups = [0] * 14 + [1] * 6 + [2 + index // 10 for index in range(80)]
    found = evaluate.compared(kept(first, groups), kept(second, groups), "accuracy")
    assert found["p"] > 0.4 and found["low"] < 0 < found["high"]
    assert found["over"] == "groups of spectra"


def test_unequal_numbers_of_seeds_are_weighed_by_their_shares():
    found = evaluate.compared(kept([[1, 1, 0, 1], [1, 0, 0, 1]]), kept([1, 1, 1, 0]), "accuracy")
    assert (found["more"], found["less"]) == (1, 2)
    assert found["mean"] == pytest.approx((3 / 4 + 2 / 4) / 2 - 3 / 4)  # a single network is compared with each


def test_the_winner_is_compared_with_whatever_else_was_tested(tmp_path):
    journal = Journal(tmp_path / "s")
    journal.append("study", name="s", session=1, objectives=[["accuracy", "max"]], dataset={}, store="")
    about = {"config": {}, "label": "", "parameters": 1, "macs": 1, "stage": "confirm", "seed": 1}
    for number, (candidate, value) in enumerate([(7, 0.9), ("cnn2", 0.8), ("7", 0.7)]):
        found = {"status": "complete", "reason": "", "metrics": {"accuracy": value, "loss": 1.0}, "values": [value]}
        journal.append("start", trial=number, candidate=candidate, **about)
        journal.append("end", trial=number, best_epoch=1, epochs=1, seconds=1.0, **found)
    study = read(tmp_path / "s")
    dataset = load("generated", classes=4, points=100, train=2, validation=2, test=5)
    for number, candidate in enumerate((7, "cnn2", "7")):
        right = np.arange(20) >= 2 * number
        row = {"right": right, "pseudo": {"accuracy": Pseudo(values=right.astype(float), units=20)}}
        evaluate.keep(study, journal, candidate, dataset=dataset, outcomes=[row])
        line = {"candidate": candidate, "trials": [number], "seeds": [1], "metrics": [{"accuracy": right.mean()}]}
        study.apply(journal.append("test", **line))
    evaluate.versus(study, journal)
    evaluate.versus(study, journal)  # as a session that goes on: what is known is not written again
    journal.close()
    found = read(tmp_path / "s").versus
    assert found["candidate"] == 7
    assert [(row["candidate"], row["more"], row["less"]) for row in found["rows"]] == [("cnn2", 2, 0), ("7", 4, 0)]
    assert (tmp_path / "s/journal.jsonl").read_text().count('"event":"versus"') == 1


def test_a_small_class_that_is_all_wrong_does_not_make_its_mean_certain():
    """200 right of one class and none of 3 of the other: as far as anybody knows it could be 1 of 3, and more."""
    found = Spread(mean=0.5, variance=0.0, freedom=math.inf, units=4 / (1 / 200 + 1 / 3))
    low, high = evaluate.ends("balanced_accuracy", found, apart=True)
    assert low < 0.3 and high > 0.7


def test_the_largest_class_of_the_splits_is_known(tmp_path):
    labels = {"train": [0, 1], "validation": [0, 1], "test": [0] * 200 + [1] * 3}
    base = load("generated", classes=2, points=100, train=2, validation=2, test=5)
    parts = {name: Dense(np.random.rand(len(rows), 100), rows) for name, rows in labels.items()}
    found = _balance(Dataset("d", "d", ("common", "rare"), base.axis, **parts))
    assert found["unequal"]
    assert found["largest"]["test"] == {"class": "common", "share": pytest.approx(200 / 203)}
    assert _balance(base) == {
        "unequal": False,
        "largest": {name: {"class": base.classes[0], "share": 0.5} for name in ("validation", "test")},
    }
