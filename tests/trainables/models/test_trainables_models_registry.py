"""What every architecture keeps. A new family is tested because it is in FAMILIES and in BUILDERS."""

from __future__ import annotations

import io
import itertools
import math
import random
from dataclasses import dataclass

import onnxruntime
import pytest
import torch

from spectune.spaces import FAMILIES, PUBLISHED, Network, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.domain import Choice, Int
from spectune.spaces.preprocess import Preprocessed
from spectune.trainables.export import read, write
from spectune.trainables.models import BUILDERS, build
from spectune.trainables.summary import layers
from spectune.trainables.train import train

POINTS, CLASSES = 96, 4
MOST = 3_000_000  # multiply-adds per spectrum of the networks that are run: the tests are to be quick
SEEDS = range(6)


@dataclass(frozen=True)
class Case:
    name: str
    network: Network


def pick(choose_by):
    return lambda _, domain: choose_by(domain.options if isinstance(domain, Choice) else (domain.low, domain.high))


def works(network, most=math.inf):
    try:
        return network.cost(POINTS, CLASSES).macs <= most
    except ValueError:
        return False


def at_random(seed):
    source = random.Random(seed)

    def choose(_, domain):
        if isinstance(domain, Choice):
            return source.choice(domain.options)
        if isinstance(domain.low, int):
            step = domain.step * int(source.expovariate(8 / domain.size))
            return min(domain.high, domain.low + step)
        return source.uniform(domain.low, domain.high)

    return choose


def cases():
    """Every space at its default, at its smallest corner, at random; and the published networks with narrow FCs."""
    for name, space in FAMILIES.items():
        yield Case(f"{name}-default", space())
        yield Case(f"{name}-lowest", space.propose(pick(lambda values: values[0])))
        fixed = [hp.name for hp in hyperparameters(space) if not hp.search]
        for seed in SEEDS:
            vary = fixed if seed % 2 else ()  # every second one with what a search leaves alone, too
            tried = (space.propose(at_random(1000 * seed + number), vary=vary) for number in itertools.count())
            yield Case(f"{name}-random{seed}", next(network for network in tried if works(network, MOST)))


def trained_at_random(name):
    """A training with every kind of loss, schedule and augmentation over the cases."""
    fixed = {"learning_rate": 1e-3, "patience": 25, "min_delta": 1e-4, "precision": "float32"}
    vary = [hp.name for hp in hyperparameters(Training) if not hp.search and hp.name not in fixed]
    source = random.Random(name)
    return Training.propose(
        lambda _, domain: (
            source.choice(domain.options)
            if isinstance(domain, Choice)
            else source.randint(domain.low, domain.high)
            if isinstance(domain, Int)
            else source.uniform(domain.low, domain.high)
        ),
        fixed,
        vary,
    )


def all_cases(found):
    return pytest.mark.parametrize("case", list(found), ids=lambda case: case.name)


def highest():
    """The corners too large to run, and the published networks: only counted."""
    for name, space in FAMILIES.items():
        yield Case(f"{name}-highest", space.propose(pick(lambda values: values[-1])))
    for name, published in PUBLISHED.items():
        yield Case(name, published.network)


def test_every_space_has_a_builder():
    assert set(BUILDERS) == set(FAMILIES.values())


@all_cases([*cases(), *(case for case in highest() if works(case.network))])
def test_the_network_has_as_many_parameters_as_its_config_says(case):
    with torch.device("meta"):
        model = build(case.network, POINTS, CLASSES)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters == case.network.cost(POINTS, CLASSES).parameters


@all_cases([*cases(), *(case for case in highest() if works(case.network))])
def test_its_layers_cost_together_what_its_config_says(case):
    found = layers(case.network, POINTS, CLASSES)
    cost = case.network.cost(POINTS, CLASSES)
    assert sum(layer.macs for layer in found) == cost.macs
    assert sum(layer.parameters for layer in found) == cost.parameters
    assert found[-1].shape == (CLASSES,)


@all_cases(cases())
def test_it_trains_and_resumes_to_the_same_metrics(case, dataset):
    training = trained_at_random(case.name)
    other = build(case.network, POINTS, CLASSES + 1).state_dict()  # where the training's init says so
    epochs = train(case.network, training, dataset, seed=0, epochs=2, init=other)
    epoch = next(epochs)
    saved = io.BytesIO()
    torch.save(epoch.state, saved)
    assert all(math.isfinite(value) for value in epoch.metrics.values())
    assert all(tensor.isfinite().all() for tensor in epoch.state["model"].values())
    saved.seek(0)
    state = torch.load(saved, weights_only=True)
    resumed = train(case.network, training, dataset, seed=0, epochs=2, state=state, init=other)
    left = [later.metrics for later in epochs]
    assert left == [later.metrics for later in resumed]
    assert epoch.last is not bool(left)
    model = build(case.network, POINTS, CLASSES)
    steps = any(parameter.requires_grad for parameter in model.parameters())
    assert len(left) == steps == case.network.by_steps, "what has nothing to step on is fitted in one epoch"


@all_cases(case for case in cases() if case.network.by_steps)
def test_its_gradients_are_finite(case, dataset):
    torch.manual_seed(0)
    model = build(case.network, POINTS, CLASSES).train()
    spectra = dataset.train.batch(torch.arange(0, 100, 10))
    torch.nn.functional.cross_entropy(model(spectra), torch.from_numpy(dataset.train.labels)[::10]).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert any(parameter.grad.any() for parameter in model.parameters())


def exported():
    """All of them, the most of those at random only when slow tests are asked for."""
    for case in cases():
        many = case.name.partition("-random")[2] not in ("", "0")
        yield pytest.param(case, marks=[pytest.mark.slow] if many else [])
    for name, space in FAMILIES.items():
        for method in ("snip", "imodpoly", "asls") if issubclass(space, Preprocessed) else ():
            yield pytest.param(Case(f"{name}-{method}", space(baseline=method)), marks=[pytest.mark.slow])


@pytest.mark.parametrize("case", list(exported()), ids=lambda case: case.name)
def test_the_export_gives_the_same_numbers(case, dataset, tmp_path):
    torch.manual_seed(1)
    model = build(case.network, POINTS, CLASSES).eval()
    weights = model.state_dict()
    write(tmp_path / "model", network=case.network, training=Training(), weights=weights, dataset=dataset, numbers={})
    spectra = dataset.test.batch(torch.arange(12))
    expected = model(spectra).detach()
    session = onnxruntime.InferenceSession(tmp_path / "model/model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"spectra": spectra.numpy()})
    close = 1e-4 * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(torch.from_numpy(logits), expected, rtol=1e-4, atol=close)
    exported = read(tmp_path / "model")
    assert exported.network == case.network
    probabilities = torch.from_numpy(exported.predict(spectra.numpy()))
    torch.testing.assert_close(probabilities, expected.double().softmax(1), rtol=1e-4, atol=1e-6)
    assert case.network.describe() in (tmp_path / "model/README.md").read_text()
