"""How far a training is: what it knows beside its network and its optimiser."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from spectune.spaces import Training
from spectune.trainables.epoch import State


class Progress:
    """Epochs, learning rate and best epoch of one training, and the state of its own random numbers.

    Where the learning ``rates`` of all epochs are given, nothing is decided on the way: the last epoch is the best.
    """

    def __init__(
        self, training: Training, *, epochs: int, device: torch.device, rates: Sequence[float] | None = None
    ) -> None:
        assert rates is None or len(rates) == epochs
        self.training = training
        self.rates = rates
        self.epochs = epochs
        self.device = device
        self.number = self.wait = self.plateau_wait = 0
        self.rate = training.learning_rate
        self.lowest = math.inf  # validation loss that the next one must undercut by min_delta
        self.best: State = {}
        self.random: list[Tensor] = []

    @property
    def done(self) -> bool:
        """Whether no other epoch comes."""
        return self.number >= self.epochs or self.wait >= self.training.patience

    def begin(self) -> float:
        """The next epoch begins; returns its learning rate."""
        self.number += 1
        if self.rates is not None:
            return self.rates[self.number - 1]
        if self.training.schedule != "cosine":
            return self.rate
        return self.training.learning_rate * (1 + math.cos(math.pi * (self.number - 1) / self.epochs)) / 2

    def note(self, metrics: dict[str, float], loss: float, weights: Mapping[str, Tensor]) -> None:
        """Keras' EarlyStopping and ReduceLROnPlateau on the validation loss: progress is a fall by min_delta.

        The ``weights`` are copied where this is the best epoch so far.
        """
        better = self.rates is not None or loss < self.lowest - self.training.min_delta
        if better or not self.best:
            copies = {name: tensor.detach().clone() for name, tensor in weights.items()}
            self.best = {"epoch": self.number, "metrics": metrics, "model": copies}
        if better:
            self.lowest = loss
        self.wait = 0 if better else self.wait + 1
        self.plateau_wait = 0 if better else self.plateau_wait + 1
        if self.training.schedule == "plateau" and self.plateau_wait >= (self.training.plateau_patience or 0):
            self.rate *= self.training.plateau_factor or 1.0
            self.plateau_wait = 0

    def state(self) -> State:
        """Everything ``load`` needs, by reference."""
        return {
            "epoch": self.number,
            "wait": self.wait,
            "plateau_wait": self.plateau_wait,
            "rate": self.rate,
            "lowest": self.lowest,
            "best": self.best,
            "random": self.random,
        }

    def load(self, state: State) -> None:
        """Go on from ``state``, which stays as it is."""
        self.number = state["epoch"]
        self.wait = state["wait"]
        self.plateau_wait = state["plateau_wait"]
        self.rate = state["rate"]
        self.lowest = state["lowest"]
        self.best = state["best"]
        if len(state["random"]) == len(self.random):  # otherwise the device changed, and so do the random numbers
            self.random = state["random"]

    @contextmanager
    def own_random(self) -> Iterator[None]:
        """Within this, torch's global random state is this training's own; outside, it is as it was."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            if self.random:
                torch.set_rng_state(self.random[0])
                for device, random in zip(devices, self.random[1:], strict=True):
                    torch.cuda.set_rng_state(random, device)
            yield
            self.random = [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]
