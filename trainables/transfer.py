"""Starting from the weights of a network that was trained on other spectra, of another length and with other classes.

B batch, C channels, L points, T tokens, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spectune.spaces.errors import InputError
from spectune.trainables.models import THRESHOLDS
from spectune.trainables.models.layers import Linear, Stretched, spread
from spectune.trainables.models.preprocess import Prepare

MADE = ("waves", THRESHOLDS)  # sinusoidal positions and thresholds: not learned


def start(model: nn.Module, weights: dict[str, Tensor], *, keep: str) -> list[str]:
    """Give ``model`` the ``weights`` of a network of the same config; returns the names of those that stay fresh.

    ``keep`` is ``backbone`` (the layers that find features; what reads whole feature maps and all after it stays
    fresh) or ``network`` (all but the output layer: the classes are others). What prepares the spectra is of the new
    data either way. Learned positions, and the weights that
    see every point, are interpolated along the axis where the lengths differ. ValueError where the weights are those
    of another network.
    """
    new = {id(parameter) for parameter in output(model).parameters()}
    if keep == "backbone":
        new |= {id(tensor) for module in _head(model) for tensor in (*module.parameters(), *module.buffers())}
    new |= {id(tensor) for module in model.modules() if isinstance(module, Prepare) for tensor in module.buffers()}
    own = dict((*model.named_parameters(), *model.named_buffers()))
    state, fresh = model.state_dict(), []
    for name, tensor in state.items():
        if id(own[name]) in new or name.endswith(MADE):
            fresh.append(name)
            continue
        if name not in weights:
            raise InputError(f"weights to start from must be of the same network, they lack {name}: use its export")
        state[name] = _fitted(name, weights[name].to(tensor.dtype), tensor.shape, model)
    model.load_state_dict(state)
    return fresh


def output(model: nn.Module) -> nn.Module:
    """The output layer. ValueError where there is none to be told apart."""
    if not isinstance(model, nn.Sequential):
        raise InputError(
            "a network to start from must be a torch Sequential that ends in its output layer: make it one"
        )
    return model[-1]


def freeze(model: nn.Module, fresh: list[str], *, frozen: bool) -> None:
    """Let only the ``fresh`` parameters learn, or all. Running means of normalisations follow the data either way."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not frozen or name in fresh)


def _head(model: nn.Module) -> list[nn.Module]:
    """The layers from the first one on that reads a whole feature map, of several channels."""
    layers = list(model.children())
    wide = (at for at, layer in enumerate(layers) if isinstance(layer, Linear) and layer.channels > 1)
    first = next(wide, len(layers) - 1)
    return layers[first:]


def _fitted(name: str, weights: Tensor, shape: torch.Size, model: nn.Module) -> Tensor:
    """``weights`` in the ``shape`` that the new length asks for."""
    if weights.shape == shape:
        return weights
    owner, _, parameter = name.rpartition(".")
    module = model.get_submodule(owner)
    fitted = None
    if isinstance(module, Stretched):
        fitted = module.stretched(parameter, weights)
    elif isinstance(module, nn.Linear):  # of an architecture of the user's own
        fitted = spread(weights, shape)
    if fitted is not None:
        return fitted
    raise InputError(
        f"weights to start from must be of the same network, {name} is {tuple(weights.shape)}, not {tuple(shape)}: "
        "use its export"
    )
