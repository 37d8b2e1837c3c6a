"""Fitting what is not trained by steps, as one epoch."""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces import Network, Training
from spectune.trainables.augment import augment
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.epoch import Epoch, State
from spectune.trainables.epoch import logits as logits_of
from spectune.trainables.metrics import score
from spectune.trainables.models import build
from spectune.trainables.models.estimator import Estimator
from spectune.trainables.models.scores import ranks
from spectune.trainables.prepared import prepared

LOGGER = logging.getLogger("spectune")
SHOWN = 1024  # training spectra whose loss is shown, at most: they were drawn at random


class Fit:
    """The living fit of an ``Estimator``, in the place of a training by steps: one epoch is all there is.

    Its spectra are augmented once where ``training`` says so, and its seed is that of the trees.
    """

    def __init__(
        self, network: Network, training: Training, dataset: Dataset, *, seed: int, epochs: int, device: torch.device
    ) -> None:
        self.network = network
        self.training = training
        self.seed = seed
        self.device = device
        self.done = epochs < 1
        self.model = build(network, len(dataset.axis), len(dataset.classes)).to(device)
        self.dataset = prepared(self.model, training, dataset, device)

    def epoch(self) -> Epoch:
        """Fit, validate, and be done."""
        features, labels = self._features()
        assert isinstance(self.model, nn.Sequential) and isinstance(self.model[-1], Estimator)
        self.model[-1].fit(features, labels, seed=self.seed, balance=self.training.balance)
        logits = logits_of(self.model, self.dataset.validation, self.device)
        fitted = torch.cat([self.model[-1](part.to(self.device)).cpu() for part in torch.split(features[:SHOWN], 256)])
        metrics = score(logits, torch.from_numpy(self.dataset.validation.labels).to(self.device))
        metrics["train_loss"] = float(F.cross_entropy(fitted, labels[:SHOWN]))
        self.done = True
        weights = self.model.state_dict()
        best = {"epoch": 1, "metrics": metrics, "model": weights}
        return Epoch(1, metrics, {"epoch": 1, "best": best, "model": weights}, self.done)

    def load(self, state: State) -> None:
        """Go on from ``state``: nothing is left to do."""
        self.model.load_state_dict(state["model"])
        self.done = True

    def _features(self) -> tuple[Tensor, Tensor]:
        """What the estimator sees of the training split in a random order, (N, L), and the labels (N,).

        Of more spectra than it can take, a sample that has as large a share of every class, and one of each at least.
        """
        assert isinstance(self.model, nn.Sequential) and isinstance(self.model[-1], Estimator)
        split, before = self.dataset.train, self.model[:-1]
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.seed)
            order = self._sampled(torch.randperm(len(split)), self.model[-1].most)
            batches = (split.batch(indices, self.device) for indices in torch.split(order, 256))
            features = torch.cat([before(augment(batch, self.training)).cpu() for batch in batches])
        return features, torch.from_numpy(split.labels)[order]

    def _sampled(self, order: Tensor, most: int | None) -> Tensor:
        """The first ``most`` of a random order, class by class."""
        if most is None or len(order) <= most:
            return order
        labels = self.dataset.train.labels[order.numpy()]
        LOGGER.warning(
            "%s is fitted to %d of %d training spectra, drawn class by class: it takes no more of this length",
            type(self.network).family,
            most,
            len(order),
        )
        places = ranks(labels) / np.bincount(labels)[labels]
        return order[torch.from_numpy(np.sort(np.argsort(places, kind="stable")[:most]))]
