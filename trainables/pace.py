"""What training takes of this machine, told from a few batches of it. N spectra, n of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from spectune.spaces import Network, Training
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.epoch import Epoch
from spectune.trainables.train import train

BATCHES = 2  # that are timed, behind as many that warm up


class Load(NamedTuple):
    """What a training takes of a GPU: bytes of its memory at most, and the share of the time in which it computes."""

    memory: int
    busy: float


class _Some(Split):
    """The spectra of a split at ``places`` (n,)."""

    def __init__(self, whole: Split, places: Tensor) -> None:
        self._whole = whole
        self._places = places
        self.labels = whole.labels[places.numpy()]
        self.groups = None if whole.groups is None else whole.groups[places.numpy()]
        self.varies = whole.varies

    def batch(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        return self._whole.batch(self._places[indices], device)

    def fresh(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        return self._whole.fresh(self._places[indices], device)

    def feed(self, digest: Any) -> None:
        self._whole.feed(digest)
        digest.update(self._places.numpy().tobytes())


def epoch_seconds(network: Network, training: Training, dataset: Dataset, *, device: str = "cpu") -> float:
    """Seconds of one epoch, its validation among them; of the whole fit where a network is fitted at once.

    Trains for real, on ``BATCHES`` batches and as large a share of the validation spectra. Small ones are dearer than
    they would be in a whole epoch: what is done once per epoch counts in full.
    """
    epochs, share = _epochs(network, training, dataset, 2, device)
    next(epochs)  # warms up
    if not network.by_steps:  # one epoch is all; its libraries are imported now
        epochs, _ = _epochs(network, training, dataset, 1, device)
    return _seconds(epochs) / share


def gpu_load(network: Network, training: Training, dataset: Dataset) -> Load:
    """The load of a network that is trained by steps, by one of its epochs of a few batches on this process's GPU."""
    torch.cuda.empty_cache()  # what a network before has left
    torch.cuda.reset_peak_memory_stats()
    epochs, _ = _epochs(network, training, dataset, 3, "cuda")
    next(epochs)
    seconds = _seconds(epochs)
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        next(epochs)
    computed = sum(event.self_device_time_total for event in seen.key_averages()) / 1e6
    return Load(torch.cuda.max_memory_reserved(), min(1.0, computed / seconds))


def _epochs(
    network: Network, training: Training, dataset: Dataset, epochs: int, device: str
) -> tuple[Iterator[Epoch], float]:
    """Training on some of the spectra, and their share of all."""
    share = min(1.0, BATCHES * training.batch_size / len(dataset.train))
    part = replace(dataset, train=_some(dataset.train, share), validation=_some(dataset.validation, share), test=None)
    return train(network, training.replace(init="scratch"), part, seed=0, epochs=epochs, device=device), share


def _seconds(epochs: Iterator[Epoch]) -> float:
    """Of the next epoch; it ends with numbers, for which a GPU is waited."""
    began = time.perf_counter()
    next(epochs)
    return time.perf_counter() - began


def _some(split: Split, share: float) -> _Some:
    """Evenly spread spectra, so that they are of many classes."""
    count = max(1, round(share * len(split)))
    return _Some(split, torch.linspace(0, len(split) - 1, count).round().long())
