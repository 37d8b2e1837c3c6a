"""The networks: published sizes, Keras' padding and initialisation, and what a built network promises."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.signal import find_peaks
from torch import nn

from spectune.spaces import CNN, FAMILIES, PUBLISHED, Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.mlp import MLP
from spectune.trainables.data import load
from spectune.trainables.models import build, restored
from spectune.trainables.models.layers import Normalise, Peaks, Same
from spectune.trainables.train import train

BY_STEPS = [family() for family in FAMILIES.values() if family.by_steps]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_the_published_size(name):
    network, _, _, points, classes, published = PUBLISHED[name]
    with torch.device("meta"):
        model = build(network, points, classes)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters == network.cost(points, classes).parameters
    assert published in (parameters, None)


@pytest.mark.parametrize("network", BY_STEPS, ids=lambda network: network.family)
def test_a_restored_network_is_the_trained_one_and_draws_nothing(network):
    trained = build(network, 64, 5, multilabel=True).eval()
    weights, random = trained.state_dict(), torch.get_rng_state()
    model = restored(network, 64, 5, weights, multilabel=True).eval()
    assert torch.equal(torch.get_rng_state(), random)
    spectra = torch.rand(3, 64)
    assert torch.equal(model(spectra), trained(spectra))
    assert all(tensor.data_ptr() == weights[name].data_ptr() for name, tensor in model.state_dict().items())
    with pytest.raises(ValueError, match="weights must have the names and shapes of their network"):
        restored(network, 64, 6, weights, multilabel=True)


def test_spectra_are_divided_by_their_own_maximum():
    model = build(CNN(depth=2), 64, 5).eval()
    spectra = torch.rand(3, 64) + 0.1
    scaled = spectra * torch.tensor([[1.0], [50.0], [1e-3]])
    torch.testing.assert_close(model(scaled), model(spectra), rtol=1e-5, atol=1e-6)


PREPARED = {
    "max": lambda x: x / x.max(),
    "none": lambda x: x,
    "area": lambda x: x / np.abs(x).mean(),
    "snv": lambda x: (x - x.mean()) / x.std(),
    "sqrt": lambda x: np.sqrt(np.clip(x / x.max(), 0, None)),
    "derivative": lambda x: np.diff(x / x.max(), prepend=x[0] / x.max()) / np.abs(np.diff(x / x.max())).max(),
}


@pytest.mark.parametrize("kind", PREPARED)
def test_spectra_are_prepared_as_asked_for(kind):
    spectra = torch.from_numpy(np.random.default_rng(0).normal(1.0, 2.0, (3, 50)))
    expected = np.stack([PREPARED[kind](row) for row in spectra.numpy()])
    np.testing.assert_allclose(Normalise(kind)(spectra)[:, 0, 0].numpy(), expected, rtol=1e-9, atol=1e-12)
    (domain,) = [hp.domain for hp in hyperparameters(CNN) if hp.name == "preprocess"]
    assert set(domain.options) == set(PREPARED)


@pytest.mark.parametrize("kind", PREPARED)
@pytest.mark.parametrize("value", [0.0, -2.0])
def test_a_spectrum_without_a_positive_value_stays_finite(value, kind):
    model = build(CNN(depth=1, preprocess=kind), 32, 4).eval()
    assert model(torch.full((2, 32), value)).isfinite().all()


def keras_same(x, weight, bias, stride):
    """SAME convolution spelled out, as Keras documents it: ceil(L / stride) points, padding left = total // 2."""
    length, kernel = x.shape[-1], weight.shape[-1]
    outputs = -(-length // stride)
    left = max((outputs - 1) * stride + kernel - length, 0) // 2
    result = torch.zeros(len(x), len(weight), outputs)
    for position in range(outputs):
        for tap in range(kernel):
            source = position * stride + tap - left
            if 0 <= source < length:
                result[:, :, position] += x[:, :, source] @ weight[:, :, tap].T
    return result + bias[:, None]


def convolutions(model):
    return [module for module in model.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize("points", [33, 40])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [3, 4, 9, 50])
def test_convolutions_pad_like_keras(points, stride, kernel):
    network = CNN(
        depth=1,
        filters=4,
        kernel_size=kernel,
        kernel_last=kernel,
        stride=stride,
        pooling="none",
        fc_depth=0,
        fc_dropout=0.0,
        convs_per_block=2,
    )
    model = build(network, points, 3).eval()
    x = torch.rand(2, points)
    x /= x.amax(1, keepdim=True)
    first, second = convolutions(model)
    for layer in (first, second):
        nn.init.uniform_(layer.bias)
    expected = keras_same(x[:, None], first.weight.squeeze(2), first.bias, stride).relu()
    expected = keras_same(expected, second.weight.squeeze(2), second.bias, 1).relu()
    output = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    torch.testing.assert_close(model(x), output(expected.flatten(1)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (1, 3), (2, 2), (3, 2), (2, 3), (4, 1)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_pools_are_not_padded(pooling, size, stride, batch_norm):
    network = CNN(
        depth=1,
        filters=4,
        kernel_size=4,
        kernel_last=4,
        pooling=pooling,
        pool_size=size,
        pool_stride=stride,
        batch_norm=batch_norm,
        activation="leaky_relu",
        fc_depth=0,
        fc_dropout=0.0,
    )
    model = build(network, 35, 3).train()
    x = torch.rand(3, 35)
    x /= x.amax(1, keepdim=True)
    (layer,) = convolutions(model)
    conv = keras_same(x[:, None], layer.weight.squeeze(2), layer.bias, 1)
    if batch_norm:
        conv = (conv - conv.mean((0, 2), keepdim=True)) / (conv.var((0, 2), correction=0, keepdim=True) + 1e-3).sqrt()
    conv = torch.where(conv > 0, conv, 0.1 * conv)
    windows = conv.unfold(-1, size, stride)
    pooled = windows.amax(-1) if pooling == "max" else windows.mean(-1)
    output = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    torch.testing.assert_close(model(x), output(pooled.flatten(1)), rtol=1e-4, atol=1e-5)


def test_weights_start_as_in_keras():
    model = build(PUBLISHED["cnn2"].network.replace(fc_width=(200, 100)), 500, 7)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert not module.bias.any()
            taps = module.weight[0, 0].numel()
            outputs, inputs = module.weight.shape[0] * taps, module.weight.shape[1] * taps
            limit = (6 / (inputs + outputs)) ** 0.5
            assert module.weight.abs().max() <= limit
            assert module.weight.abs().max() > 0.95 * limit
            assert module.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.1)


def test_batch_normalisation_as_in_keras():
    model = build(PUBLISHED["cnn_bn"].network.replace(fc_width=32), 100, 5)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 3
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.01, 1e-3)}


def dropouts(name):
    return [module.p for module in build(PUBLISHED[name].network, 500, 5).modules() if isinstance(module, nn.Dropout)]


def test_dropout_comes_before_every_fc_layer_and_the_output_or_after_every_block():
    assert dropouts("cnn6") == [0.7] * 3
    assert dropouts("vgg") == [0.2] * 4
    kinds = [type(module) for module in build(PUBLISHED["cnn2"].network, 500, 5).modules()]
    linear = [index for index, kind in enumerate(kinds) if issubclass(kind, nn.Linear)]
    assert [kinds[index - 1] for index in linear] == [nn.Dropout] * 3


def test_fc_activation_follows_hidden_layers_only():
    model = build(CNN(depth=1, fc_depth=2, fc_activation="gelu"), 64, 5)
    kinds = [type(module) for module in model.modules()]
    assert kinds.count(nn.GELU) == 2
    assert kinds[-1] is nn.Linear


def test_a_network_that_pools_the_signal_away_is_refused():
    with pytest.raises(ValueError, match="pooling must leave a signal, but block 6"):
        build(CNN(depth=8, pool_size=2, pool_stride=2), 32, 3)


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="known families are cnn"):
        build(object(), 32, 3)


def listed(row, number):
    """The peak list as scipy finds it."""
    found, _ = find_peaks(row, height=0.05 * row.max())
    best = np.sort(found[np.argsort(-row[found])][:number])
    places, heights = np.zeros(number), np.zeros(number)
    places[: len(best)], heights[: len(best)] = best / (len(row) - 1), row[best]
    return np.concatenate([places, heights, [len(found) / number]])


@pytest.mark.parametrize("number", [3, 25])
def test_the_list_of_peaks_is_that_of_scipy(number):
    random = np.random.default_rng(0)
    rows = random.random((6, 120)) * (np.arange(120) % 119 > 0)  # the ends are no local maxima to scipy
    spectra = torch.from_numpy(rows)[:, None, None]
    expected = np.stack([listed(row, number) for row in rows])
    np.testing.assert_allclose(Peaks("peaks", number)(spectra)[:, 0, 0].numpy(), expected, rtol=1e-6)
    both = Peaks("both", number)(spectra)[:, 0, 0].numpy()
    np.testing.assert_allclose(both, np.hstack([rows, expected]), rtol=1e-6)
    sticks = Peaks("sticks", number)(spectra)[:, 0, 0].numpy()
    for row, stick in zip(rows, sticks, strict=True):
        found, _ = find_peaks(row, height=0.05 * row.max())
        assert np.array_equal(np.flatnonzero(stick), found) and np.array_equal(stick[found], row[found])


def test_a_flat_spectrum_has_no_peaks():
    assert not Peaks("peaks", 4)(torch.zeros(2, 1, 1, 50)).any()
    assert not Peaks("sticks", 4)(torch.full((2, 1, 1, 50), 0.0)).any()


def test_more_peaks_than_a_spectrum_can_have_are_refused():
    with pytest.raises(ValueError, match="peaks must be at most half the points, got 40 for 64 points"):
        build(MLP(reading="peaks", peaks=40), 64, 3)


@pytest.mark.parametrize(("reading", "sees"), [("sticks", True), ("spectrum", False)])
def test_only_peaks_are_seen_through_a_background_ten_times_their_height(reading, sees):
    shape = {"classes": 10, "points": 300, "shift": 0.005, "background": 10.0}
    dataset = load("generated", train=10, validation=10, **shape)
    network = MLP(depth=1, width=64, dropout=0.0, reading=reading)
    *_, last = train(network, Training(learning_rate=3e-3, batch_size=16), dataset, seed=0, epochs=40)
    assert (last.state["best"]["metrics"]["accuracy"] > 0.6) == sees


STRIDED = """
import torch
from spectune.trainables.models.layers import Same
torch.set_num_threads(1)
for inputs, outputs in ((2, 2), (4, 3), (3, 12)):
    for _ in range(6):
        x = torch.randn(16, inputs, 1, 500).contiguous(memory_format=torch.channels_last).requires_grad_()
        Same(inputs, outputs, 1, 2)(x).sum().backward()
"""


def test_a_strided_kernel_of_one_point_leaves_memory_whole():
    """torch 2.13's own gradient of it writes beyond its memory, which ends the process sooner or later."""
    done = subprocess.run([sys.executable, "-c", STRIDED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_strided_kernel_of_one_point_takes_every_second_point():
    layer, x = Same(4, 3, 1, 2), torch.randn(2, 4, 1, 51)
    torch.testing.assert_close(layer(x), torch.nn.functional.conv2d(x, layer.weight, layer.bias, (1, 2)))
