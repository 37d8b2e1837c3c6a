"""What networks do to raw spectra: each step as SciPy and NumPy define it, learned from training spectra, exported."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import detrend, savgol_filter
from sklearn.preprocessing import StandardScaler

from spectune.spaces import CNN, Training
from spectune.spaces.mlp import MLP
from spectune.trainables import transfer
from spectune.trainables.data.dense import Dense
from spectune.trainables.export import read, write
from spectune.trainables.models import build, preprocess
from spectune.trainables.models.layers import Normalise, front
from spectune.trainables.replicas import Replicas
from spectune.trainables.train import train

CPU = torch.device("cpu")
RAW = np.random.default_rng(0).normal(0, 1, (40, 60)).cumsum(1) + 20.0
SMALL = MLP(depth=1, width=16, dropout=0.0)
STEPS = [
    {"low": 0.2, "high": 0.9},
    {"despike": 7},
    {"logarithm": "absorbance"},
    {"logarithm": "log"},
    {"baseline": "snip", "baseline_width": 0.1},
    {"baseline": "imodpoly", "baseline_degree": 3},
    {"baseline": "asls", "baseline_smoothness": 1e6, "baseline_asymmetry": 0.05},
    {"savgol": "smooth"},
    {"savgol": "first", "window": 7, "polynomial": 3},
    {"savgol": "second", "window": 15},
    {"detrend": 3},
    {"scatter": "msc"},
    {"preprocess": "snv"},
    {"pointwise": True},
    {
        "low": 0.1,
        "despike": 10,
        "logarithm": "log",
        "baseline": "asls",
        "savgol": "first",
        "detrend": 1,
        "scatter": "msc",
        "preprocess": "snv",
        "pointwise": True,
    },
]


def prepared(spectra, learned_from=RAW, **steps):
    """What the first layer sees of spectra (N, L)."""
    model = build(SMALL.replace(**{"preprocess": "none", **steps}), spectra.shape[1], 3)
    preprocess.fit(model, Dense(learned_from, np.zeros(len(learned_from))), CPU)
    return model[0](torch.tensor(spectra, dtype=torch.float32))[:, 0, 0].numpy()


@pytest.mark.parametrize("offset", [0.0, 20000.0])
@pytest.mark.parametrize(("window", "degree"), [(5, 2), (11, 3), (51, 4)])
@pytest.mark.parametrize(("kind", "order"), [("smooth", 0), ("first", 1), ("second", 2)])
def test_filters_are_those_of_scipy(kind, order, window, degree, offset):
    raw = (RAW + offset).astype(np.float32)
    expected = savgol_filter(raw.astype(float), window, degree, deriv=order)
    found = prepared(raw, savgol=kind, window=window, polynomial=degree)
    np.testing.assert_allclose(found, expected, atol=1e-4 + 1e-6 * offset * (order == 0))


def test_trends_are_those_of_scipy_on_any_offset():
    raw = (RAW + 20000).astype(np.float32)
    np.testing.assert_allclose(prepared(raw, detrend=1), detrend(raw.astype(float), axis=1), atol=1e-4)
    curve = 1e-2 * np.arange(60.0) ** 2
    np.testing.assert_allclose(prepared(RAW + curve, detrend=2), prepared(RAW, detrend=2), atol=1e-4)


def test_scatter_is_corrected_to_the_mean_of_the_training_spectra():
    reference = RAW.mean(axis=0)
    np.testing.assert_allclose(prepared(-30 + 2.5 * reference[None], scatter="msc")[0], reference, rtol=1e-4)
    slopes = [np.polyfit(reference, row, 1) for row in RAW]
    expected = [(row - at) / slope for row, (slope, at) in zip(RAW, slopes, strict=True)]
    np.testing.assert_allclose(prepared(RAW, scatter="msc"), expected, rtol=1e-3, atol=1e-3)


def test_points_are_standardised_as_by_scikit_learn():
    flat = RAW.copy()
    flat[:, 7] = 3.0
    new = RAW[:5] * 1.1
    found = prepared(new, learned_from=flat, pointwise=True)
    np.testing.assert_allclose(found, StandardScaler().fit(flat).transform(new), rtol=1e-4, atol=1e-4)


def test_points_are_standardised_behind_all_other_steps():
    found = prepared(RAW, savgol="first", preprocess="snv", pointwise=True)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-4)


def test_a_spike_is_replaced_and_its_surroundings_stay():
    x = np.linspace(0, 6, 60)
    clean = 5 * np.exp(-((x - 3) ** 2))[None] + np.random.default_rng(1).normal(0, 0.05, (4, 60)) + 20000
    spiked = clean.copy()
    spiked[:, 25] += 300
    found = prepared(spiked, despike=7)
    assert np.abs(found - clean).max() < 1.0
    assert (found == spiked.astype(np.float32)).mean() > 0.9
    np.testing.assert_array_equal(prepared(np.zeros((2, 60)), despike=5), np.zeros((2, 60)))


def test_absorbance_is_that_of_transmittance_and_nothing_is_below_its_floor():
    shares = np.tile([1.0, 0.1, 0.01, 0.0, -0.3, 1e-9], (2, 10))
    np.testing.assert_allclose(prepared(shares, logarithm="absorbance")[0, :6], [0, 1, 2, 4, 4, 4], atol=1e-5)
    np.testing.assert_allclose(prepared(shares, logarithm="log"), -prepared(shares, logarithm="absorbance"))


def test_a_region_leaves_the_network_only_its_points():
    network = SMALL.replace(low=0.25, high=0.75, preprocess="none")
    np.testing.assert_allclose(prepared(RAW, low=0.25, high=0.75), RAW[:, 15:45], rtol=1e-6)
    assert network.inputs(60) == 30
    built = sum(parameter.numel() for parameter in build(network, 60, 3).parameters())
    assert built == network.cost(60, 3).parameters < SMALL.cost(60, 3).parameters
    with pytest.raises(ValueError, match="a region must hold at least 8 points, got 0 of 60"):
        build(SMALL.replace(low=0.8, high=0.2), 60, 3)
    with pytest.raises(ValueError, match="window must be at most the points that are read, got 31 for 30"):
        build(network.replace(savgol="first", window=31), 60, 3)


@pytest.mark.parametrize("steps", STEPS, ids=str)
@pytest.mark.parametrize("value", [0.0, -2.0, 20000.0])
def test_spectra_that_say_nothing_stay_finite_and_gradients_flow(steps, value):
    flat = np.full((4, 60), value)
    for learned_from in (flat, RAW):
        assert np.isfinite(prepared(flat, learned_from, **steps)).all()
    model = build(SMALL.replace(**steps), 60, 3)
    preprocess.fit(model, Dense(RAW, np.zeros(40)), CPU)
    spectra = torch.tensor(RAW, dtype=torch.float32, requires_grad=True)
    model(spectra).square().sum().backward()
    assert spectra.grad.isfinite().all() and spectra.grad.abs().sum() > 0


@pytest.mark.parametrize("steps", STEPS, ids=str)
def test_an_export_holds_every_step_as_plain_onnx(steps, dataset, tmp_path):
    network, training = SMALL.replace(**steps), Training(learning_rate=1e-3, batch_size=32)
    *_, epoch = train(network, training, dataset, seed=1, epochs=2)
    weights = epoch.state["best"]["model"]
    write(tmp_path / "m", network=network, training=training, weights=weights, dataset=dataset, numbers={})
    exported = read(tmp_path / "m")
    assert exported.network == network  # and write compared the logits of both forms
    assert "\n" not in network.describe() and len(network.preparation()) == len(steps) - sum(
        name in ("window", "polynomial", "high") or name.startswith("baseline_") for name in steps
    )


def test_only_training_spectra_are_learned_from(dataset):
    network = SMALL.replace(scatter="msc", pointwise=True)
    others = replace(dataset, validation=dataset.train, test=None, digest="x")
    one, other = (next(iter(train(network, Training(), data, seed=1, epochs=1))) for data in (dataset, others))
    for name, tensor in one.state["model"].items():
        if "steps" in name:
            assert torch.equal(tensor, other.state["model"][name])
            assert tensor.abs().sum() > 0


@pytest.mark.parametrize(
    "steps",
    [{"scatter": "msc", "pointwise": True}, {"despike": 7, "savgol": "first"}, {"baseline": "asls", "pointwise": True}],
    ids=str,
)
def test_replicas_and_resumed_trainings_know_what_one_learned(dataset, steps):
    network, training = SMALL.replace(**steps), Training(learning_rate=1e-3, batch_size=32)
    alone = [[*train(network, training, dataset, seed=seed, epochs=2)][-1] for seed in (1, 2)]
    together = Replicas([network] * 2, [training] * 2, dataset, seeds=[1, 2], epochs=2)
    assert together.fused
    first = copy.deepcopy(together.epoch())
    last = together.epoch()
    for number, one in enumerate(alone):
        assert last[number].metrics["loss"] == pytest.approx(one.metrics["loss"], rel=1e-3)
    resumed = [*train(network, training, dataset, seed=1, epochs=2, state=first[0].state)][-1]
    assert resumed.metrics["loss"] == pytest.approx(alone[0].metrics["loss"], rel=1e-3)


def test_a_network_that_starts_from_others_prepares_its_own_spectra():
    network = CNN(depth=1, filters=4, pointwise=True, detrend=1)
    weights = build(network, 80, 5).state_dict()
    model = build(network, 60, 3)
    fresh = transfer.start(model, weights, keep="backbone")
    assert {"0.steps.0.basis", "0.steps.2.mean", "0.steps.2.deviation"} <= set(fresh)


def test_without_further_steps_nothing_is_there_but_the_scale():
    (only,) = front(CNN())
    assert type(only) is Normalise
    assert not any("steps" in name for name in build(CNN(), 60, 3).state_dict())
