from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.dashboards import report
from spectune.search.records import study as record


def test_the_verdict_compares_the_winner_with_the_baseline(folders: dict[str, Path], pages: dict[str, Any]) -> None:
    tests = {test["candidate"]: test["metrics"] for test in record.read(folders["whole"]).tests}
    means = {name: np.mean([row["accuracy"] for row in rows]) for name, rows in tests.items()}
    winner = next(name for name in means if name != "cnn2")
    text = pages["whole"].text
    assert f"Trial {winner} wins. Its accuracy on the blind test is {means[winner]:.4f} (95 % interval" in text
    assert f"that of the baseline cnn2 {means['cnn2']:.4f} (95 % interval" in text
    assert f"The winner is {means[winner] - means['cnn2']:.4f} better (95 % interval +" in text


@pytest.mark.parametrize(
    ("winner", "baseline", "said"),
    [
        (
            [0.7, 0.72, 0.71],
            None,
            "Trial 0 wins. Its accuracy on the blind test is 0.7100 (95 % interval 0.6852 to 0.7348",
        ),
        ([0.7, 0.72], [0.69, 0.73], "which does not tell them apart."),
        ([0.7], [0.6], "The winner is 0.1000 better, on a single seed."),
        ([0.5, 0.51, 0.5], [0.6, 0.61, 0.6], "The winner is 0.1000 worse (95 % interval -0."),
        (None, [0.6, 0.61], "Nothing that was found beats the baseline cnn2, whose accuracy on the blind test is"),
        (None, None, "leads the confirmed configs: accuracy"),
    ],
)
def test_the_verdict_is_plain(
    scribe: Any, winner: list[float] | None, baseline: list[float] | None, said: str, shown: Any
) -> None:
    """Of a winner and a baseline with these test accuracies; without a winner's the baseline ranks first."""
    scribe.study()
    scribe.train(scribe.config(), skill=0.9)
    asked = {0: (0.9 if winner or not baseline else 0.1, winner), "cnn2": (0.5, baseline)}
    for candidate, (skill, accuracy) in asked.items():
        trials = [
            scribe.train(scribe.config(), skill=skill, stage="confirm", seed=seed, candidate=candidate)
            for seed in range(1, 1 + len(accuracy or [0]))
        ]
        if accuracy:
            scribe.test(candidate, trials, accuracy, [])
    page = shown(report.build(record.read(scribe.folder)))
    assert said in page.text
    if winner:
        assert "The winner made no mistake" in page.text
    assert ("knows how training spectra are made and no more, expects 0.7778" in page.text) == bool(winner or baseline)


@pytest.mark.parametrize(
    ("skill", "said"),
    [
        (
            0.95,
            "The simple method cnn6 wins: no network that was trained is better on the validation split. Its accuracy",
        ),
        (0.2, "Trial 0 wins. Its accuracy on the blind test is"),
    ],
)
def test_a_simple_method_stands_beside_the_winner_or_is_it(scribe: Any, skill: float, said: str, shown: Any) -> None:
    scribe.study()
    scribe.train(scribe.config(), skill=0.8)
    for candidate, level, label in ((0, 0.8, ""), ("simple:cnn6", skill, "cnn6"), ("cnn2", 0.5, "cnn2")):
        asked = {"stage": "confirm", "candidate": candidate, "label": label}
        trials = [scribe.train(scribe.config(), skill=level, seed=seed, **asked) for seed in (1, 2)]
        scribe.test(candidate, trials, [level, level], [])
    page = shown(report.build(record.read(scribe.folder)))
    assert said in page.text
    assert any("cnn6 (simple)" in row[1] for row in page.rows("", "config"))
    assert "The simple method" in page.text or skill < 0.8


def test_the_verdict_and_the_table_say_pairs_and_small_classes(scribe: Any, shown: Any) -> None:
    """A winner on spectra of which nearly all are of one class, beside a baseline that was tested on the same ones."""
    shares = {"class": "<b>common</b>", "share": 0.9852}
    scribe.study()
    header = record.read(scribe.folder).header
    more = {"unequal": True, "largest": {"validation": shares, "test": shares}}
    scribe.study(session=2, dataset={**header["dataset"], **more})
    scribe.train(scribe.config(), skill=0.9)
    numbers = {}
    for candidate, skill in ((0, 0.9), ("cnn2", 0.5)):
        numbers[candidate] = scribe.train(scribe.config(), skill=skill, stage="confirm", seed=1, candidate=candidate)
        line = {"seeds": [1], "metrics": [{"accuracy": 0.98, "balanced_accuracy": 0.5432}], "confused": []}
        spread = {"intervals": {"accuracy": [0.9123, 0.9876]}, "over": "spectra"}
        scribe.write("test", candidate=candidate, trials=[numbers[candidate]], **line, **spread)
    row = {"candidate": "cnn2", "trials": [numbers["cnn2"]], "mean": 0.11, "low": 0.02, "high": 0.2, "more": 14}
    row |= {"less": 3, "p": 0.013, "over": "spectra"}
    scribe.write("versus", candidate=0, trials=[numbers[0]], split="test", metric="accuracy", rows=[row])
    page = shown(report.build(record.read(scribe.folder)))
    assert "is 0.9800 (95 % interval 0.9123 to 0.9876, one seed and the spectra)" in page.text
    assert "14 spectra only it gets right, 3 only the other; p = 0.013." in page.text
    assert "<b>common</b>, 0.9852 of the blind test: the accuracy of always saying it" in page.text
    assert "0.5432" in page.text and "always <b>common</b>" in page.text
