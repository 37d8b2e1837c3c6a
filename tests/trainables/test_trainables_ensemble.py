"""Which networks are averaged, and that what is said of them is not too good."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spectune.trainables.ensemble import LEAST, PICKS, Pool, _mixed, greedy
from spectune.trainables.metrics import answered


def everything(_):
    return True


def pool(logits, labels, *, metric="accuracy", groups=None, fits=everything, trained=None):
    return Pool(logits=logits, labels=labels, groups=groups, metric=metric, fits=fits, trained=trained)


def right(found):
    return float(found.right().double().mean())


def certain(rows):
    """(1, N, 2) logits of a network that gives each spectrum's second class such a probability."""
    second = torch.tensor(rows, dtype=torch.float64)
    return torch.stack([(1 - second).log(), second.log()], dim=1)[None].float()


# Four spectra of the second class. The first network knows three of them; the second, which knows two, is so sure of
# the fourth that their mean knows all; the third is a worse first.
KNOWN = torch.cat([certain([0.9, 0.9, 0.9, 0.37]), certain([0.3, 0.6, 0.3, 0.95]), certain([0.8, 0.8, 0.8, 0.1])])
LABELS = torch.ones(4, dtype=torch.int64)


def test_those_are_picked_whose_mean_is_right():
    picked = pool(KNOWN, LABELS).select()
    assert picked.tolist()[2] == 0 and min(picked[:2]) > 0
    assert right(answered(_mixed(KNOWN, picked, several=False), LABELS)) == 1.0


def test_a_network_is_picked_again_where_its_weight_must_be_larger():
    """By hand: two of three picks give the mean that is asked for."""

    def score(mean):
        share = float(mean[0, 0])
        return -abs(share - 2 / 3), 0.0

    assert greedy(torch.tensor([[[1.0]], [[0.0]]]), score, everything).tolist() == [2, 1]


def test_those_count_until_the_score_was_highest_first_and_the_first_of_equals():
    assert greedy(torch.ones(3, 5, 2), lambda _: (1.0, 0.0), everything).tolist() == [1, 0, 0]


def test_the_number_of_picks_is_limited():
    rising = iter(range(10_000))
    assert greedy(torch.ones(2, 5, 2), lambda _: (float(next(rising)), 0.0), everything).sum() == PICKS


def test_of_an_equal_accuracy_the_smaller_loss_decides():
    logits = torch.cat([certain([0.6, 0.6, 0.6, 0.6]), certain([0.9, 0.9, 0.9, 0.9])])
    assert pool(logits, LABELS).select().tolist() == [0, 1]


def test_a_set_that_is_not_allowed_is_passed_over():
    assert pool(KNOWN, LABELS, fits=lambda chosen: chosen.sum() <= 1).select().tolist() == [1, 0, 0]
    assert pool(KNOWN, LABELS, fits=lambda chosen: not chosen[0]).select()[0] == 0
    assert not pool(KNOWN, LABELS, fits=lambda _: False).select().any()


def test_on_networks_that_guess_the_crossed_score_is_that_of_guessing():
    guessed, crossed = [], []
    for seed in range(12):
        random = torch.Generator().manual_seed(seed)
        logits = torch.randn(10, 80, 4, generator=random)
        labels = torch.randint(0, 4, (80,), generator=random)
        one = pool(logits, labels)
        guessed.append(right(answered(_mixed(logits, one.select(), several=False), labels)))
        crossed.append(right(one.crossed()))
    assert np.mean(guessed) > 0.31  # the best of so many guesses
    assert abs(np.mean(crossed) - 0.25) < 0.045  # three times its standard error


def test_groups_are_not_torn_apart_when_the_selection_is_scored():
    """Networks each know one group by heart: whoever has seen a part of the group knows the rest."""
    random, groups = torch.Generator().manual_seed(0), np.repeat(np.arange(10), 6)
    labels = torch.randint(0, 2, (10,), generator=random)[groups]
    logits = torch.zeros(10, 60, 2)
    for group in range(10):
        rows = torch.from_numpy(groups == group)
        logits[group, rows, labels[rows]] = 9.0
        logits[group, ~rows, 1 - labels[~rows]] = 0.1  # and are a little wrong elsewhere
    assert right(pool(logits, labels, groups=groups).crossed()) < 0.2
    assert right(pool(logits, labels).crossed()) > 0.8


def test_it_takes_enough_spectra_or_groups():
    logits, labels = torch.zeros(2, 20, 2), torch.zeros(20, dtype=torch.int64)
    assert pool(logits[:, :LEAST], labels[:LEAST]).enough
    assert not pool(logits[:, : LEAST - 1], labels[: LEAST - 1]).enough
    assert not pool(logits, labels, groups=np.repeat(np.arange(5), 4)).enough


@pytest.mark.parametrize("metric", ["molecular_f1", "auc", "loss"])
def test_several_labels_are_found_above_thresholds_of_the_training_split(metric):
    random = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 2, (60, 3), generator=random)
    noise = torch.randn(4, 60, 3, generator=random)
    logits = 2.0 * labels + 0.8 * noise - 5.0  # never above 0: found by their thresholds alone
    one = pool(logits[:, 20:], labels[20:], metric=metric, trained=(logits[:, :20], labels[:20]))
    picked = one.select()
    assert (picked > 0).sum() > 1
    assert one.thresholds(picked).max() < 0
    assert float(one.crossed().molecular_f1()) > 0.85
