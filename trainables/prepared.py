"""Spectra that go through the steps before the first layer once, where a training sees the same ones in every epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spectune.spaces import Training
from spectune.spaces.config import hyperparameters
from spectune.spaces.preprocess import Preprocessed
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.models import preprocess
from spectune.trainables.models.preprocess import Prepare, Through

MOST = 100_000_000  # numbers that are kept: 0.4 GB


class Kept(NamedTuple):
    """The splits as they come out of the steps, and what these have learned for it."""

    learned: dict[str, Tensor]
    train: Split
    validation: Split


_LAST: dict[tuple[Any, ...], Kept] = {}  # one entry: trainings with the same steps follow one another, as seeds do


def prepared(model: nn.Module, training: Training, dataset: Dataset, device: torch.device) -> Dataset:
    """Have ``model`` learn its steps from the training split; returns what to train it on.

    That is ``dataset`` as it is where the steps belong into every step of a training, as spectra are augmented or vary
    before them, or would take too much memory. Otherwise its spectra have been through them, and ``model`` leaves them
    out from there on; a network with its weights does not. The axis stays that of the raw spectra.
    """
    prepare = model[0] if isinstance(model, nn.Sequential) and len(model) else None
    changing = training.augment or dataset.train.varies
    if changing or not isinstance(prepare, Prepare) or _numbers(prepare.network, dataset) > MOST:
        preprocess.fit(model, dataset.train, device)
        return dataset
    network = prepare.network
    steps = [getattr(network, hp.name) for hp in hyperparameters(Preprocessed)]
    key = dataset.train, dataset.validation, device, network.preprocess, *steps
    if key not in _LAST:
        _LAST.clear()
        train = preprocess.learn(prepare, dataset.train, device, keep=True)
        validation = preprocess.kept(Through(prepare.steps, dataset.validation), device)
        learned = {name: tensor.clone() for name, tensor in prepare.state_dict().items()}
        _LAST[key] = Kept(learned, train, validation)
    cached = _LAST[key]
    prepare.load_state_dict(cached.learned)
    prepare.done = True
    return replace(dataset, train=cached.train, validation=cached.validation)


def _numbers(network: Preprocessed, dataset: Dataset) -> int:
    first, last = network.region(len(dataset.axis))
    return (len(dataset.train) + len(dataset.validation)) * (last - first)
