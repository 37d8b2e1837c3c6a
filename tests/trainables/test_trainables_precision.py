"""Low precision on a processor: products in bfloat16, everything between them in float32."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spectune.trainables.precision import arithmetic

CPU = torch.device("cpu")


def test_products_are_those_of_bfloat16_and_what_they_give_is_float32_again():
    x, weight, bias = torch.randn(8, 5), torch.randn(3, 5), torch.randn(3)
    with arithmetic("bfloat16", CPU):
        found = F.linear(x, weight, bias)
    assert found.dtype == torch.float32
    assert torch.equal(found, F.linear(x.bfloat16(), weight.bfloat16(), bias.bfloat16()).float())
    assert not torch.equal(found, F.linear(x, weight, bias))


def test_what_is_between_them_is_not_rounded():
    torch.manual_seed(0)
    x, norm = 1 + torch.rand(4, 6, 1, 50) / 1000, nn.BatchNorm2d(6)
    with arithmetic("bfloat16", CPU):
        low = F.max_pool2d(norm(x).exp(), (1, 2))
    torch.testing.assert_close(low, F.max_pool2d(norm(x).exp(), (1, 2)), rtol=1e-6, atol=1e-6)


def test_weights_learn_in_float32():
    layer = nn.Conv2d(2, 3, (1, 5))
    with arithmetic("bfloat16", CPU):
        loss = layer(torch.randn(4, 2, 1, 20)).square().mean()
    loss.backward()
    assert layer.weight.grad.dtype == torch.float32
    assert layer.weight.grad.abs().max() > 0


def test_by_default_a_processor_computes_in_float32():
    x, weight = torch.randn(8, 5), torch.randn(3, 5)
    for precision in ("auto", "float32"):
        with arithmetic(precision, CPU):
            assert torch.equal(F.linear(x, weight), x @ weight.T)
