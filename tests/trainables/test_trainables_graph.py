"""Steps that are recorded once and replayed give what steps give that are taken one by one."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from spectune.spaces import CNN, Training
from spectune.trainables import graph
from spectune.trainables.data import load
from spectune.trainables.graph import WARM_UP, Replayed
from spectune.trainables.replicas import Replicas
from spectune.trainables.train import Run, train

SMALL = CNN(depth=2, filters=6, kernel_size=7, kernel_last=5, conv_dropout=0.0, fc_width=16, fc_dropout=0.0)
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
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
    replayed = Replayed(other.step, (32,), torch.device("cpu"))
    for indices in numbers(dataset, WARM_UP + 4):
        assert replayed(indices) == run.step(indices)
    assert len(recorded) == 1, "recorded once"
    for one, another in zip(other.model.parameters(), run.model.parameters(), strict=True):
        assert torch.equal(one, another)


def test_what_cannot_be_recorded_is_trained_all_the_same_and_says_why(dataset, run, monkeypatch):
    def record(step, given):
        raise RuntimeError("operation not permitted when stream is capturing\nmore of it")

    monkeypatch.setattr(graph, "record", record)
    replayed = Replayed(run.step, (32,), torch.device("cpu"))
    with pytest.warns(UserWarning, match="^steps are not replayed: operation not permitted when stream is capturing$"):
        losses = [float(replayed(indices)) for indices in numbers(dataset, 3 * WARM_UP)]
    assert losses[-1] < losses[0]


def test_on_a_processor_nothing_is_replayed(dataset):
    plain, asked = (
        [epoch.metrics for epoch in train(SMALL, replace(FAST, replay=on), dataset, seed=0, epochs=2)]
        for on in (False, True)
    )
    assert plain == asked


class Tape(TorchDispatchMode):
    """A CUDA graph on a processor: the same operations with the same settings on the same memory, again and again.

    As there, recording computes nothing that stays, and what waits for a result cannot be recorded.
    """

    WAITS = ("_local_scalar_dense", "nonzero", "_unique2", "masked_select", "equal")

    def __init__(self):
        super().__init__()
        self.operations, self.made, self.before = [], set(), {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation.overloadpacket.__name__ in self.WAITS:
            raise RuntimeError(f"operation not permitted when stream is capturing: {operation}")
        for storage in storages((args, kwargs)):
            if storage.data_ptr() not in self.made | self.before.keys():
                self.before[storage.data_ptr()] = storage, storage.clone()
        found = operation(*args, **(kwargs or {}))
        self.made |= {storage.data_ptr() for storage in storages(found)} - self.before.keys()
        self.operations.append((operation, args, kwargs or {}, found))
        return found

    def undo(self):
        for storage, content in self.before.values():
            storage.copy_(content)

    @torch.no_grad()
    def replay(self):
        for operation, args, kwargs, found in self.operations:
            again = operation(*args, **kwargs)
            for old, new in zip(tree_leaves(found), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def storages(values):
    return [value.untyped_storage() for value in tree_leaves(values) if isinstance(value, Tensor)]


@pytest.fixture
def taped(monkeypatch):
    """Records on a processor as CUDA would; gives the tapes."""
    tapes = []

    def record(step, given):
        tape, random = Tape(), torch.get_rng_state()
        tapes.append(tape)
        with tape:
            loss = step(given)
        tape.undo()
        torch.set_rng_state(random)

        def replay():
            tape.replay()
            return loss

        return replay

    monkeypatch.setattr(graph, "record", record)
    return tapes


def replaying(run):
    """Has a training on a processor take its steps as one on a GPU."""
    run.rate = torch.zeros((), dtype=torch.float64)
    return run


CHANGES = [
    {},
    {"augment": True, "scaling": 0.3, "elimination": 0.2, "stretch": 0.01, "broadening": 1.0, "impurity": 0.2},
    {"augment": True, "shift": 0.02, "background": 0.2, "noise": 0.01},
    {"label_smoothing": 0.1, "weight_decay": 1e-2, "batch_size": 16},
    {"loss": "focal"},
    {"balance": True},
    {"precision": "bfloat16"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=repr)
def test_a_tape_of_a_step_trains_as_the_steps_do(dataset, taped, changes):
    training, device = replace(FAST, **changes), torch.device("cpu")
    network = SMALL.replace(batch_norm=True, conv_dropout=0.1, fc_dropout=0.3)
    plain = Run(network, training, dataset, seed=0, epochs=3, device=device, init=None)
    run = replaying(Run(network, training, dataset, seed=0, epochs=3, device=device, init=None))
    for _ in range(3):
        one, other = run.epoch().metrics, plain.epoch().metrics
        assert one == pytest.approx(other, rel=1e-6)
    assert len(taped) == 1 and taped[0].operations


@pytest.mark.parametrize("head", ["cosine", "adacos", "arcface"])
def test_a_tape_of_replicas_trains_as_their_steps_do(dataset, taped, head):
    network = SMALL.replace(batch_norm=True, conv_dropout=0.1, fc_dropout=0.3, head=head)
    trainings = [replace(FAST, learning_rate=rate) for rate in (3e-3, 1e-3, 3e-4)]
    plain, replicas = (Replicas([network] * 3, trainings, dataset, seeds=(0, 1, 2), epochs=9) for _ in range(2))
    for run in replicas.runs.values():
        replaying(run)
    for number in range(9):
        if number == 5:
            plain.drop(1)
            replicas.drop(1)
        for one, other in zip(replicas.epoch().values(), plain.epoch().values(), strict=True):
            assert one.metrics == pytest.approx(other.metrics, rel=1e-6)
    assert len(taped) == 2, "once for three replicas, once for the two that are left"


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=GPU)])
def device(request):
    """Where a recording is real, and a processor, where nothing is recorded: what is asked of a GPU can be asked."""
    return request.param


@pytest.fixture(scope="module")
def peaks():
    """Spectra that are rendered within the step."""
    return load("generated", classes=4, points=200, train=25, validation=5, test=3, noise=0.02, background=0.1)


@pytest.mark.parametrize("changes", CHANGES, ids=repr)
def test_replayed_epochs_equal_plain_ones(peaks, device, changes):
    training = replace(FAST, **changes)
    plain, replayed = (
        [
            epoch.metrics["train_loss"]
            for epoch in train(SMALL, replace(training, replay=on), peaks, seed=0, epochs=4, device=device)
        ]
        for on in (False, True)
    )
    assert replayed == pytest.approx(plain, rel=1e-3)


def test_a_replayed_training_goes_on_from_its_checkpoint(peaks, device):
    training = replace(FAST, replay=True)
    whole = list(train(SMALL, training, peaks, seed=0, epochs=4, device=device))
    half = train(SMALL, training, peaks, seed=0, epochs=4, device=device)
    next(half)
    state = next(half).state
    rest = train(SMALL, training, peaks, seed=0, epochs=4, device=device, state=state)
    assert [epoch.metrics["loss"] for epoch in rest] == pytest.approx([e.metrics["loss"] for e in whole[2:]], rel=1e-3)


def test_replayed_replicas_equal_plain_ones(peaks, device):
    network = SMALL.replace(batch_norm=True, fc_dropout=0.3)
    plain, replayed = (
        Replicas([network] * 3, [replace(FAST, replay=on)] * 3, peaks, seeds=(0, 1, 2), epochs=4, device=device)
        for on in (False, True)
    )
    for _ in range(4):
        for one, other in zip(replayed.epoch().values(), plain.epoch().values(), strict=True):
            assert one.metrics["train_loss"] == pytest.approx(other.metrics["train_loss"], rel=1e-3)
