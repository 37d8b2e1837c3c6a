"""Trains one network. A generator: whoever schedules decides whether to ask for the next epoch."""

from __future__ import annotations

import copy
import ctypes
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from spectune.spaces import Network, Training
from spectune.spaces.errors import InputError
from spectune.trainables import losses, transfer
from spectune.trainables.augment import augment
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.epoch import Epoch, State, logits
from spectune.trainables.fit import Fit
from spectune.trainables.graph import Replayed
from spectune.trainables.metrics import score, thresholds
from spectune.trainables.models import THRESHOLDS, build
from spectune.trainables.precision import arithmetic
from spectune.trainables.prepared import prepared
from spectune.trainables.progress import Progress


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
    rates: Sequence[float] | None = None,
) -> Iterator[Epoch]:
    """Train ``network`` for up to ``epochs`` epochs, the published protocol by default; early stopping ends it sooner.
    What is not trained by steps is fitted in one epoch, which is its full budget.

    Metrics are those of the validation split at this epoch, with ``train_loss`` (mean over the epoch's batches, with
    dropout and label smoothing) and ``learning_rate``. A loss that is no longer finite gives NaN metrics and goes on:
    the caller decides. On a CPU the same seed gives the same result, with ``state`` from any epoch as well, however
    many trainings take turns in the process: each has its own random state. Only the train and validation splits are
    touched. ``init`` are the weights that a training starts from whose ``init`` says so. With the learning ``rates`` of
    all epochs these are trained, whatever the validation split says, and the last one is the best.
    """
    device = torch.device(device)
    run = living(network, training, dataset, seed=seed, epochs=epochs, device=device, init=init, rates=rates)
    if state is not None:
        run.load(state)
    while not run.done:
        yield run.epoch()


def living(
    network: Network,
    training: Training,
    dataset: Dataset,
    *,
    seed: int,
    epochs: int,
    device: torch.device,
    init: dict[str, Tensor] | None = None,
    rates: Sequence[float] | None = None,
) -> Fit | Run:
    """The training before its first epoch, as ``train`` describes it."""
    if network.by_steps:
        return Run(network, training, dataset, seed=seed, epochs=epochs, device=device, init=init, rates=rates)
    return Fit(network, training, dataset, seed=seed, epochs=epochs, device=device)


def predict(model: nn.Module, split: Split, device: torch.device | str = "cpu", batch_size: int = 256) -> Tensor:
    """Logits (N, C) of every spectrum of ``split``, on the CPU, in float32 and without dropout."""
    return logits(model, split, torch.device(device), batch_size).cpu()


class Run:
    """The living training by steps: model, optimiser and progress."""

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
        rates: Sequence[float] | None = None,
    ) -> None:
        self.training = training
        self.device = device
        self.progress = Progress(training, epochs=epochs, device=device, rates=rates)
        self.labels = torch.from_numpy(dataset.train.labels).to(device)
        self.validation_labels = torch.from_numpy(dataset.validation.labels).to(device)
        _keep_memory()
        with self.progress.own_random():
            torch.manual_seed(seed)
            self.model = build(network, len(dataset.axis), len(dataset.classes), multilabel=dataset.multilabel).to(
                device
            )
            self.fresh: list[str] = []
            if training.init != "scratch":
                if init is None:
                    raise InputError(
                        f"init={training.init} must be given weights to start from, got none: use --init-from"
                    )
                self.fresh = transfer.start(self.model, init, keep=training.init)
            self.dataset = prepared(self.model, training, dataset, device)
            torch.manual_seed(seed)  # again, as published: the order of batches does not depend on the architecture
        # What a graph reads must be a tensor; layers that begin to learn would be another graph.
        replays = training.replay and device.type == "cuda" and not training.freeze
        self.rate = torch.zeros((), device=device) if replays else None
        self.optimizer = _optimizer(self.model, training, capturable=replays)
        self.replayed: Replayed | None = None
        self.loss = losses.loss(training, self.model, dataset.train.labels, len(dataset.classes), device)

    @property
    def done(self) -> bool:
        """Whether no other epoch comes."""
        return self.progress.done

    def epoch(self) -> Epoch:
        """Train for one epoch, validate, and note the progress."""
        self.begin()
        with self.progress.own_random():
            train_loss = self._pass()
        return self.end(train_loss, lambda split: logits(self.model, split, self.device))

    def begin(self) -> None:
        """What comes before the steps of an epoch: its learning rate, and which layers learn."""
        rate = self.progress.begin()
        for group in self.optimizer.param_groups:
            group["lr"] = rate if self.rate is None else self.rate.fill_(rate)
        if self.fresh:
            transfer.freeze(self.model, self.fresh, frozen=self.progress.number <= int(self.training.freeze or 0))

    def end(self, train_loss: float, logits_of: Callable[[Split], Tensor]) -> Epoch:
        """What comes after them: validate and note the progress. ``logits_of`` gives the logits (N, C) of a split."""
        validated, labels = logits_of(self.dataset.validation), self.validation_labels
        cutoffs = None
        if self.dataset.multilabel:  # chosen anew on the training split: above which logit a label is found
            cutoffs = self.model.get_buffer(THRESHOLDS).copy_(thresholds(logits_of(self.dataset.train), self.labels))
        rate = float(self.optimizer.param_groups[0]["lr"])
        metrics = {**score(validated, labels, cutoffs), "train_loss": train_loss, "learning_rate": rate}
        loss = losses.progress(self.model, validated, labels, loss=metrics["loss"])
        self.progress.note(metrics, loss, self.model.state_dict())
        return Epoch(self.progress.number, metrics, self.state(), self.done)

    def state(self) -> State:
        """Everything ``load`` needs, by reference."""
        return {
            **self.progress.state(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: State) -> None:
        """Go on from ``state``, which stays as it is."""
        self.progress.load(state)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        for group in self.optimizer.param_groups:
            group["capturable"] = self.rate is not None  # here, whatever it was there
        self.replayed = None  # it has other tensors

    def _pass(self) -> float:
        """One pass over the training split in a random order; the last batch may be short. Returns the mean loss."""
        self.model.train()
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        size = self.training.batch_size
        if self.rate is not None and self.replayed is None:
            self.replayed = Replayed(self.step, (size,), self.device)
        for indices in batches(torch.randperm(len(self.labels)).to(self.device), size):
            step = self.replayed if self.replayed is not None and len(indices) == size else self.step
            total += step(indices) * len(indices)
        return float(total) / len(self.labels)

    def step(self, indices: Tensor) -> Tensor:
        """Render and augment the training spectra with these numbers (B,) and learn from them; returns the loss."""
        spectra = augment(self.dataset.train.fresh(indices, self.device), self.training)
        with arithmetic(self.training.precision, self.device):
            outputs = self.model(spectra)
        loss = self.loss(outputs, self.labels[indices.to(self.device)])
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.detach()


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


def _optimizer(model: nn.Module, training: Training, *, capturable: bool) -> torch.optim.Optimizer:
    """Adam with Keras' epsilon; decoupled decay where asked, of the weights only (no biases, no normalisation)."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": training.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return _AdamW(groups, lr=training.learning_rate, eps=1e-7, fused=True, capturable=capturable)


class _AdamW(torch.optim.AdamW):
    """Without the wrappers that hide its methods from ``torch.compile``: each imports the compiler to tell it so, which
    a process that compiles nothing pays with a second and a half.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


def batches(order: Tensor, size: int) -> list[Tensor]:
    """``order`` in batches. A last batch of one spectrum joins the one before: it has no variance to normalise by."""
    batches = list(torch.split(order, size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
