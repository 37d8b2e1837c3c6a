"""Replicas: R trainings as one network give what R separate trainings give, and what cannot be fused says so."""

from __future__ import annotations

import copy
import io
import math
import random
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import vmap
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from spectune.spaces import CNN, FAMILIES, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice
from spectune.spaces.mlp import MLP
from spectune.spaces.resnet import ResNet
from spectune.trainables import prepared
from spectune.trainables import train as module
from spectune.trainables.data.dataset import Split
from spectune.trainables.models import BUILDERS, build
from spectune.trainables.replicas import Replicas
from spectune.trainables.stack import Dropout, Stack
from spectune.trainables.train import train

SMALL = CNN(depth=2, filters=6, kernel_size=7, kernel_last=5, batch_norm=True, fc_width=16, fc_dropout=0.0)
DROPPED = SMALL.replace(conv_dropout=0.2, fc_dropout=0.3)
FAST = Training(learning_rate=1e-3, batch_size=16)
SEEDS = (3, 4, 5)
OWN = (
    {"learning_rate": 1e-3},
    {"learning_rate": 2e-3, "weight_decay": 1e-2, "label_smoothing": 0.1},
    {"learning_rate": 5e-4, "weight_decay": 1e-4, "label_smoothing": 0.3},
)
UNFUSED = ("recurrent", *(name for name, family in FAMILIES.items() if not family.by_steps))


class Some(Split):
    """The spectra ``rows`` of a split, in the precision that is torch's default."""

    def __init__(self, split, rows, labels=None):
        self.split, self.rows = split, torch.as_tensor(rows)
        self.labels = split.labels[rows] if labels is None else labels

    def batch(self, indices, device="cpu"):
        return self.split.batch(self.rows[indices.cpu()], device).to(torch.get_default_dtype())

    def feed(self, digest):
        self.split.feed(digest)


@pytest.fixture
def few(dataset):
    """24 training spectra: the last of two batches is short."""
    rows = np.random.default_rng(0).permutation(100)[:24]
    return replace(dataset, train=Some(dataset.train, rows), validation=Some(dataset.validation, np.arange(20)))


@pytest.fixture
def double(monkeypatch):
    """Float64 throughout, also where the code says float.

    Before a normalisation a bias has no gradient but rounding noise. Divided by its own size it makes steps that are
    noise, too, and as large as the epsilon lets them be: there it is larger.
    """
    make = module._optimizer

    def calm(model, training, **how):
        optimizer = make(model, training, **how)
        if any("BatchNorm" in type(layer).__name__ for layer in model.modules()):
            for group in optimizer.param_groups:
                group["eps"] = 1e-3
        return optimizer

    monkeypatch.setattr(module, "_optimizer", calm)
    monkeypatch.setattr(prepared, "MOST", 0)  # spectra that are kept are float32
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def ones(training, **settings):
    """A training for each of OWN; a focal loss has no label smoothing."""
    return [training.replace(**{**own, **settings}) for own in OWN]


def fused(network, trainings, data, *, epochs=3, seeds=SEEDS, **options):
    networks = network if isinstance(network, list) else [network] * len(trainings)
    return Replicas(networks, trainings, data, seeds=seeds, epochs=epochs, **options)


def followed(replicas):
    """The epochs of each replica to the end, with states that stay."""
    epochs = {number: [] for number in replicas.runs}
    while not replicas.done:
        for number, epoch in replicas.epoch().items():
            epochs[number].append(copy.deepcopy(epoch))
    return epochs


def apart(network, training, data, *, seed, epochs=3, **options):
    return [copy.deepcopy(epoch) for epoch in train(network, training, data, seed=seed, epochs=epochs, **options)]


def tensors(state):
    """Every tensor of a state by its path."""
    found = {}
    for name, value in enumerate(state) if isinstance(state, list) else state.items():
        if isinstance(value, dict | list):
            found |= {f"{name}/{inner}": tensor for inner, tensor in tensors(value).items()}
        elif isinstance(value, torch.Tensor):
            found[str(name)] = value
        else:
            found[str(name)] = torch.tensor(value) if isinstance(value, int | float) else torch.tensor(0)
    return found


def close(found, expected):
    """Epochs with the same metrics and states, to 1e-9."""
    assert [epoch.number for epoch in found] == [epoch.number for epoch in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.metrics == pytest.approx(other.metrics, rel=1e-9, abs=1e-9, nan_ok=True)
        assert one.last == other.last
        some, others = tensors(one.state), tensors(other.state)
        assert some.keys() == others.keys()
        for name, tensor in others.items():
            torch.testing.assert_close(some[name], tensor, rtol=1e-9, atol=1e-9, equal_nan=True, msg=lambda text: text)


@dataclass(frozen=True)
class Case:
    name: str
    network: object
    training: Training


def at_random(space, seed):
    """Some small network, without dropout; and a loss of each kind over the seeds."""
    source = random.Random(seed)

    def choose(name, domain):
        if "dropout" in name or name == "stochastic_depth":
            return 0.0
        if isinstance(domain, Choice):
            return source.choice(domain.options)
        if isinstance(domain.low, int):
            step = domain.step * int(source.expovariate(10 / domain.size))
            return min(domain.high, domain.low + step)
        return source.uniform(domain.low, domain.high)

    vary = [hp.name for hp in hyperparameters(space) if not hp.search]
    while True:
        network = space.propose(choose, vary=vary)
        try:
            if network.cost(96, 4).macs < 200_000:
                return network
        except ValueError:
            continue


def cases():
    losses = [{}, {"loss": "focal"}, {"balance": True, "schedule": "cosine"}, {"loss": "focal", "balance": True}]
    for name, space in FAMILIES.items():
        off = {hp.name: 0.0 for hp in hyperparameters(space) if hp.replicas}
        yield Case(f"{name}-default", space().replace(**off), FAST)
        for seed in range(4):
            yield Case(f"{name}-random{seed}", at_random(space, seed), FAST.replace(**losses[seed]))


def by_family(*, unfused):
    found = [case for case in cases() if (case.network.family in UNFUSED) == unfused]
    found = [case for case in found if not unfused or case.name.endswith(("default", "0"))]
    return pytest.mark.parametrize("case", found, ids=lambda case: case.name)


@by_family(unfused=False)
def test_the_fused_give_what_the_separate_give(case, few, double):
    own = ones(case.training, **({"label_smoothing": None} if case.training.loss == "focal" else {}))
    own = own[1:] if case.name.endswith("default") else own  # these are large
    replicas = fused(case.network, own, few, seeds=SEEDS[: len(own)])
    assert replicas.fused, replicas.reason
    for number, epochs in followed(replicas).items():
        close(epochs, apart(case.network, own[number], few, seed=SEEDS[number]))


@by_family(unfused=True)
def test_what_cannot_be_fused_says_so_and_gives_the_very_numbers_of_train(case, few):
    replicas = fused(case.network, [case.training] * 2, few, seeds=(1, 2), epochs=2)
    assert not replicas.fused
    assert case.network.family in replicas.reason
    assert len(replicas.reason.splitlines()) == 1
    for number, epochs in followed(replicas).items():
        expected = apart(case.network, case.training, few, seed=(1, 2)[number], epochs=2)
        assert [epoch.metrics for epoch in epochs] == [epoch.metrics for epoch in expected]
        found = tensors(epochs[-1].state)
        assert all(torch.equal(found[name], tensor) for name, tensor in tensors(expected[-1].state).items())


@pytest.mark.parametrize("head", ["cosface", "arcface", "adacos"])
def test_heads_that_compare_directions_keep_their_own_scales(head, few, double):
    network = SMALL.replace(head=head)
    for number, epochs in followed(fused(network, ones(FAST), few)).items():
        close(epochs, apart(network, ones(FAST)[number], few, seed=SEEDS[number]))


@pytest.mark.parametrize("settings", [{}, {"balance": True}, {"loss": "focal", "label_smoothing": None}])
def test_several_labels_have_thresholds_of_their_own(settings, few, double):
    def multilabel(split):
        return Some(
            split.split, split.rows, np.eye(4, dtype=np.int64)[split.labels] | (split.rows.numpy()[:, None] % 2)
        )

    data = replace(few, train=multilabel(few.train), validation=multilabel(few.validation), test=None)
    own = ones(FAST, **settings)
    for number, epochs in followed(fused(SMALL, own, data)).items():
        assert epochs[-1].state["model"]["thresholds"].any()
        close(epochs, apart(SMALL, own[number], data, seed=SEEDS[number]))


def test_weights_to_start_from_are_for_all_and_layers_that_freeze_are_not_fused(few, double):
    weights = build(SMALL, 120, 7).state_dict()
    warm = ones(FAST.replace(init="backbone", freeze=0))
    for number, epochs in followed(fused(SMALL, warm, few, init=weights)).items():
        close(epochs, apart(SMALL, warm[number], few, seed=SEEDS[number], init=weights))
    frozen = [training.replace(freeze=1) for training in warm]
    replicas = fused(SMALL, frozen, few, init=weights)
    assert "frozen" in replicas.reason
    close(followed(replicas)[1], apart(SMALL, frozen[1], few, seed=SEEDS[1], init=weights))


def test_one_that_stops_early_leaves_and_the_others_go_on(few, double):
    own = ones(FAST)
    own[1] = own[1].replace(patience=2, min_delta=1.0)  # no epoch but the first is progress
    own[2] = own[2].replace(schedule="plateau", plateau_patience=1, plateau_factor=0.5, min_delta=1.0)
    epochs = followed(fused(SMALL, own, few, epochs=5))
    assert {number: len(some) for number, some in epochs.items()} == {0: 5, 1: 3, 2: 5}
    assert epochs[2][-1].metrics["learning_rate"] < epochs[2][0].metrics["learning_rate"]
    for number, some in epochs.items():
        close(some, apart(SMALL, own[number], few, seed=SEEDS[number], epochs=5))


def test_the_others_do_not_notice_when_replicas_are_dropped(few, double):
    replicas, found = fused(SMALL, ones(FAST), few, epochs=4), []
    for gone in (None, 0, None, 1):  # in the end one is alone
        if gone is not None:
            replicas.drop(gone)
        epochs = copy.deepcopy(replicas.epoch())
        assert epochs.keys() == replicas.runs.keys()
        found.append(epochs[2])
    close(found, apart(SMALL, ones(FAST)[2], few, seed=SEEDS[2], epochs=4))


def test_a_replica_that_explodes_is_nan_alone(few, double):
    replicas = fused(SMALL, ones(FAST), few)
    states = {number: copy.deepcopy(epoch.state) for number, epoch in replicas.epoch().items()}
    next(iter(states[0]["model"].values())).fill_(math.nan)
    replicas.load(states)
    epochs = followed(replicas)
    assert math.isnan(epochs[0][-1].metrics["loss"])
    for number in (1, 2):
        close(epochs[number], apart(SMALL, ones(FAST)[number], few, seed=SEEDS[number])[1:])


def written(state):
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def loaded(file):
    return torch.load(io.BytesIO(file), weights_only=True)


def test_resuming_from_files_equals_the_undisturbed_run(few):
    whole = followed(fused(DROPPED, ones(FAST, augment=True), few, epochs=4))
    replicas = fused(DROPPED, ones(FAST, augment=True), few, epochs=4)
    for _ in range(2):
        epochs = replicas.epoch()
    files = {number: written(epoch.state) for number, epoch in epochs.items()}
    again = fused(DROPPED, ones(FAST, augment=True), few, epochs=4)
    again.load({number: loaded(file) for number, file in files.items()})
    for number, rest in followed(again).items():
        assert [epoch.metrics for epoch in rest] == [epoch.metrics for epoch in whole[number][2:]]
        expected = tensors(whole[number][-1].state)
        assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors(rest[-1].state).items())


def test_fused_and_separate_trainings_go_on_from_each_other(few, double):
    own = ones(FAST)
    replicas = fused(SMALL, own, few, epochs=4)
    files = {number: written(epoch.state) for number, epoch in replicas.epoch().items()}
    *_, last = replicas.epoch(), replicas.epoch(), replicas.epoch()
    single = next(train(SMALL, own[1], few, seed=SEEDS[1], epochs=4))
    assert len(files[1]) < 1.1 * len(written(single.state)), "a file holds one replica, not all"
    *_, separate = train(SMALL, own[1], few, seed=SEEDS[1], epochs=4, state=loaded(files[1]))
    close([last[1]], [separate])
    again = fused(SMALL, own, few, epochs=4)
    starts = [next(train(SMALL, training, few, seed=seed, epochs=4)) for training, seed in zip(own, SEEDS, strict=True)]
    again.load({number: epoch.state for number, epoch in enumerate(starts)})
    close([followed(again)[1][-1]], [separate])


def test_a_step_takes_as_many_operations_for_five_replicas_as_for_two(few):
    class Count(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            self.total += 1
            return operation(*args, **(kwargs or {}))

    counts = []
    for number in (2, 5):
        replicas = fused(DROPPED, [FAST] * number, few, seeds=range(number))
        stack = Stack(list(replicas.runs.values()), replicas.objective)
        with Count() as counted:
            stack.step(torch.rand(number, 16, 96), torch.zeros(number, 16, dtype=torch.long))
        counts.append(counted.total)
    assert counts[0] == counts[1]


def test_a_convolution_by_fourier_transform_is_fused_as_a_plain_one(few):
    network = CNN(depth=2, filters=32, kernel_size=17, kernel_last=17, fc_depth=0, fc_dropout=0.0)
    assert any(getattr(layer, "spectral", False) for layer in build(network, 96, 4).modules())
    replicas = fused(network, ones(FAST), few)
    assert replicas.fused, replicas.reason
    for number, epochs in followed(replicas).items():
        expected = apart(network, ones(FAST)[number], few, seed=SEEDS[number])[-1]
        assert epochs[-1].metrics["loss"] == pytest.approx(expected.metrics["loss"], rel=1e-3)


def test_what_is_drawn_for_all_is_other_in_every_epoch_and_for_other_seeds(few, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "spectune.trainables.stack.augment", lambda spectra, _: drawn.append(float(torch.rand(()))) or spectra
    )
    for seeds in ((1, 2), (3, 2)):
        followed(fused(SMALL, [FAST] * 2, few, seeds=seeds))
    assert len(set(drawn)) == len(drawn) == 2 * 3 * 2


def test_replicas_have_masks_of_their_own(few):
    # the same seed: the same weights and the same order of spectra, so that only masks can make a difference
    first, second, third = fused(DROPPED, [FAST] * 3, few, seeds=(1, 1, 1), epochs=1).epoch().values()
    assert len({epoch.metrics["train_loss"] for epoch in (first, second, third)}) == 3
    alike = fused(SMALL, [FAST] * 3, few, seeds=(1, 1, 1), epochs=1).epoch().values()
    assert len({round(epoch.metrics["train_loss"], 4) for epoch in alike}) == 1


def test_the_share_that_is_dropped_is_each_replicas_own():
    layer, wanted = Dropout(), torch.tensor([0.1, 0.5, 0.8])

    def drop(share):
        return torch.func.functional_call(layer, {"share": share}, torch.ones(100, 1000))

    torch.manual_seed(0)
    dropped = vmap(drop, randomness="different")(wanted)
    assert (dropped == 0).float().mean(dim=(1, 2)).tolist() == pytest.approx(wanted.tolist(), abs=0.005)
    for found, share in zip(dropped, wanted, strict=True):
        torch.testing.assert_close(found[found > 0].unique(), 1 / (1 - share)[None])
    layer.eval()
    assert drop(torch.tensor(0.5)).eq(1).all()


def test_shares_of_dropout_may_differ_and_validation_has_none(few):
    networks = [DROPPED.replace(fc_dropout=share) for share in (0.1, 0.1, 0.8)]
    slow = FAST.replace(learning_rate=1e-5)
    low, same, high = fused(networks, [slow] * 3, few, seeds=(1, 1, 1), epochs=1).epoch().values()
    assert high.metrics["train_loss"] - low.metrics["train_loss"] > 4 * abs(
        same.metrics["train_loss"] - low.metrics["train_loss"]
    )
    assert high.metrics["loss"] == pytest.approx(low.metrics["loss"], abs=1e-2)


def test_order_and_random_state_are_those_of_the_separate_training_and_nothing_outside_changes(few):
    torch.manual_seed(99)
    outside = torch.get_rng_state()
    epochs = followed(fused(DROPPED, ones(FAST, augment=True), few))
    assert torch.equal(torch.get_rng_state(), outside)
    expected = apart(SMALL, FAST, few, seed=SEEDS[1])[-1].state["random"]  # which draws nothing but its orders
    assert torch.equal(epochs[1][-1].state["random"][0], expected[0])
    torch.manual_seed(100)
    again = followed(fused(DROPPED, ones(FAST, augment=True), few))
    assert [epoch.metrics for epoch in again[1]] == [epoch.metrics for epoch in epochs[1]]


def test_low_precision_is_used_where_it_is_asked_for(few):
    low = ones(FAST, precision="bfloat16")
    epochs, plain = followed(fused(SMALL, low, few)), followed(fused(SMALL, ones(FAST), few))
    for number, some in epochs.items():
        expected = apart(SMALL, low[number], few, seed=SEEDS[number])
        for one, other, full in zip(some, expected, plain[number], strict=True):
            assert one.metrics["train_loss"] == pytest.approx(other.metrics["train_loss"], rel=2e-2)
            assert one.metrics["train_loss"] != full.metrics["train_loss"]
        assert all(tensor.dtype != torch.bfloat16 for tensor in some[-1].state["model"].values())


@pytest.mark.parametrize(
    "networks, trainings, words",
    [
        ([SMALL, SMALL.replace(kernel_size=9)], [FAST, FAST], "one kernel_size, got 7 and 9: train those apart"),
        ([SMALL, SMALL], [FAST, FAST.replace(batch_size=32)], "one batch_size, got 16 and 32: train those apart"),
        ([SMALL, MLP()], [FAST, FAST], "of one family, got cnn and mlp: train those apart"),
        (
            [SMALL.replace(fc_dropout=0.3), SMALL],
            [FAST, FAST],
            r"0 in all replicas or in none, got \[0.3, 0.3\] and \[\]",
        ),
    ],
)
def test_replicas_that_differ_in_more_are_refused(networks, trainings, words, few):
    with pytest.raises(ValueError, match=words):
        Replicas(networks, trainings, few, seeds=(0, 1), epochs=1)


def test_a_dropout_that_is_no_layer_is_not_taken_for_one_that_all_share(few, monkeypatch):
    class Inside(nn.Linear):
        share = 0.0

        def forward(self, x):
            return super().forward(F.dropout(x, self.share, self.training))

    def make(network, points, classes):
        layer = Inside(points, classes)
        layer.share = network.block_dropout
        return nn.Sequential(layer)

    monkeypatch.setitem(BUILDERS, ResNet, make)
    network = ResNet(block_dropout=0.2)
    assert fused(network, [FAST] * 2, few, seeds=(1, 2)).fused
    replicas = fused([network, network.replace(block_dropout=0.4)], [FAST] * 2, few, seeds=(1, 2), epochs=1)
    assert "no layer of its own" in replicas.reason
    (expected,) = apart(network.replace(block_dropout=0.4), FAST, few, seed=2, epochs=1)
    assert replicas.epoch()[1].metrics == expected.metrics


def test_what_torch_would_take_one_replica_after_the_other_is_not_called_fused(few, monkeypatch):
    def make(network, points, classes):
        pool = nn.FractionalMaxPool2d((1, 2), output_size=(1, 8))
        return nn.Sequential(nn.Unflatten(1, (1, 1, points)), pool, nn.Flatten(), nn.Linear(8, classes))

    monkeypatch.setitem(BUILDERS, ResNet, make)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        replicas = fused(ResNet(), [FAST] * 2, few, seeds=(1, 2))
    assert "torch cannot fuse resnet: There is a performance drop" in replicas.reason
