"""How long an epoch of training takes on this machine, told from a few batches of it. N spectra, n of them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from spectune.spaces import Network, Training
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.train import train

BATCHES = 2  # that are timed, behind as many that warm up


class _Some(Split):
    """The spectra of a split at ``places`` (n,)."""

    def __init__(self, whole: Split, places: Tensor) -> None:
        self._whole, self._places = whole, places
        self.labels = whole.labels[places.numpy()]

    def batch(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        return self._whole.batch(self._places[indices], device)

    def feed(self, digest: Any) -> None:
        self._whole.feed(digest)
        digest.update(self._places.numpy().tobytes())


def epoch_seconds(network: Network, training: Training, dataset: Dataset, *, device: str = "cpu") -> float:
    """Seconds of one epoch, its validation among them; of the whole fit where a network is fitted at once.

    Trains for real, on ``BATCHES`` batches and as large a share of the validation spectra. Small ones are dearer than
    they would be in a whole epoch: what is done once an epoch counts in full.
    """
    share = min(1.0, BATCHES * training.batch_size / len(dataset.train))
    part = replace(dataset, train=_some(dataset.train, share), validation=_some(dataset.validation, share), test=None)
    epochs = train(network, training.replace(init="scratch"), part, seed=0, epochs=2, device=device)
    if network.by_steps:
        next(epochs)
    began = time.perf_counter()
    next(epochs)
    return (time.perf_counter() - began) / share


def _some(split: Split, share: float) -> _Some:
    """Evenly spread spectra, so that they are of many classes."""
    count = max(1, round(share * len(split)))
    return _Some(split, torch.linspace(0, len(split) - 1, count).round().long())
