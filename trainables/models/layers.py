"""Layers that behave as in Keras, which the published networks were trained with.

A spectrum travels as an image of height 1 in channels-last memory: on a processor, convolutions take 0.8 and pools
0.15 of the time that they take as one-dimensional layers. B batch, C channels, L points, K kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces import Network
from spectune.spaces.layers import Stacked
from spectune.trainables.models.heads import HEADS
from spectune.trainables.models.preprocess import Normalise as Normalise  # noqa: PLC0414 (own files of users import it here)
from spectune.trainables.models.preprocess import preparing
from spectune.trainables.models.spectral import convolve

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": functools.partial(nn.LeakyReLU, 0.1),  # the slope of the published CNN-BN
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class Peaks(nn.Module):
    """The peaks of prepared spectra (B, 1, 1, L): local maxima of at least a twentieth of the largest.

    ``sticks`` keeps them in place with zeros between, ``peaks`` gives (B, 1, 1, 2 K + 1): the places of the K highest
    in ascending order as shares of the axis, their heights (0 where there are fewer), and the number of all as a share
    of K; ``both`` puts that behind the spectrum. The crystal-system study takes the first ten instead of the highest.
    """

    def __init__(self, kind: str, number: int) -> None:
        super().__init__()
        self.kind = kind
        self.number = number

    def forward(self, x: Tensor) -> Tensor:
        spectra = x[:, 0, 0]
        before, after = F.pad(spectra, (1, 0))[:, :-1], F.pad(spectra, (0, 1))[:, 1:]
        high = spectra >= 0.05 * spectra.amax(dim=1, keepdim=True)
        there = (spectra > before) & (spectra >= after) & (spectra > 0) & high
        if self.kind == "sticks":
            return x * there[:, None, None]
        heights, places = spectra.where(there, 0.0).topk(self.number, dim=1)
        last = spectra.shape[1] - 1
        places = (places / last).where(heights > 0, 2.0)  # what is no peak comes last
        places, order = places.sort(dim=1)
        heights = heights.gather(1, order)
        count = there.sum(dim=1, keepdim=True) / self.number
        listed = torch.cat([places.where(heights > 0, 0.0), heights, count], dim=1)[:, None, None]
        return torch.cat([x, listed], dim=3) if self.kind == "both" else listed


def front(network: Network) -> list[nn.Module]:
    """What every network begins with: raw spectra (B, L) prepared, and what of them is read, (B, 1, 1, inputs)."""
    layers = [] if network.reading == "spectrum" else [Peaks(network.reading, network.peaks or 0)]
    return [preparing(network), *layers]


class Same(nn.Conv2d):
    """A convolution along the points, padded like Keras' SAME: ceil(L / stride) points, the odd zero on the right.

    On a processor it takes the fastest of three ways to the same numbers (to float32 rounding).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, (1, kernel), (1, stride), groups=groups)
        products = kernel * inputs * outputs / (inputs + outputs)  # per point, against the cost of transforming it
        self.spectral = groups == 1 and kernel >= 8 * stride and products >= 128 * stride

    def forward(self, x: Tensor) -> Tensor:
        length, kernel, stride = x.shape[-1], self.kernel_size[1], self.stride[1]
        if kernel == 1:  # torch 2.13 writes beyond its memory in the backward pass of a strided one of few channels
            return F.conv2d(x[..., ::stride], self.weight, self.bias, groups=self.groups)
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        left, right = total // 2, total - total // 2
        native = x.device.type == "cpu" and x.dtype == self.weight.dtype
        if native and not torch.compiler.is_compiling():  # an exported network holds plain convolutions
            if self.in_channels == 1:
                windows = F.pad(x, (left, right))[:, 0, 0].unfold(-1, kernel, stride)  # (B, L, K)
                return F.linear(windows, self.weight[:, 0, 0], self.bias).mT[:, :, None]
            if self.spectral and x.dtype == torch.float32:  # its waves are no more precise
                return convolve(x, self.weight, self.bias, stride=stride, left=left)
        return F.conv2d(F.pad(x, (left, right)), self.weight, self.bias, self.stride, groups=self.groups)


class SamePool(nn.Module):
    """A max or average pool padded like Keras' SAME: ceil(L / stride) points; means are over what is there."""

    def __init__(self, kind: str, size: int, stride: int) -> None:
        super().__init__()
        self.kind = kind
        self.size = size
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[-1]
        total = max((-(-length // self.stride) - 1) * self.stride + self.size - length, 0)
        padding, size, stride = (total // 2, total - total // 2), (1, self.size), (1, self.stride)
        if self.kind == "max":
            return F.max_pool2d(F.pad(x, padding, value=float("-inf")), size, stride)
        there = F.pad(torch.ones_like(x[:1, :1]), padding)
        return F.avg_pool2d(F.pad(x, padding), size, stride) / F.avg_pool2d(there, size, stride)


class Mean(nn.Module):
    """The mean of every channel, (B, C, 1, L) to (B, C, 1, 1); torch has a layer that vmap cannot see through."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3), keepdim=True)


def batch_norm(channels: int, momentum: float | None, *, weights: bool = True) -> nn.Module:
    """Batch normalisation of (B, C, 1, L) with Keras' epsilon."""
    assert momentum is not None, "a network with batch normalisation has a momentum"
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=momentum, affine=weights)


def dropout(share: float) -> list[nn.Module]:
    """Dropout, or nothing."""
    return [nn.Dropout(share)] if share else []


def convolution(network: Convolved, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> list[nn.Module]:
    """A convolution with its normalisation and activation."""
    norm = [batch_norm(outputs, network.norm_momentum)] if network.batch_norm else []
    return [Same(inputs, outputs, kernel, stride), *norm, ACTIVATIONS[network.activation]()]


class Convolved(Protocol):
    """A config whose convolutions are alike."""

    @property
    def batch_norm(self) -> bool: ...
    @property
    def norm_momentum(self) -> float | None: ...
    @property
    def activation(self) -> str: ...


def fully_connected(network: Stacked, features: int, classes: int, *, channels: int) -> list[nn.Module]:
    """The FC stack with the output: dropout before every layer, the output among them.

    ``features`` are those of ``channels``, one after the other.
    """
    layers: list[nn.Module] = []
    for number, width in enumerate(network.fc_widths()):
        layers += [*dropout(network.fc_dropout), Linear(features, width, 1 if number else channels)]
        if network.fc_activation != "linear":
            layers.append(ACTIVATIONS[str(network.fc_activation)]())
        if network.fc_norm:
            layers.append(nn.BatchNorm1d(width, eps=1e-3, momentum=0.01))
        features = width
    return [*layers, *dropout(network.fc_dropout), output(network, features, classes)]


@runtime_checkable
class Stretched(Protocol):
    """A layer with parameters that lie along the axis, which says how they fit an axis of another length."""

    def stretched(self, parameter: str, weights: Tensor) -> Tensor | None:
        """``weights`` of one of its parameters, by name, in this layer's shape; None where they do not fit it."""


class Linear(nn.Linear):
    """A fully connected layer that reads what lies along the axis: of ``channels`` the points, one after the other."""

    def __init__(self, features: int, outputs: int, channels: int = 1) -> None:
        super().__init__(features, outputs)
        self.channels = channels

    def stretched(self, parameter: str, weights: Tensor) -> Tensor | None:
        return spread(weights, self.weight.shape, self.channels) if parameter == "weight" else None


def spread(weights: Tensor, shape: torch.Size, channels: int = 1) -> Tensor | None:
    """Weights (outputs, C x L) interpolated to ``shape``: the same sums over another number of points. None where they
    are of another layer."""
    if weights.ndim != 2 or len(weights) != shape[0] or weights.shape[1] % channels:
        return None
    long = F.interpolate(weights.reshape(len(weights), channels, -1), shape[1] // channels, mode="linear")
    return long.flatten(1) * (weights.shape[1] / shape[1])


def output(network: Network, features: int, classes: int) -> nn.Module:
    """The output layer: linear, or a head that compares directions."""
    if network.head == "linear":
        return nn.Linear(features, classes)
    return HEADS[network.head](features, classes, scale=network.head_scale or 0.0, margin=network.head_margin or 0.0)


def initialise(model: nn.Module) -> nn.Module:
    """Keras' defaults: Glorot-uniform weights and zero biases in every convolution and fully connected layer."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    return model
