"""Temperatures and folds."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.trainables.models.scores import Sample, Scores, class_weights, held_out, ranks, temperature


def test_the_temperature_is_the_factor_of_the_log_probabilities():
    random = np.random.default_rng(0)
    logits = 2 * random.normal(size=(20_000, 4))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = (shares.cumsum(1) > random.random((20_000, 1))).argmax(1)
    assert temperature(logits / 30, y, np.ones(len(y))) == pytest.approx(30, rel=0.05)


def test_scores_without_an_error_and_without_a_word_have_a_finite_one():
    y = np.array([0, 1, 0, 1])
    sure = temperature(np.eye(2)[y], y, np.ones(4))
    assert 1 < sure < 10
    more = np.tile(y, 100)
    assert temperature(np.eye(2)[more], more, np.ones(400)) > sure, "more spectra without an error are surer"
    assert temperature(np.zeros((4, 2)), y, np.ones(4)) == 1.0
    assert temperature(np.zeros((0, 2)), y[:0], np.ones(0)) == 1.0


def test_no_spectrum_is_scored_by_a_fit_that_saw_it():
    y = np.array([0] * 7 + [1] * 5 + [2])
    x = np.arange(13.0)[:, None]
    seen = []

    def solve(sample: Sample) -> Scores:
        seen.append(set(sample.x[:, 0]))
        return Scores(np.full((sample.y.max() + 1, 1), float(len(seen))), np.zeros(sample.y.max() + 1))

    scores, known = held_out(solve, Sample(x, y, np.ones(13)))
    fold = scores[1:, 0] / x[1:, 0]
    assert all(row not in seen[int(number) - 1] for row, number in zip(x[1:, 0], fold, strict=True))
    assert known.tolist() == [True] * 12 + [False], "the one spectrum of its class cannot be scored without it"


def test_ranks_count_within_a_class_and_balanced_classes_weigh_the_same():
    y = np.array([2, 0, 2, 0, 0])
    assert ranks(y).tolist() == [0, 0, 1, 1, 2]
    weights = class_weights(y, balance=True)
    assert weights[y == 0].sum() == pytest.approx(weights[y == 2].sum())
    assert weights.mean() == pytest.approx(1)
