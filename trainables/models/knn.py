"""Builds the nearest neighbours of ``spectune.spaces.knn``. B batch, M kept spectra, L points, C classes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from spectune.spaces.knn import KNN
from spectune.trainables.models.estimator import Estimator, kept
from spectune.trainables.models.layers import front
from spectune.trainables.models.scores import class_weights

FAR = 1e30  # squared distance of a place that holds no spectrum
PRIORS = torch.logspace(-3, 2, 26, dtype=torch.float64)


def build(network: KNN, points: int, classes: int) -> nn.Module:
    """The neighbours of the prepared points."""
    return nn.Sequential(*front(network), nn.Flatten(), Neighbours(network, points, classes))


class Neighbours(Estimator):
    """Votes of the nearest kept spectra: (B, L) to log-probabilities (B, C).

    To the votes a prior is added that is the same for all classes, so that no class has a probability of 0; its weight
    gives the kept spectra the smallest loss when each is left out. Distances are computed in double precision.
    """

    def __init__(self, network: KNN, points: int, classes: int) -> None:
        super().__init__(most=network.kept)
        self.neighbours = network.neighbours
        self.spectra = kept(torch.zeros(network.kept, points))
        self.votes = kept(torch.zeros(network.kept, classes))
        self.prior = kept(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return self._probabilities(self._counts(x, self._distances(x)), self.prior.double()).log().float()

    @torch.no_grad()
    def fit(self, features: Tensor, labels: Tensor, *, seed: int, balance: bool) -> None:
        count = len(features)
        weights = torch.from_numpy(class_weights(labels.numpy(), balance=balance)).to(self.votes)
        self.spectra.zero_()
        self.votes.zero_()
        self.spectra[:count] = features.to(self.spectra)
        self.votes[torch.arange(count), labels] = weights
        counts = torch.cat([self._left_out(rows) for rows in torch.split(torch.arange(count), 256)])
        true = labels.to(counts.device)[:, None]
        losses = [
            -(weights * self._probabilities(counts, prior).gather(1, true)[:, 0].log()).mean()
            for prior in PRIORS.to(counts.device)
        ]
        self.prior.fill_(float(PRIORS[int(np.argmin([float(loss) for loss in losses]))]))

    def _left_out(self, rows: Tensor) -> Tensor:
        """(B, C) the votes for kept spectra by the others."""
        x = self.spectra[rows]
        squared = self._distances(x)
        squared[torch.arange(len(rows)), rows] = FAR
        return self._counts(x, squared)

    def _distances(self, x: Tensor) -> Tensor:
        """(B, M) squared distances."""
        here, there = x.double(), self.spectra.double()
        squared = (here**2).sum(1, keepdim=True) + (there**2).sum(1) - 2 * here @ there.T
        return squared.clamp(min=0).where(self.votes.sum(1) > 0, FAR)

    def _counts(self, x: Tensor, squared: Tensor) -> Tensor:
        """(B, C) the weighted votes."""
        near, places = squared.topk(self.neighbours + 1, dim=1, largest=False)
        blur = 1e-9 * (x.double() ** 2).sum(1, keepdim=True) + 1e-30  # equal spectra are equal but for rounding
        weights = 1 - (near[:, :-1] + blur) / (near[:, -1:] + blur)
        return (weights[:, :, None] * self.votes[places[:, :-1]]).sum(1)

    def _probabilities(self, counts: Tensor, prior: Tensor) -> Tensor:
        shares: Tensor = (counts + prior / counts.shape[1]) / (counts.sum(1, keepdim=True) + prior)
        return shares
