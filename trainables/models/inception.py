"""Builds the networks of ``spectune.spaces.inception``. B batch, C channels, L points."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spectune.spaces.inception import Inception, Module
from spectune.trainables.models.layers import Mean, convolution, front, fully_connected, initialise


def build(network: Inception, points: int, classes: int) -> nn.Module:
    """The stem, the inception modules, then the fully connected stack, initialised as Keras does."""
    layers: list[nn.Module] = [*front(network)]
    channels, length = 1, points
    for stage in network.stem(points):
        layers += convolution(network, channels, stage.filters, stage.kernel, stride=stage.stride)
        layers.append(nn.MaxPool2d((1, stage.pool_size), (1, stage.pool_stride)))
        channels, length = stage.filters, stage.length
    for module in network.module_widths():
        layers.append(Branches(network, channels, module))
        channels = module.outputs
    if network.readout == "mean":
        layers.append(Mean())
    layers.append(nn.Flatten())
    layers += fully_connected(network, network.features(length), classes, channels=channels)
    return initialise(nn.Sequential(*layers))


class Branches(nn.Module):
    """One inception module: four branches side by side, (B, C, 1, L) to (B, sum of their channels, 1, L)."""

    def __init__(self, network: Inception, channels: int, module: Module) -> None:
        super().__init__()
        small, wide = network.small_kernel, network.wide_kernel
        self.point = nn.Sequential(*convolution(network, channels, module.point, 1))
        self.small = nn.Sequential(
            *convolution(network, channels, module.small_in, 1),
            *convolution(network, module.small_in, module.small, small),
        )
        self.wide = nn.Sequential(
            *convolution(network, channels, module.wide_in, 1),
            *convolution(network, module.wide_in, module.wide, wide),
        )
        self.pooled = nn.Sequential(  # as in Keras, the mean at an end is over the points that are there
            nn.AvgPool2d((1, 3), stride=1, padding=(0, 1), count_include_pad=False),
            *convolution(network, channels, module.pooled, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.point(x), self.small(x), self.wide(x), self.pooled(x)], dim=1)
