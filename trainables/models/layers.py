"""Layers that behave as in Keras, which the published networks were trained with. B batch, C channels, L points."""

from __future__ import annotations

import functools
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": functools.partial(nn.LeakyReLU, 0.1),  # the slope of the published CNN-BN
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class Normalise(nn.Module):
    """Divides each spectrum by its own maximum and adds a channel: (B, L) to (B, 1, L).

    A spectrum without a positive value stays as it is.
    """

    def forward(self, spectra: Tensor) -> Tensor:
        highest = spectra.amax(dim=1, keepdim=True)
        return (spectra / highest.where(highest > 0, 1.0)).unsqueeze(1)


class Same(nn.Conv1d):
    """A convolution padded like Keras' SAME: ceil(L / stride) points, the odd zero on the right."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        length = x.shape[-1]
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        return super().forward(F.pad(x, (total // 2, total - total // 2)))


def initialise(model: nn.Module) -> nn.Module:
    """Keras' defaults: Glorot-uniform weights and zero biases in every convolution and fully connected layer."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    return model
