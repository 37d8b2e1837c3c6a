"""Spectra that are prepared once: trainings give what they gave, no step is taken twice, and nothing is mixed up."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from spectune.spaces import Training
from spectune.spaces.linear import Logistic
from spectune.spaces.mlp import MLP
from spectune.trainables import prepared as module
from spectune.trainables.models import baseline, restored
from spectune.trainables.models.preprocess import BATCH
from spectune.trainables.replicas import Replicas
from spectune.trainables.train import predict, train

STEPS = {"baseline": "asls", "scatter": "msc", "preprocess": "snv", "pointwise": True}
NETWORK = MLP(depth=1, width=16, dropout=0.0, **STEPS)
TRAINING = Training(learning_rate=1e-3, batch_size=32)


@pytest.fixture(autouse=True)
def _nothing_is_kept():
    module._LAST.clear()
    yield
    module._LAST.clear()


@pytest.fixture
def seen(monkeypatch):
    """How many spectra have gone through a baseline, batch by batch."""
    counts, forward = [], baseline.Baseline.forward

    def counting(layer, spectra):
        counts.append(len(spectra))
        return forward(layer, spectra)

    monkeypatch.setattr(baseline.Baseline, "forward", counting)
    return counts


def last(network, dataset, training=TRAINING, *, seed=1, epochs=3):
    return list(train(network, training, dataset, seed=seed, epochs=epochs))[-1]


@pytest.mark.parametrize(
    "network", [NETWORK, Logistic(**STEPS), NETWORK.replace(low=0.1, reading="both", pointwise=False)]
)
def test_a_training_gives_what_it_gives_when_every_step_prepares(network, dataset, monkeypatch):
    once = last(network, dataset)
    monkeypatch.setattr(module, "MOST", 0)
    each = last(network, dataset)
    assert once.metrics == pytest.approx(each.metrics, rel=1e-5)
    for name, tensor in each.state["best"]["model"].items():
        torch.testing.assert_close(once.state["best"]["model"][name], tensor, rtol=1e-4, atol=1e-5)


def test_weights_are_those_of_a_network_that_takes_raw_spectra(dataset):
    epoch = last(NETWORK, dataset, epochs=2)
    model = restored(NETWORK, len(dataset.axis), 4, epoch.state["model"])
    given = predict(model, dataset.validation)
    found = torch.nn.functional.cross_entropy(given, torch.from_numpy(dataset.validation.labels))
    assert float(found) == pytest.approx(epoch.metrics["loss"], rel=1e-5)


def test_spectra_go_through_a_baseline_once_however_long_and_often_it_is_trained(dataset, seen):
    every = len(dataset.train) + len(dataset.validation)
    last(NETWORK, dataset)
    assert sum(seen) == every
    last(NETWORK.replace(width=32), dataset, seed=2, epochs=1)
    last(Logistic(**STEPS), dataset, epochs=1)  # of another family
    Replicas([NETWORK] * 2, [TRAINING] * 2, dataset, seeds=[3, 4], epochs=1).epoch()
    assert sum(seen) == every
    last(NETWORK.replace(baseline_smoothness=1e6), dataset, epochs=1)
    assert sum(seen) == 2 * every
    assert len(module._LAST) == 1


def test_augmented_spectra_are_prepared_in_every_step(dataset, seen):
    last(
        NETWORK.replace(scatter="none", pointwise=False), dataset, TRAINING.replace(augment=True, shift=0.05), epochs=2
    )
    assert sum(seen) == 2 * (len(dataset.train) + len(dataset.validation))
    assert math.ceil(len(dataset.validation) / BATCH) == 1 and max(seen) <= 32 + 1
    assert not module._LAST


def test_other_spectra_of_one_digest_are_not_taken_for_these(dataset):
    swapped = replace(dataset, train=dataset.validation, validation=dataset.train)
    assert swapped.digest == dataset.digest
    here, there = last(NETWORK, dataset, epochs=1), last(NETWORK, swapped, epochs=1)
    mean = "0.steps.3.mean"
    assert not torch.equal(here.state["model"][mean], there.state["model"][mean])
    again = last(NETWORK, dataset, epochs=1)
    assert again.metrics == here.metrics


def test_a_training_that_finds_its_spectra_prepared_has_learned_as_much_of_them(dataset):
    first, second = (last(NETWORK, dataset, seed=seed, epochs=1).state["model"] for seed in (1, 2))
    steps = [name for name in first if name.startswith("0.steps.")]
    assert len(steps) == 5 and all(torch.equal(first[name], second[name]) for name in steps)
