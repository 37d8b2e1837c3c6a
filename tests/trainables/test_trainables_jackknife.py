"""What single spectra, or their groups, do to a score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spectune.spaces.metrics import scores
from spectune.trainables.jackknife import BLOCKS, blocks, pseudo
from spectune.trainables.metrics import answered, score


@pytest.fixture
def one():
    torch.manual_seed(4)
    logits, labels = torch.randn(60, 4), torch.arange(60) % 4
    logits[torch.arange(60), labels] += 1.0
    return logits, labels


@pytest.fixture
def several():
    torch.manual_seed(5)
    logits = torch.randn(60, 3)
    return logits, (logits + torch.randn(60, 3) > 0).long(), torch.zeros(3)


def test_the_pseudo_values_of_the_accuracy_are_the_right_answers(one):
    found = pseudo(answered(*one), ["accuracy"], None)["accuracy"]
    assert found.values == pytest.approx((one[0].argmax(1) == one[1]).numpy().astype(float))
    assert found.units == 60


@pytest.mark.parametrize("groups", [None, np.arange(60) // 7])
def test_their_mean_is_the_score_and_their_spread_that_of_resampled_spectra(one, several, groups):
    """Against the bootstrap over spectra, or over groups, of every score."""
    random = np.random.default_rng(0)
    kept = np.arange(60) if groups is None else groups
    for sample, names in ((one, scores("one")), (several, scores("several"))):
        found, expected = pseudo(answered(*sample), names, groups), score(*sample)
        drawn = []
        for _ in range(300):
            rows = np.concatenate([np.flatnonzero(kept == unit) for unit in random.choice(kept, kept.max() + 1)])
            drawn.append(score(sample[0][rows], sample[1][rows], *sample[2:]))
        for name in set(names) - {"calibration_error"}:  # which is biased by few spectra, as its bootstrap
            values = found[name].values
            assert values.mean() == pytest.approx(expected[name], abs=0.03)
            error, spread = values.std(ddof=1) / len(values) ** 0.5, np.std([row[name] for row in drawn])
            assert error == pytest.approx(spread, rel=0.35), name


def test_spectra_of_a_group_are_never_in_two_blocks():
    groups = np.random.default_rng(0).integers(0, 400, 3000)
    found = blocks(3000, groups)
    assert found.max() + 1 == BLOCKS
    assert all(len(np.unique(found[groups == group])) == 1 for group in np.unique(groups))
    assert len(np.unique(blocks(3000, groups % 7))) == 7


def test_a_mean_over_classes_rests_on_the_few_spectra_of_a_small_one():
    labels = torch.tensor([0] * 200 + [1] * 3)
    found = pseudo(answered(torch.eye(2)[labels], labels), ["accuracy", "balanced_accuracy"], None)
    assert found["accuracy"].units == 203
    assert found["balanced_accuracy"].units == pytest.approx(4 / (1 / 200 + 1 / 3))


def test_a_score_without_a_value_has_none(several):
    logits, labels, above = several
    assert pseudo(answered(logits, torch.ones_like(labels), above), ["auc"], None) == {}
