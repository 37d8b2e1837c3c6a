"""Builds the networks of ``spectune.spaces.mlp``."""

from __future__ import annotations

from torch import nn

from spectune.spaces.mlp import MLP
from spectune.trainables.models.layers import ACTIVATIONS, Linear, dropout, front, initialise, output


def build(network: MLP, points: int, classes: int) -> nn.Module:
    """Hidden layers on the raw points, then the output."""
    layers: list[nn.Module] = [*front(network), nn.Flatten()]
    features = points
    for width, share in zip(network.widths(), network.dropouts(), strict=True):
        layers.append(Linear(features, width))
        if network.batch_norm:
            layers.append(nn.BatchNorm1d(width, eps=1e-3, momentum=network.norm_momentum))
        layers += [ACTIVATIONS[network.activation](), *dropout(share)]
        features = width
    return initialise(nn.Sequential(*layers, output(network, features, classes)))
