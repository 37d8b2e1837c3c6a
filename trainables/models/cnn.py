"""Builds the networks of ``spectune.spaces.cnn``."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from spectune.spaces.cnn import CNN, Block
from spectune.trainables.models.layers import ACTIVATIONS, Normalise, Same, initialise


def build(network: CNN, points: int, classes: int) -> nn.Module:
    """Convolution blocks, then the fully connected stack, initialised as Keras does."""
    blocks = network.blocks(points)
    layers: list[nn.Module] = [Normalise()]
    channels = 1
    for block in blocks:
        layers += _block(network, block, channels)
        channels = block.filters
    layers.append(nn.Flatten())
    layers += _fully_connected(network, channels * blocks[-1].length, classes)
    return initialise(nn.Sequential(*layers))


def _block(network: CNN, block: Block, channels: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for number in range(block.convolutions):
        inputs, stride = (block.filters, 1) if number else (channels, block.stride)
        layers.append(Same(inputs, block.filters, block.kernel, stride))
        if network.batch_norm:
            layers.append(nn.BatchNorm2d(block.filters, eps=1e-3, momentum=0.01))
        layers.append(ACTIVATIONS[network.activation]())
    if block.pool_size:
        pool = nn.MaxPool2d if network.pooling == "max" else nn.AvgPool2d
        layers.append(pool((1, block.pool_size), (1, block.pool_stride)))
    return [*layers, *_dropout(network.conv_dropout)]


def _fully_connected(network: CNN, features: int, classes: int) -> list[nn.Module]:
    """Dropout comes before every layer, the output among them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((features, *network.fc_widths())):
        layers += [*_dropout(network.fc_dropout), nn.Linear(inputs, outputs)]
        if network.fc_activation != "linear":
            layers.append(ACTIVATIONS[str(network.fc_activation)]())
    last = (features, *network.fc_widths())[-1]
    return [*layers, *_dropout(network.fc_dropout), nn.Linear(last, classes)]


def _dropout(share: float) -> list[nn.Module]:
    return [nn.Dropout(share)] if share else []
