"""One training on several folds in turn; and that what validates on folds learns nothing of what it validates on."""

from __future__ import annotations

import copy
import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from spectune.spaces import CNN, FAMILIES, Training
from spectune.trainables.data import Folds, load
from spectune.trainables.data.dense import Dense
from spectune.trainables.replicas import FOLDED, Replicas
from spectune.trainables.train import predict, train

SMALL = CNN(depth=1, filters=4, kernel_size=5, fc_width=16, fc_dropout=0.2)
FAST = Training(learning_rate=3e-3, batch_size=16, patience=2)


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """Three folds of 36 spectra of two classes."""
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "few.npz"
    y = np.arange(45) % 2
    x = 1 + random.normal(0, 0.3, (45, 40)) + y[:, None] * np.exp(-((np.arange(40) - 20) ** 2) / 8)
    np.savez(path, x=x.astype(np.float32), y=y)
    divided = Folds(load(str(path)), 3)
    return [divided.fold(number) for number in range(3)]


def start(folds, network=SMALL, epochs=6):
    return Replicas([network], [FAST], *folds, seeds=[7], epochs=epochs)


def followed(training):
    found = []
    while not training.done:
        (epoch,) = training.epoch().values()
        found.append(epoch._replace(state={**epoch.state, "best": copy.deepcopy(epoch.state["best"])}))
    return found


@pytest.mark.parametrize("network", [SMALL, FAMILIES["plsda"](components=2)], ids=["cnn", "plsda"])
def test_the_result_is_the_mean_over_folds_that_are_trained_each_from_scratch(folds, network):
    apart = []
    for fold in folds:
        apart.append([])
        for epoch in train(network, FAST, fold, seed=7, epochs=6):
            apart[-1].append(epoch._replace(state={"best": copy.deepcopy(epoch.state["best"])}))
    found = followed(start(folds, network))
    assert [one.fold for one in found] == [fold for fold in range(3) for _ in apart[fold]]
    assert [one.metrics for one in found] == [one.metrics for epochs in apart for one in epochs]
    assert [one.number for one in found] == [*range(1, len(apart[0]) + 1)] + [len(apart[0])] * sum(map(len, apart[1:]))
    assert [one.last for one in found] == [False] * (len(found) - 1) + [True]
    bests = [epochs[-1].state["best"] for epochs in apart]
    until, end = found[-2].state["best"], found[-1].state["best"]
    assert until["metrics"] == bests[0]["metrics"]  # what one has that is stopped before its end
    assert end["epoch"] == until["epoch"] == bests[0]["epoch"]
    for name in ("accuracy", "loss", "train_loss"):
        assert end["metrics"][name] == pytest.approx(np.mean([best["metrics"][name] for best in bests]))


@pytest.mark.parametrize("at", [2, 4, -4, -1])
def test_it_goes_on_from_any_epoch_of_any_fold(folds, at):
    whole = followed(start(folds))
    lost = start(folds)
    for _ in range(at % len(whole)):
        (epoch,) = lost.epoch().values()
    buffer = io.BytesIO()
    torch.save({**epoch.state, "seconds": 1.0}, buffer)
    buffer.seek(0)
    again = start(folds)
    again.load({0: torch.load(buffer, weights_only=True)})
    rest = followed(again)
    expected = whole[at % len(whole) :]
    assert [(one.fold, one.number, one.metrics) for one in rest] == [
        (one.fold, one.number, one.metrics) for one in expected
    ]
    assert rest[-1].state["best"]["metrics"] == whole[-1].state["best"]["metrics"]
    assert [one.state["epoch"] for one in rest] == [*range(at % len(whole) + 1, len(whole) + 1)]  # the newest is known


def test_several_are_trained_one_after_the_other(folds):
    several = Replicas([SMALL] * 2, [FAST] * 2, *folds, seeds=[7, 8], epochs=2)
    assert several.reason == FOLDED
    assert several.epoch().keys() == {0, 1}


def shares(folder, *, grouped):
    """The share of right answers on folds for 20 permutations of the labels of 24 people, each measured four times."""
    random = np.random.default_rng(3)
    people = np.repeat(np.arange(24), 4)
    x = 5 + np.cumsum(random.normal(0, 1, (24, 30)), axis=1)[people] + random.normal(0, 0.05, (96, 30))
    found = []
    for permutation in range(20):
        y = random.permutation(np.arange(24) % 2)[people]
        np.savez(folder / "people.npz", x=x, y=y, **({"group": people} if grouped else {}))
        divided, right = Folds(load(str(folder / "people.npz"), seed=permutation), 4), []
        for number in range(4):
            fold = divided.fold(number)
            training = Replicas([FAMILIES["knn"](neighbours=1)], [Training()], fold, seeds=[0], epochs=1)
            (epoch,) = training.epoch().values()
            assert (epoch.metrics["accuracy"] * len(fold.validation)) % 1 == pytest.approx(0, abs=1e-6)
            right.append(epoch.metrics["accuracy"] * len(fold.validation))
        found.append(sum(right) / (len(divided.fold(0).train) + len(divided.fold(0).validation)))
    return np.array(found)


def test_labels_that_say_nothing_are_right_by_chance_on_folds_that_keep_people_together(tmp_path):
    """Its 95 % interval holds one half; where a person's spectra are torn apart, chance is left far behind."""
    found = shares(tmp_path, grouped=True)
    half = 1.96 * found.std(ddof=1) / np.sqrt(len(found))
    assert found.mean() - half < 0.5 < found.mean() + half and half < 0.08
    assert shares(tmp_path, grouped=False).mean() > 0.9


def test_views_of_folds_are_spectra_like_any_other(folds):
    fold = folds[0]
    copied = replace(
        fold,
        train=Dense(fold.train.batch(torch.arange(len(fold.train))), fold.train.labels),
        validation=Dense(fold.validation.batch(torch.arange(len(fold.validation))), fold.validation.labels),
    )
    (*_, one), (*_, other) = (train(SMALL, FAST, data, seed=0, epochs=2) for data in (fold, copied))
    assert one.metrics == other.metrics
    assert predict(torch.nn.Identity(), fold.validation).shape == (len(fold.validation), 40)
