"""Trains one network. A generator: whoever schedules decides whether to ask for the next epoch."""

from __future__ import annotations

import copy
import ctypes
import functools
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from spectune.spaces import Network, Training
from spectune.trainables import losses, transfer
from spectune.trainables.augment import augment
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.epoch import Epoch, State, logits
from spectune.trainables.fit import Fit
from spectune.trainables.metrics import score, thresholds
from spectune.trainables.models import THRESHOLDS, build


def train(
    network: Network,
    training: Training,
    dataset: Dataset,
    *,
    seed: int,
    epochs: int,
    device: torch.device | str = "cpu",
    state: State | None = None,
    init: dict[str, Tensor] | None = None,
) -> Iterator[Epoch]:
    """Train ``network`` for up to ``epochs`` epochs, the published protocol by default; early stopping ends it sooner.
    What is not trained by steps is fitted in one epoch, which is its full budget.

    Metrics are those of the validation split at this epoch, with ``train_loss`` (mean over the epoch's batches, with
    dropout and label smoothing) and ``learning_rate``. A loss that is no longer finite gives NaN metrics and goes on:
    the caller decides. On a CPU the same seed gives the same result, with ``state`` from any epoch as well, however
    many trainings take turns in the process: each has its own random state. Only the train and validation splits are
    touched. ``init`` are the weights that a training starts from whose ``init`` says so.
    """
    run: Fit | _Run
    if network.by_steps:
        run = _Run(network, training, dataset, seed=seed, epochs=epochs, device=torch.device(device), init=init)
    else:
        run = Fit(network, training, dataset, seed=seed, epochs=epochs, device=torch.device(device))
    if state is not None:
        run.load(state)
    while not run.done:
        yield run.epoch()


def predict(model: nn.Module, split: Split, device: torch.device | str = "cpu", batch_size: int = 256) -> Tensor:
    """Logits (N, C) of every spectrum of ``split``, on the CPU, in float32 and without dropout."""
    return logits(model, split, torch.device(device), batch_size).cpu()


class _Run:
    """The living training: model, optimiser, random state and the progress of the validation loss."""

    def __init__(
        self,
        network: Network,
        training: Training,
        dataset: Dataset,
        *,
        seed: int,
        epochs: int,
        device: torch.device,
        init: dict[str, Tensor] | None,
    ) -> None:
        self.training, self.dataset, self.epochs, self.device = training, dataset, epochs, device
        self.number = self.wait = self.plateau_wait = 0
        self.rate = training.learning_rate
        self.lowest = math.inf  # validation loss that the next one must undercut by min_delta
        self.best: State = {}
        self.labels = torch.from_numpy(dataset.train.labels).to(device)
        self.validation_labels = torch.from_numpy(dataset.validation.labels).to(device)
        self.random: list[Tensor] = []
        _keep_memory()
        with self._own_random():
            torch.manual_seed(seed)
            self.model = build(network, len(dataset.axis), len(dataset.classes), several=dataset.several).to(device)
            self.fresh: list[str] = []
            if training.init != "scratch":
                if init is None:
                    raise ValueError(
                        f"init={training.init} must be given weights to start from, got none: use --init-from"
                    )
                self.fresh = transfer.start(self.model, init, keep=training.init)
            torch.manual_seed(seed)  # again, as published: the order of batches does not depend on the architecture
        self.optimizer = _optimizer(self.model, training)
        self.loss = losses.loss(training, self.model, dataset.train.labels, len(dataset.classes), device)

    @property
    def done(self) -> bool:
        """Whether no other epoch comes."""
        return self.number >= self.epochs or self.wait >= self.training.patience

    def epoch(self) -> Epoch:
        """Train for one epoch, validate, and note the progress."""
        self.number += 1
        if self.fresh:
            transfer.freeze(self.model, self.fresh, frozen=self.number <= int(self.training.freeze or 0))
        rate = self._rate()
        with self._own_random():
            train_loss = self._pass(rate)
        given = logits(self.model, self.dataset.validation, self.device)
        found = self._thresholds() if self.dataset.several else None
        metrics = {**score(given, self.validation_labels, found), "train_loss": train_loss, "learning_rate": rate}
        self._progress(metrics, losses.progress(self.model, given, self.validation_labels, loss=metrics["loss"]))
        return Epoch(self.number, metrics, self.state(), self.done)

    def state(self) -> State:
        """Everything ``load`` needs, by reference."""
        return {
            "epoch": self.number,
            "wait": self.wait,
            "plateau_wait": self.plateau_wait,
            "rate": self.rate,
            "lowest": self.lowest,
            "best": self.best,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random,
        }

    def load(self, state: State) -> None:
        """Go on from ``state``, which stays as it is."""
        self.number, self.wait, self.plateau_wait = state["epoch"], state["wait"], state["plateau_wait"]
        self.rate, self.lowest, self.best = state["rate"], state["lowest"], state["best"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if len(state["random"]) == len(self.random):  # otherwise the device changed, and so do the random numbers
            self.random = state["random"]

    def _pass(self, rate: float) -> float:
        """One pass over the training split in a random order; the last batch may be short. Returns the mean loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for indices in _batches(torch.randperm(len(self.labels)), self.training.batch_size):
            spectra = augment(self.dataset.train.batch(indices, self.device), self.training)
            with _autocast(self.training.precision, self.device):
                given = self.model(spectra)
            loss = self.loss(given, self.labels[indices.to(self.device)])
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimizer.step()
            total += loss.detach() * len(indices)
        return float(total) / len(self.labels)

    def _thresholds(self) -> Tensor:
        """Choose anew on the training split above which logit a label is found."""
        given = logits(self.model, self.dataset.train, self.device)
        return self.model.get_buffer(THRESHOLDS).copy_(thresholds(given, self.labels))

    def _rate(self) -> float:
        if self.training.schedule != "cosine":
            return self.rate
        return self.training.learning_rate * (1 + math.cos(math.pi * (self.number - 1) / self.epochs)) / 2

    def _progress(self, metrics: dict[str, float], loss: float) -> None:
        """Keras' EarlyStopping and ReduceLROnPlateau on the validation loss: progress is a fall by min_delta."""
        better = loss < self.lowest - self.training.min_delta
        if better or not self.best:
            weights = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
            self.best = {"epoch": self.number, "metrics": metrics, "model": weights}
        if better:
            self.lowest = loss
        self.wait = 0 if better else self.wait + 1
        self.plateau_wait = 0 if better else self.plateau_wait + 1
        if self.training.schedule == "plateau" and self.plateau_wait >= (self.training.plateau_patience or 0):
            self.rate *= self.training.plateau_factor or 1.0
            self.plateau_wait = 0

    @contextmanager
    def _own_random(self) -> Iterator[None]:
        """Within this, torch's global random state is this training's own; outside, it is as it was."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            if self.random:
                torch.set_rng_state(self.random[0])
                for device, random in zip(devices, self.random[1:], strict=True):
                    torch.cuda.set_rng_state(random, device)
            yield
            self.random = [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]


@functools.cache
def _keep_memory() -> None:
    """Have glibc keep the memory of freed tensors instead of returning it to the system after every operation.

    Touching fresh pages again and again takes half of a training step (CNN2, batches of 128: 1.5 s with, 0.7 s
    without). Full effect on the main thread only: other threads have arenas that cannot hold large blocks.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent from other C libraries
    if mallopt is not None:
        mallopt(-4, 0)  # M_MMAP_MAX: no block gets a mapping of its own
        mallopt(-1, -1)  # M_TRIM_THRESHOLD: the heap never shrinks


def _optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    """Adam with Keras' epsilon; decoupled decay where asked, of the weights only (no biases, no normalisation)."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": training.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=training.learning_rate, eps=1e-7, fused=True)


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """``order`` in batches. A last batch of one spectrum joins the one before: it has no variance to normalise by."""
    batches = list(torch.split(order, size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _autocast(precision: str, device: torch.device) -> torch.autocast:
    low = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=low)
