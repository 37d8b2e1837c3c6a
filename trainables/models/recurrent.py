"""Builds the networks of ``spectune.spaces.recurrent``. B batch, C channels, L points, F features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spectune.spaces.recurrent import Recurrent
from spectune.trainables.models.layers import Same, dropout, front, fully_connected, initialise

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
ORDERS = {nn.LSTM: ((0, 3, 1, 2), "LSTM"), nn.GRU: ((1, 0, 2), "GRU")}  # of torch's gates in ONNX


def build(network: Recurrent, points: int, classes: int) -> nn.Module:
    """Convolutions, recurrent layers along the spectrum, then the fully connected stack."""
    layers: list[nn.Module] = [*front(network)]
    if network.axis_channel:
        layers.append(Places())
    channels = network.channels
    for filters, kernel, stride, pool, _, _ in network.plan(points):
        layers += [Same(channels, filters, kernel, stride), nn.ReLU()]
        if pool > 1:
            layers.append(nn.MaxPool2d((1, pool)))
        channels = filters
    layers += [*dropout(network.conv_dropout), Along(network, channels)]
    return initialise(
        nn.Sequential(*layers, *fully_connected(network, network.features, classes, channels=network.features))
    )


class Places(nn.Module):
    """Adds the place on the axis, -1 to 1, as a second channel: (B, 1, 1, L) to (B, 2, 1, L)."""

    def forward(self, x: Tensor) -> Tensor:
        places = torch.linspace(-1, 1, x.shape[-1], device=x.device, dtype=x.dtype)
        return torch.cat([x, places.expand_as(x)], dim=1)


class Along(nn.Module):
    """The recurrent layers, (B, C, 1, L) to (B, F): the last state of each direction, or the mean output."""

    def __init__(self, network: Recurrent, channels: int) -> None:
        super().__init__()
        self.mean = network.readout == "mean"
        self.layers = CELLS[network.cell](
            channels, network.hidden, network.layers, batch_first=True, bidirectional=network.bidirectional
        )

    def forward(self, x: Tensor) -> Tensor:
        sequence = x[:, :, 0].mT
        outputs = _onnx(self.layers, sequence) if torch.onnx.is_in_onnx_export() else self.layers(sequence)[0]
        if self.mean:
            return outputs.mean(dim=1)
        if not self.layers.bidirectional:
            return outputs[:, -1]
        half = self.layers.hidden_size
        return torch.cat([outputs[:, -1, :half], outputs[:, 0, half:]], dim=1)


def _onnx(layers: nn.RNNBase, sequence: Tensor) -> Tensor:
    """(B, L, C) to (B, L, F) by ONNX's own operator: torch would write out every step of the sequence."""
    hidden, directions = layers.hidden_size, 2 if layers.bidirectional else 1
    order, kind = ORDERS[type(layers)]
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": "bidirectional" if directions == 2 else "forward"}
    if kind == "GRU":
        attributes["linear_before_reset"] = 1
    for number in range(layers.num_layers):
        names = [f"l{number}", f"l{number}_reverse"][:directions]
        weights, states, *biases = (
            [_gates(layers, f"{part}_{name}", order) for name in names]
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        bias = torch.stack([torch.cat(pair) for pair in zip(*biases, strict=True)])
        x = sequence.transpose(0, 1)
        shape = (x.shape[0], directions, x.shape[1], hidden)
        (y,) = torch.onnx.ops.symbolic_multi_out(
            kind,
            (x, torch.stack(weights), torch.stack(states), bias),
            attributes,
            dtypes=(x.dtype,),
            shapes=(shape,),
            version=14,
        )
        sequence = y.permute(2, 0, 1, 3).flatten(2)
    return sequence


def _gates(layers: nn.RNNBase, name: str, order: tuple[int, ...]) -> Tensor:
    """A weight or bias with its gates in ONNX's order."""
    gates = getattr(layers, name).chunk(len(order))
    return torch.cat([gates[gate] for gate in order])
