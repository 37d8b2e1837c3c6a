"""Steps that are recorded once and replayed give what steps give that are taken one by one."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch

from spectune.spaces import CNN, Training
from spectune.trainables import graph
from spectune.trainables.graph import WARM_UP, Replayed
from spectune.trainables.train import Run, train

SMALL = CNN(depth=2, filters=6, kernel_size=7, kernel_last=5, conv_dropout=0.0, fc_width=16, fc_dropout=0.0)
FAST = Training(learning_rate=3e-3, batch_size=32, precision="float32", schedule="cosine")


@pytest.fixture
def run(dataset):
    run = Run(SMALL, FAST, dataset, seed=0, epochs=1, device=torch.device("cpu"), init=None)
    run.begin()
    return run


def numbers(dataset, count):
    return [torch.randperm(len(dataset.train))[:32] for _ in range(count)]


def test_what_is_replayed_sees_the_spectra_of_its_own_step(dataset, run, monkeypatch):
    recorded = []

    def record(step, given):
        recorded.append(given.clone())
        return functools.partial(step, given)

    monkeypatch.setattr(graph, "record", record)
    other = Run(SMALL, FAST, dataset, seed=0, epochs=1, device=torch.device("cpu"), init=None)
    other.begin()
    replayed = Replayed(other.step, 32, torch.device("cpu"))
    for indices in numbers(dataset, WARM_UP + 4):
        assert replayed(indices) == run.step(indices)
    assert len(recorded) == 1, "recorded once"
    for one, another in zip(other.model.parameters(), run.model.parameters(), strict=True):
        assert torch.equal(one, another)


def test_what_cannot_be_recorded_is_trained_all_the_same_and_says_why(dataset, run, monkeypatch):
    def record(step, given):
        raise RuntimeError("operation not permitted when stream is capturing\nmore of it")

    monkeypatch.setattr(graph, "record", record)
    replayed = Replayed(run.step, 32, torch.device("cpu"))
    with pytest.warns(UserWarning, match="^steps are not replayed: operation not permitted when stream is capturing$"):
        losses = [float(replayed(indices)) for indices in numbers(dataset, 3 * WARM_UP)]
    assert losses[-1] < losses[0]


def test_on_a_processor_nothing_is_replayed(dataset):
    plain, asked = (
        [epoch.metrics for epoch in train(SMALL, replace(FAST, replay=on), dataset, seed=0, epochs=2)]
        for on in (False, True)
    )
    assert plain == asked


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("changes", [{}, {"augment": True}, {"precision": "bfloat16"}, {"batch_size": 7}])
def test_on_a_gpu_replayed_epochs_equal_plain_ones(dataset, changes):
    training = replace(FAST, **changes)
    plain, replayed = (
        [
            epoch.metrics["train_loss"]
            for epoch in train(SMALL, replace(training, replay=on), dataset, seed=0, epochs=4, device="cuda")
        ]
        for on in (False, True)
    )
    assert replayed == pytest.approx(plain, rel=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_gpu_a_replayed_training_goes_on_from_its_checkpoint(dataset):
    training = replace(FAST, replay=True)
    whole = list(train(SMALL, training, dataset, seed=0, epochs=4, device="cuda"))
    half = train(SMALL, training, dataset, seed=0, epochs=4, device="cuda")
    next(half)
    state = next(half).state
    rest = train(SMALL, training, dataset, seed=0, epochs=4, device="cuda", state=state)
    assert [epoch.metrics["loss"] for epoch in rest] == pytest.approx([e.metrics["loss"] for e in whole[2:]], rel=1e-3)
