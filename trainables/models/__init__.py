"""Networks built from their configs. A new family is one module here and one line in BUILDERS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from spectune.spaces import Network
from spectune.spaces.cnn import CNN
from spectune.spaces.ensemble import Ensemble
from spectune.spaces.errors import InputError
from spectune.spaces.forest import Forest
from spectune.spaces.inception import Inception
from spectune.spaces.knn import KNN
from spectune.spaces.linear import PLSDA, SVM, Logistic
from spectune.spaces.mlp import MLP
from spectune.spaces.recurrent import Recurrent
from spectune.spaces.resnet import ResNet
from spectune.spaces.rocket import Rocket
from spectune.spaces.vit import ViT
from spectune.trainables.models import (
    cnn,
    ensemble,
    forest,
    inception,
    knn,
    linear,
    mlp,
    preprocess,
    recurrent,
    resnet,
    rocket,
    vit,
)

Builder = Callable[[Any, int, int], nn.Module]  # (config, points, classes)

BUILDERS: Mapping[type[Network], Builder] = {
    CNN: cnn.build,
    Inception: inception.build,
    ResNet: resnet.build,
    ViT: vit.build,
    Recurrent: recurrent.build,
    MLP: mlp.build,
    Forest: forest.build,
    Logistic: linear.build,
    SVM: linear.build,
    PLSDA: linear.build,
    Rocket: rocket.build,
    KNN: knn.build,
}


THRESHOLDS = "thresholds"  # the name of the buffer


def build(network: Network, points: int, classes: int, *, multilabel: bool = False) -> nn.Module:
    """The untrained network: raw spectra (B, L) float32 to logits (B, C).

    It prepares the spectra itself, as ``spaces.preprocess`` says: it divides each by its own maximum, as the published
    scripts do, unless ``network`` says otherwise. What it learns of the training split for it is up to ``fit``.
    The weights come from torch's global random generator. With several labels per spectrum (``multilabel``) it also
    carries the logits above which each label is found, ``thresholds`` (C,), to be chosen on the training split.
    ValueError where ``network`` cannot work at this size.
    """
    model = _built(network, points, classes, multilabel=multilabel)
    if multilabel:
        model.register_buffer(THRESHOLDS, torch.zeros(classes))
    return model


def _built(network: Network, points: int, classes: int, *, multilabel: bool) -> nn.Module:
    if isinstance(network, Ensemble):
        members = [build(one, points, classes, multilabel=multilabel) for one in network.parts()]
        return ensemble.Mean(members, network.shares, several=multilabel)
    builder = getattr(type(network), "builder", None) or BUILDERS.get(type(network))
    if builder is None:
        known = ", ".join(space.family for space in BUILDERS)
        raise InputError(f"a network needs a builder, got {type(network).__name__}: known families are {known}")
    model: nn.Module = builder(network, network.inputs(points), classes)
    preprocess.sized(model, points)
    return model


def restored(
    network: Network, points: int, classes: int, weights: dict[str, Tensor], *, multilabel: bool = False
) -> nn.Module:
    """The trained network: it holds the ``weights`` themselves, where they are. ValueError where they are another's."""
    with torch.device("meta"):  # draws nothing, and takes no memory, whatever a foreign config asks for
        model = build(network, points, classes, multilabel=multilabel)
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if expected != {name: tensor.shape for name, tensor in weights.items()}:
        raise InputError("weights must have the names and shapes of their network, got those of another one")
    model.load_state_dict(weights, assign=True)
    return model


__all__ = [
    "BUILDERS",
    "THRESHOLDS",
    "build",
    "ensemble",
    "estimator",
    "forest",
    "heads",
    "knn",
    "layers",
    "linear",
    "preprocess",
    "restored",
    "rocket",
    "scores",
    "vit",
]
