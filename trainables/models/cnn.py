"""Builds the networks of ``spectune.spaces.cnn``."""

from __future__ import annotations

from torch import nn

from spectune.spaces.cnn import CNN, Block
from spectune.trainables.models.layers import (
    ACTIVATIONS,
    Mean,
    Same,
    SamePool,
    batch_norm,
    dropout,
    front,
    fully_connected,
    initialise,
)


def build(network: CNN, points: int, classes: int) -> nn.Module:
    """Convolution blocks, then the fully connected stack, initialised as Keras does."""
    blocks = network.blocks(points)
    layers: list[nn.Module] = [*front(network)]
    channels = 1
    for block in blocks:
        layers += _block(network, block, channels, last=block is blocks[-1])
        channels = block.filters
    if network.norm_place == "after":
        layers.append(batch_norm(channels, network.norm_momentum, weights=False))
    if network.readout == "mean":
        layers.append(Mean())
    layers.append(nn.Flatten())
    layers += fully_connected(network, network.features(points), classes, channels=channels)
    return initialise(nn.Sequential(*layers))


def _block(network: CNN, block: Block, channels: int, *, last: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for number in range(block.convolutions):
        inputs, stride = (block.filters, 1) if number else (channels, block.stride)
        if network.padding == "none":
            layers.append(nn.Conv2d(inputs, block.filters, (1, block.kernel), (1, stride)))
        else:
            layers.append(Same(inputs, block.filters, block.kernel, stride))
        activation: nn.Module = ACTIVATIONS[network.activation]()
        norm = [batch_norm(block.filters, network.norm_momentum)] if network.batch_norm else []
        if network.norm_place == "after":
            end = last and number == block.convolutions - 1
            layers += [activation] if end else [activation, *norm]
        else:
            layers += [*norm, activation]
    if block.pool_size:
        layers.append(_pool(network, block))
    return [*layers, *dropout(network.conv_dropout)]


def _pool(network: CNN, block: Block) -> nn.Module:
    if network.padding == "both":
        return SamePool(network.pooling, block.pool_size, block.pool_stride)
    kind = nn.MaxPool2d if network.pooling == "max" else nn.AvgPool2d
    return kind((1, block.pool_size), (1, block.pool_stride))
