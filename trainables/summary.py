"""What a network consists of: its layers with their shapes, parameters and multiply-adds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spectune.spaces import Network
from spectune.trainables.models import build
from spectune.trainables.models.forest import Trees
from spectune.trainables.models.heads import Cosine
from spectune.trainables.models.knn import Neighbours
from spectune.trainables.models.layers import Linear
from spectune.trainables.models.linear import Affine
from spectune.trainables.models.rocket import Kernels
from spectune.trainables.models.vit import Attention


class Layer(NamedTuple):
    """One layer: ``shape`` is what it gives for one spectrum, without the batch."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


def layers(network: Network, points: int, classes: int) -> list[Layer]:
    """The layers in the order in which a spectrum passes them, nothing being computed or stored.

    Layers inside others have dotted names. ValueError where the network cannot work at this size.
    """
    rows: list[Layer] = []

    def note(name: str, module: nn.Module) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            result = output[0] if isinstance(output, tuple) else output
            own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
            macs = next((count(module, result) for kind, count in MACS.items() if isinstance(module, kind)), 0)
            if own or macs or not list(module.children()):
                shape = list(result.shape[1:])
                if len(shape) == 3:  # an image of height 1
                    del shape[1]
                rows.append(Layer(name, type(module).__name__, tuple(shape), own, macs))

        return hook

    with torch.device("meta"):
        model = build(network, points, classes).eval()
        for name, module in model.named_modules():
            if name:
                module.register_forward_hook(note(name, module))
            if isinstance(module, nn.RNNBase):
                module.forward = functools.partial(_states, module)
        model(torch.empty(1, points))
    return rows


def _states(module: nn.RNNBase, sequence: Tensor) -> tuple[Tensor, None]:
    """What recurrent layers give, without their steps: torch takes each of them, even where nothing is computed."""
    return sequence.new_empty(*sequence.shape[:2], module.hidden_size * (2 if module.bidirectional else 1)), None


def _convolution(module: Any, output: Tensor) -> int:
    return int(module.weight.numel() * output.shape[-1])


def _linear(module: Any, output: Tensor) -> int:
    return int(module.weight.numel() * output.numel() // output.shape[-1])


def _recurrent(module: Any, output: Tensor) -> int:
    weights = sum(parameter.numel() for name, parameter in module.named_parameters() if name.startswith("weight"))
    return int(weights * output.shape[1])


def _attention(module: Any, output: Tensor) -> int:
    tokens, width = output.shape[1:]
    return int(2 * tokens * tokens * width)


def _trees(module: Any, output: Tensor) -> int:
    return int(module.probability.shape[0] * (module.steps + output.shape[-1]))


def _neighbours(module: Any, output: Tensor) -> int:
    return int(module.spectra.numel() + module.neighbours * output.shape[-1])


def _kernels(module: Any, output: Tensor) -> int:
    return int(module.points * (module.weight.numel() * len(module.slope) + output.shape[-1]))


MACS: dict[type[nn.Module], Callable[[Any, Tensor], int]] = {
    nn.Conv2d: _convolution,
    nn.Linear: _linear,
    Linear: _linear,
    Affine: _linear,
    Cosine: _linear,
    nn.LSTM: _recurrent,
    nn.GRU: _recurrent,
    Attention: _attention,
    Trees: _trees,
    Neighbours: _neighbours,
    Kernels: _kernels,
}
