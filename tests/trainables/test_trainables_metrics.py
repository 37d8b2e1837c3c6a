"""The metrics against scikit-learn and against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from spectune.spaces.metrics import scores
from spectune.trainables.metrics import confused, score


@pytest.fixture
def sample() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    labels = torch.randint(0, 7, (400,), generator=random)
    logits = torch.randn(400, 8, generator=random)  # class 7 never occurs among the labels
    logits[torch.arange(400), labels] += 1.0
    return logits, labels


def test_score_agrees_with_scikit_learn(sample):
    logits, labels = sample
    values = score(logits, labels)
    true, raw, predicted = labels.numpy(), logits.numpy(), logits.argmax(1).numpy()
    classes = range(8)
    assert values["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(true, predicted))
    for k in (3, 5):
        expected = sklearn_metrics.top_k_accuracy_score(true, raw, k=k, labels=classes)
        assert values[f"top{k}"] == pytest.approx(expected)
    assert values["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(true, predicted, average="macro"))
    probabilities = logits.double().softmax(1).numpy()
    assert values["loss"] == pytest.approx(sklearn_metrics.log_loss(true, probabilities, labels=classes), rel=1e-5)


def test_balanced_accuracy_does_not_hide_a_small_class_behind_a_large_one():
    """200 spectra of one class and 3 of another, all taken for the first."""
    labels = torch.tensor([0] * 200 + [1] * 3)
    values = score(torch.eye(4)[torch.zeros(203, dtype=torch.int64)], labels)
    assert values["accuracy"] > 0.98
    assert values["balanced_accuracy"] == 0.5  # classes that do not occur do not count
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(203, 2, generator=random)
    expected = sklearn_metrics.balanced_accuracy_score(labels, logits.argmax(1))
    assert score(logits, labels)["balanced_accuracy"] == pytest.approx(expected)


def test_score_has_exactly_the_declared_metrics(sample):
    assert list(score(*sample)) == scores("one")


def test_macro_f1_ignores_a_class_that_neither_occurs_nor_is_predicted():
    logits = torch.eye(5)[[0, 1, 1]]
    labels = torch.tensor([0, 1, 0])
    expected = sklearn_metrics.f1_score([0, 1, 0], [0, 1, 1], average="macro")
    assert score(logits, labels)["macro_f1"] == pytest.approx(expected)


def test_calibration_error_by_hand():
    # two spectra at confidence 0.9 with one right, two at 0.6 with both right: (2*|0.5-0.9| + 2*|1-0.6|) / 4
    confidence = torch.tensor([0.9, 0.9, 0.6, 0.6])
    logits = torch.stack([confidence, 1 - confidence], dim=1).log()
    labels = torch.tensor([0, 1, 0, 0])
    assert score(logits, labels)["calibration_error"] == pytest.approx(0.4, abs=1e-6)


def test_a_certain_and_right_classifier_is_calibrated():
    assert score(torch.eye(3) * 50, torch.arange(3))["calibration_error"] == pytest.approx(0.0, abs=1e-6)


def test_top5_of_fewer_than_five_classes_is_one(sample):
    logits, labels = sample
    values = score(logits[:, :2], labels % 2)
    assert values["top3"] == values["top5"] == 1.0
    assert 0 < values["accuracy"] < 1


def test_equal_logits_earn_no_more_than_guessing():
    values = score(torch.zeros(8, 4), torch.tensor([0, 0, 0, 1, 1, 2, 3, 3]))
    assert values["accuracy"] == 3 / 8  # class 0 counts as predicted, as for argmax
    assert values["top3"] == 6 / 8


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_logit_that_is_not_finite_makes_every_metric_nan(sample, broken):
    logits, labels = sample
    logits[5, 2] = broken
    assert all(math.isnan(value) for value in score(logits, labels).values())


def test_confused_counts_pairs_most_frequent_first():
    labels = np.array([0, 0, 1, 1, 1, 2, 2])
    predictions = np.array([0, 2, 2, 2, 1, 0, 2])
    assert confused(predictions, labels) == [(1, 2, 2), (0, 2, 1), (2, 0, 1)]
    matrix = sklearn_metrics.confusion_matrix(labels, predictions)
    assert all(matrix[true, predicted] == count for true, predicted, count in confused(predictions, labels))


def test_nothing_is_confused_when_all_are_right():
    assert confused(torch.arange(3), torch.arange(3)) == []


def test_many_spectra_are_scored_in_parts_as_if_at_once(monkeypatch):
    torch.manual_seed(0)
    logits, labels = torch.randn(100, 7), torch.randint(0, 7, (100,))
    at_once = score(logits, labels)
    monkeypatch.setattr("spectune.trainables.metrics.ROWS", 16)
    assert score(logits, labels) == pytest.approx(at_once)
    logits[99, 3] = torch.inf
    assert all(math.isnan(value) for value in score(logits, labels).values())
