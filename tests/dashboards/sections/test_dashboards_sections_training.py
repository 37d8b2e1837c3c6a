"""The page of a training: it says what was trained and how good it is, and compares it with nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spectune.dashboards import report
from spectune.search.records import study as record


@pytest.fixture
def begun(scribe: Any) -> Any:
    """A training of cnn6 that has just begun."""
    options = {"trials": 0, "epochs": 18, "seeds": 3, "model": "cnn6", "baseline": ""}
    scribe.study(options=options, command="spectune train cnn6")
    return scribe


def read(scribe: Any, shown: Any) -> Any:
    return shown(report.build(record.read(scribe.folder)))


def train(scribe: Any, seed: int, **more: Any) -> int:
    asked = {"stage": "confirm", "label": "cnn6", "candidate": "cnn6", "seed": seed}
    number: int = scribe.train(scribe.config("cnn6"), skill=0.8, **asked, **more)
    return number


def test_the_verdict_says_what_was_trained_and_how_good_it_is(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    (test,) = record.read(folders["training"]).tests
    mean = sum(row["accuracy"] for row in test["metrics"]) / 3
    text = pages["training"].text
    assert f"cnn6 was trained: its accuracy on the blind test is {mean:.4f} (95 % interval" in text
    assert "spectune training on challenge" in text


def test_nothing_is_said_of_a_search(pages: dict[str, Any]) -> None:
    words = ("the baseline", "beats", "winner", "explor", "Finalists", "The search", "Hyperparameters")
    assert not [one for one in words if one in pages["training"].text]


def test_the_trainings_and_their_curves_are_drawn(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    figures = pages["training"].figures
    assert list(figures) == ["plot-trainings", "plot-learning", *(f"plot-pair-{number}" for number in range(5))]
    curves = [one for one in figures["plot-learning"]["data"] if one["mode"] == "lines" and one["x"]]
    assert [one["name"] for one in curves] == ["trained to the end"]
    epochs = sum(len(trial.reports) for trial in record.read(folders["training"]).trials.values())
    assert sum(x is not None for x in curves[0]["x"]) == epochs
    assert pages["training"].rows("", "config")[0][1].startswith("cnn6")


def test_changed_hyperparameters_are_part_of_the_name(begun: Any, shown: Any) -> None:
    asked = {"stage": "confirm", "label": "cnn6 fc_dropout=0.5", "candidate": "cnn6", "seed": 0}
    begun.train(begun.config("cnn6"), skill=0.8, **asked)
    assert "cnn6 fc_dropout=0.5 was trained: its accuracy on the validation split is" in read(begun, shown).text


def test_a_training_that_goes_on_says_how_far_it_is(begun: Any, shown: Any) -> None:
    assert "No training has ended yet." in read(begun, shown).text
    train(begun, 0, status="failed", reason="nan", epochs=1)
    assert "No training has a value: 1 of 1 failed." in read(begun, shown).text
    train(begun, 1)
    page = read(begun, shown)
    assert "cnn6 was trained: its accuracy on the validation split is" in page.text
    assert "It was not tested yet." in page.text
