"""Losses: what the focal loss and balanced classes change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from spectune.spaces import Training
from spectune.spaces.mlp import MLP
from spectune.trainables import losses
from spectune.trainables.losses import focal
from spectune.trainables.models import build
from spectune.trainables.train import predict, train


def test_focal_without_focus_is_cross_entropy():
    logits, labels = torch.randn(20, 5), torch.arange(20) % 5
    weights = torch.rand(5) + 0.1
    torch.testing.assert_close(focal(logits, labels, gamma=0.0), F.cross_entropy(logits, labels))
    torch.testing.assert_close(
        focal(logits, labels, gamma=0.0, weights=weights), F.cross_entropy(logits, labels, weight=weights)
    )


def test_focal_is_the_published_formula():
    logits, labels = torch.randn(20, 5), torch.arange(20) % 5
    p = logits.softmax(1)[torch.arange(20), labels].double().numpy()
    assert float(focal(logits, labels, gamma=2.0)) == pytest.approx(np.mean(-((1 - p) ** 2) * np.log(p)), rel=1e-5)


@pytest.mark.parametrize(("name", "focused"), [("focal", True), ("cross_entropy", False)])
def test_only_focal_lets_hard_spectra_outweigh_many_easy_ones(name, focused):
    """99 spectra of probability 0.9 against one of 0.1: by cross-entropy they pull 11 times as much together."""
    margin = np.log(9.0)
    logits = torch.tensor([[margin, 0.0]] * 99 + [[-margin, 0.0]], dtype=torch.float32, requires_grad=True)
    labels = torch.zeros(100, dtype=torch.long)
    value = losses.loss(Training(loss=name), torch.nn.Identity(), labels.numpy(), 2, torch.device("cpu"))
    value(logits, labels).backward()
    gradient = logits.grad[:, 0].abs()
    assert (float(gradient[-1]) > float(gradient[:-1].sum())) == focused


@pytest.mark.parametrize("balance", [True, False])
def test_only_balanced_classes_find_a_rare_one_that_overlaps(dataset, balance):
    """Two classes that overlap, 100 spectra to 5: the rare one pays only when it weighs as much."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], [100, 5])
    spectra = random.random((105, 96)) + 0.5 * labels[:, None] * (np.arange(96) < 48)
    rare = type(dataset.train)(spectra, labels)
    data = replace(dataset, train=rare, validation=rare, test=rare, classes=("common", "rare"))
    training = Training(learning_rate=1e-3, batch_size=32, balance=balance)
    network = MLP(depth=1, width=16, dropout=0.0)
    *_, last = train(network, training, data, seed=0, epochs=25)
    model = build(network, 96, 2)
    model.load_state_dict(last.state["model"])
    found = predict(model, rare).argmax(1).numpy()
    assert (np.mean(found[labels == 1] == 1) > 0.5) == balance


def test_a_training_step_uses_the_loss_that_is_asked_for(dataset):
    network = MLP(depth=1, width=16, dropout=0.0)
    values = [
        next(train(network, Training(loss=name), dataset, seed=0, epochs=1)).metrics["train_loss"]
        for name in ("cross_entropy", "focal")
    ]
    assert values[1] < 0.8 * values[0]  # (1 - p)**2 is about a half at four classes
