"""Convolution by Fourier transform against torch's direct one, and where networks use it."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from spectune.spaces import CNN, PUBLISHED
from spectune.trainables.models import build, layers, spectral
from spectune.trainables.models.spectral import convolve


def numbers(function, *tensors):
    """The result and the gradients of every tensor under a fixed random change of the result."""
    tensors = [tensor.detach().requires_grad_() for tensor in tensors]
    result = function(*tensors)
    change = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
    return [result, *torch.autograd.grad(result, tensors, change)]


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize(("points", "kernel"), [(40, 9), (41, 10), (61, 25), (64, 1), (7, 12)])
@pytest.mark.parametrize("cached", [spectral.CACHED, 1], ids=["all", "one by one"])
def test_result_and_gradients_are_those_of_the_direct_convolution(monkeypatch, cached, points, kernel, stride):
    monkeypatch.setattr(spectral, "CACHED", cached)
    random = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 1, points, generator=random).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(5, 4, 1, kernel, generator=random) / (4 * kernel) ** 0.5
    bias = torch.randn(5, generator=random)
    total = max((-(-points // stride) - 1) * stride + kernel - points, 0)
    left, right = total // 2, total - total // 2
    direct = numbers(lambda x, w, b: F.conv2d(F.pad(x, (left, right)), w, b, (1, stride)), x, weight, bias)
    found = numbers(lambda x, w, b: convolve(x, w, b, stride=stride, left=left), x, weight, bias)
    for ours, theirs in zip(found, direct, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)


def test_works_without_a_bias_and_without_a_gradient_of_the_input():
    x = torch.randn(2, 3, 1, 30)
    weight = torch.randn(4, 3, 1, 9, requires_grad=True)
    result = convolve(x, weight, None, stride=1, left=4)
    torch.testing.assert_close(result, F.conv2d(x, weight, padding=(0, 4)), rtol=1e-4, atol=2e-5)
    result.sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("name", ["cnn2", "cnn6"])
def test_a_network_gives_the_same_numbers_directly_and_spectrally(monkeypatch, name):
    network = PUBLISHED[name].network.replace(fc_width=(20, 16), fc_dropout=0.0)
    model = build(network, 400, 5)
    assert any(getattr(module, "spectral", False) for module in model.modules())
    spectra = torch.rand(4, 400)
    found = model(spectra)
    found.square().sum().backward()
    grads = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    calls = []
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: calls.append(1) or True)
    direct = model(spectra)
    direct.square().sum().backward()
    assert calls
    torch.testing.assert_close(found, direct, rtol=1e-4, atol=1e-5)
    for ours, parameter in zip(grads, model.parameters(), strict=True):
        torch.testing.assert_close(ours, parameter.grad, rtol=1e-3, atol=1e-5 * float(parameter.grad.abs().max() + 1))


def test_narrow_kernels_and_few_channels_stay_direct(monkeypatch):
    monkeypatch.setattr(layers, "convolve", None)
    model = build(CNN(depth=3, filters=64, kernel_size=5, kernel_last=5), 100, 3)
    assert model(torch.rand(2, 100)).shape == (2, 3)
    model = build(CNN(depth=3, filters=8, kernel_size=21, kernel_last=21), 100, 3)
    assert model(torch.rand(2, 100)).shape == (2, 3)
