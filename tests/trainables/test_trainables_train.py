"""Training as a generator: the protocol of Keras, exact resuming, and random states that do not mix."""

from __future__ import annotations

import io
import itertools
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from spectune.spaces import CNN, Training
from spectune.spaces.metrics import scores
from spectune.trainables import train as module
from spectune.trainables.metrics import score
from spectune.trainables.models import build
from spectune.trainables.train import predict, train

SMALL = CNN(depth=2, filters=6, kernel_size=7, kernel_last=5, conv_dropout=0.2, fc_width=16, fc_dropout=0.3)
FAST = Training(learning_rate=3e-3, batch_size=32)


def saved(state):
    """The state after a round trip through a file that may hold tensors only."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def metrics(epochs):
    return [epoch.metrics for epoch in epochs]


def test_an_epoch_reports_the_validation_split(dataset):
    first, second = train(SMALL, FAST, dataset, seed=1, epochs=2)
    assert [first.number, second.number] == [1, 2]
    assert set(second.metrics) == {*scores("one"), "train_loss", "learning_rate"}
    model = build(SMALL, len(dataset.axis), len(dataset.classes))
    model.load_state_dict(second.state["model"])
    logits = predict(model, dataset.validation, batch_size=7)
    expected = score(logits, torch.from_numpy(dataset.validation.labels))
    assert {name: second.metrics[name] for name in scores("one")} == pytest.approx(expected, abs=1e-6)


def test_it_learns(dataset):
    *_, last = train(SMALL, FAST, dataset, seed=0, epochs=15)
    assert last.metrics["accuracy"] >= 0.9
    assert last.metrics["train_loss"] < 1.0


UNCOMPILED = """
import sys
from spectune.spaces import CNN, Training
from spectune.trainables.data.recipes.generated import Generated
from spectune.trainables.train import train

dataset = Generated(classes=2, points=200, train=10, validation=5, test=5).load()
network = CNN(depth=1, filters=4)
(first,) = train(network, Training(), dataset, seed=0, epochs=1)
(second,) = train(network, Training(), dataset, seed=0, epochs=2, state=first.state)
print(second.number, [name for name in ("torch._dynamo", "torch._inductor") if name in sys.modules])
"""


def test_a_training_that_compiles_nothing_does_not_load_the_compiler():
    done = subprocess.run([sys.executable, "-c", UNCOMPILED], capture_output=True, text=True, check=True)
    assert done.stdout == "2 []\n"


def test_the_test_split_is_never_needed(dataset):
    seen = metrics(train(SMALL, FAST, dataset, seed=0, epochs=1))
    assert metrics(train(SMALL, FAST, dataset.blind(), seed=0, epochs=1)) == seen


@pytest.mark.parametrize("network", [SMALL, SMALL.replace(batch_norm=True)])
def test_same_seed_same_result_and_another_seed_another(dataset, network):
    first = metrics(train(network, FAST, dataset, seed=4, epochs=3))
    assert metrics(train(network, FAST, dataset, seed=4, epochs=3)) == first
    assert metrics(train(network, FAST, dataset, seed=5, epochs=3)) != first


def test_trainings_that_take_turns_do_not_disturb_each_other(dataset):
    alone = [metrics(train(SMALL, FAST, dataset, seed=seed, epochs=3)) for seed in (0, 1)]
    torch.manual_seed(99)
    outside = torch.get_rng_state()
    pairs = zip(
        train(SMALL, FAST, dataset, seed=0, epochs=3), train(SMALL, FAST, dataset, seed=1, epochs=3), strict=True
    )
    mixed = [[epoch.metrics for epoch in pair] for pair in pairs]
    assert [list(column) for column in zip(*mixed, strict=True)] == alone
    assert torch.equal(torch.get_rng_state(), outside)


@pytest.mark.parametrize("training", [FAST, replace(FAST, weight_decay=1e-2, schedule="cosine", label_smoothing=0.1)])
@pytest.mark.parametrize("network", [SMALL, SMALL.replace(batch_norm=True)])
def test_resuming_from_a_file_equals_the_undisturbed_run(dataset, network, training):
    whole = list(train(network, training, dataset, seed=2, epochs=5))
    run = train(network, training, dataset, seed=2, epochs=5)
    state = saved(list(itertools.islice(run, 2))[-1].state)
    run.close()
    rest = list(train(network, training, dataset, seed=2, epochs=5, state=state))
    assert metrics(rest) == metrics(whole)[2:]
    assert [epoch.number for epoch in rest] == [3, 4, 5]
    best, expected = rest[-1].state["best"], whole[-1].state["best"]
    assert best["metrics"] == expected["metrics"]
    assert all(torch.equal(best["model"][name], tensor) for name, tensor in expected["model"].items())


def test_resuming_leaves_the_state_it_started_from_alone(dataset):
    run = train(SMALL, FAST, dataset, seed=2, epochs=4)
    state = next(run).state
    again = metrics(train(SMALL, FAST, dataset, seed=2, epochs=4, state=state))
    assert metrics(run) == again


def test_a_finished_state_yields_nothing_more(dataset):
    *_, last = train(SMALL, FAST, dataset, seed=2, epochs=2)
    assert list(train(SMALL, FAST, dataset, seed=2, epochs=2, state=saved(last.state))) == []


class Losses:
    """Stands in for ``score`` and gives the validation losses of a list, one per epoch."""

    def __init__(self, losses):
        self.losses = iter(losses)

    def __call__(self, logits, labels, thresholds=None):
        return {"loss": next(self.losses)}


def follow(monkeypatch, dataset, losses, **training):
    monkeypatch.setattr(module, "score", Losses(losses))
    network = CNN(depth=1, filters=4, kernel_size=3, kernel_last=3, fc_depth=0)
    return list(train(network, Training(batch_size=128, **training), dataset, seed=0, epochs=len(losses)))


def test_best_is_the_epoch_of_the_lowest_validation_loss_with_its_own_weights(monkeypatch, dataset):
    monkeypatch.setattr(module, "score", Losses([1.0, 0.3, 0.9, 0.29999, 0.8]))
    weights = []
    for epoch in train(SMALL, FAST, dataset, seed=0, epochs=5):
        weights.append({name: tensor.clone() for name, tensor in epoch.state["model"].items()})
    best = epoch.state["best"]
    assert best["epoch"] == 2
    assert best["metrics"]["loss"] == 0.3
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in best["model"].items())
    assert not all(torch.equal(tensor, weights[4][name]) for name, tensor in best["model"].items())


def test_early_stopping_counts_like_keras(monkeypatch, dataset):
    # Keras stops after `patience` epochs in a row that do not undercut the best loss by more than min_delta
    losses = [1.0, 0.9, 0.89995, 0.95, 0.85, 0.86, 0.87, 0.88, 0.1]
    epochs = follow(monkeypatch, dataset, losses, patience=3)
    assert len(epochs) == 8
    assert epochs[-1].state["best"]["epoch"] == 5


@pytest.mark.parametrize("factor", [0.1, 0.5])
def test_plateaus_lower_the_rate_like_keras(monkeypatch, dataset, factor):
    # after `plateau_patience` epochs without progress, and again after as many more
    losses = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]
    epochs = follow(
        monkeypatch, dataset, losses, learning_rate=1e-2, plateau_patience=2, plateau_factor=factor, patience=100
    )
    rates = [epoch.metrics["learning_rate"] for epoch in epochs]
    powers = [0, 0, 0, 1, 1, 2, 2, 2, 3]
    assert rates == pytest.approx([1e-2 * factor**power for power in powers])


def test_cosine_falls_to_zero_over_the_budget_and_constant_does_not(monkeypatch, dataset):
    epochs = follow(monkeypatch, dataset, [1.0] * 4, learning_rate=1e-2, schedule="cosine")
    expected = [1e-2 * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)]
    assert [epoch.metrics["learning_rate"] for epoch in epochs] == pytest.approx(expected)
    epochs = follow(monkeypatch, dataset, [1.0] * 12, learning_rate=1e-2, schedule="constant", patience=50)
    assert {epoch.metrics["learning_rate"] for epoch in epochs} == {1e-2}


def test_the_learning_rate_reported_is_the_one_applied(dataset):
    training = replace(FAST, learning_rate=1e-3, schedule="cosine")
    rates = []
    for epoch in train(SMALL, training, dataset, seed=0, epochs=3):
        groups = epoch.state["optimizer"]["param_groups"]
        assert {group["lr"] for group in groups} == {epoch.metrics["learning_rate"]}
        assert {group["eps"] for group in groups} == {1e-7}
        rates.append(epoch.metrics["learning_rate"])
    assert rates[0] == 1e-3 > rates[1] > rates[2]


@pytest.mark.parametrize("training", [True, False])
def test_predict_leaves_the_model_in_its_mode(dataset, training):
    model = build(SMALL, len(dataset.axis), len(dataset.classes)).train(training)
    assert torch.equal(predict(model, dataset.test), predict(model, dataset.test)), "dropout is on"
    assert model.training is training


def test_weight_decay_shrinks_weights_but_not_biases(dataset):
    (epoch,) = train(SMALL, replace(FAST, weight_decay=1e-2), dataset, seed=0, epochs=1)
    weights, others = epoch.state["optimizer"]["param_groups"]
    assert (weights["weight_decay"], others["weight_decay"]) == (1e-2, 0.0)
    model = build(SMALL, len(dataset.axis), len(dataset.classes))
    assert len(weights["params"]) == len(others["params"]) == len(list(model.parameters())) // 2


def test_a_loss_that_explodes_is_reported_as_nan(dataset):
    poisoned = replace(dataset, train=type(dataset.train)(dataset.train.spectra * np.nan, dataset.train.labels))
    (epoch,) = train(SMALL, FAST, poisoned, seed=0, epochs=1)
    assert all(math.isnan(epoch.metrics[name]) for name in (*scores("one"), "train_loss"))
    assert epoch.state["best"]["epoch"] == 1


def test_label_smoothing_changes_the_training_loss_only(dataset):
    (plain,) = train(SMALL, replace(FAST, learning_rate=1e-5), dataset, seed=0, epochs=1)
    (smooth,) = train(SMALL, replace(FAST, learning_rate=1e-5, label_smoothing=0.3), dataset, seed=0, epochs=1)
    assert smooth.metrics["loss"] == pytest.approx(plain.metrics["loss"], abs=1e-3)
    assert smooth.metrics["train_loss"] != pytest.approx(plain.metrics["train_loss"], abs=1e-4)


class Recorder:
    """A split that notes the batches it is asked for."""

    def __init__(self, split):
        self.split = split
        self.labels = split.labels
        self.groups = split.groups
        self.varies = split.varies
        self.asked = []

    def __len__(self):
        return len(self.split)

    def batch(self, indices, device="cpu"):
        self.asked.append(indices.tolist())
        return self.split.batch(indices, device)

    def fresh(self, indices, device="cpu"):
        return self.batch(indices, device)


def test_every_training_spectrum_once_an_epoch_in_a_new_order_that_the_architecture_does_not_change(dataset):
    orders = []
    for network in (SMALL, SMALL.replace(fc_depth=0, conv_dropout=0.0)):
        recorder = Recorder(dataset.train)
        list(train(network, FAST, replace(dataset, train=recorder, digest="x"), seed=3, epochs=2))
        assert [len(batch) for batch in recorder.asked] == [32, 32, 32, 4] * 2
        first, second = (list(itertools.chain(*recorder.asked[part])) for part in (slice(0, 4), slice(4, 8)))
        assert sorted(first) == sorted(second) == list(range(100))
        assert first != second
        orders.append(first)
    assert orders[0] == orders[1]


def test_a_last_batch_of_one_spectrum_does_not_break_batch_normalisation(dataset):
    kept = slice(0, 33)
    few = replace(dataset, train=type(dataset.train)(dataset.train.spectra[kept], dataset.train.labels[kept]))
    network = CNN(
        depth=3,
        filters=4,
        kernel_size=3,
        kernel_last=3,
        stride=4,
        pool_size=(4, 4, 1),
        pool_stride=(4, 4, 1),
        batch_norm=True,
        fc_depth=0,
    )
    assert network.blocks(len(dataset.axis))[-1].conv_lengths == (1,)
    (epoch,) = train(network, FAST, few, seed=0, epochs=1)
    assert math.isfinite(epoch.metrics["loss"])


def test_low_precision_is_used_where_it_is_asked_for_and_not_on_a_processor_by_default(dataset):
    runs = [
        metrics(train(SMALL, replace(FAST, precision=precision), dataset, seed=0, epochs=1))
        for precision in ("auto", "float32", "bfloat16")
    ]
    assert runs[0] == runs[1] != runs[2]
    assert runs[2][0]["loss"] == pytest.approx(runs[0][0]["loss"], abs=0.05)


def test_with_the_rates_of_all_epochs_nothing_is_decided_by_the_validation_split(dataset):
    training = Training(patience=1, min_delta=1.0, schedule="plateau", plateau_patience=1)
    rates = [0.001, 0.002, 0.0005, 0.0001]
    epochs = list(train(SMALL, training, dataset, seed=0, epochs=4, rates=rates))
    assert [epoch.metrics["learning_rate"] for epoch in epochs] == pytest.approx(rates)
    assert [epoch.last for epoch in epochs] == [False, False, False, True]
    assert epochs[-1].state["best"]["epoch"] == 4
