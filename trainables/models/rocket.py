"""Builds the random convolutions of ``spectune.spaces.rocket``. B batch, L points, K kernels, C classes."""

from __future__ import annotations

from itertools import combinations
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces.rocket import KERNELS, LENGTH, Rocket
from spectune.trainables.models import solvers
from spectune.trainables.models.estimator import Estimator, kept
from spectune.trainables.models.layers import front
from spectune.trainables.models.linear import Affine
from spectune.trainables.models.scores import Sample, Scores

RAMP = 0.01  # width, of a convolution's standard deviation, in which a point goes from below a bias to above
LEAST = 0.01  # share by which a feature is taken to vary, at least
CACHED = 400_000  # numbers of a convolution that are worked on at a time


def build(network: Rocket, points: int, classes: int) -> nn.Module:
    """The convolutions and their ridge classifier on the prepared points."""
    return nn.Sequential(*front(network), nn.Flatten(), Convolutions(network, points, classes))


class Kernels(nn.Module):
    """Prepared spectra (B, L) to features (B, M K): the share of each dilated convolution that is above a bias.

    As published (Dempster et al. 2021, MiniRocket), but for a ramp: what is within half of it of the bias counts in
    part, because a rounding error must not decide whether a point counts (as on a flat stretch). Of every dilation
    half of the kernels, in turn, see zeros beyond the ends; the others only what is whole.
    """

    def __init__(self, network: Rocket, points: int) -> None:
        super().__init__()
        self.plan = network.plan(points)
        self.points = points
        biases = sum(count for _, count in self.plan)
        self.weight = kept(kernels())
        self.slope = kept(torch.ones(len(self.plan), KERNELS))
        self.lower = kept(torch.zeros(biases, KERNELS))  # where the ramp begins, times the slope

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return self._looped(x)
        rows = max(1, CACHED // (KERNELS * self.points))
        if x.shape[0] <= rows:
            return self._features(x)
        return torch.cat([self._features(part) for part in torch.split(x, rows)])

    @torch.no_grad()
    def fit(self, x: Tensor, *, seed: int) -> None:
        """Take biases for prepared training spectra (N, L): quantiles of the convolution of one that is drawn."""
        random = np.random.default_rng(seed)
        golden = (np.sqrt(5) + 1) / 2
        first = 0
        for number, (dilation, count) in enumerate(self.plan):
            drawn = x[torch.from_numpy(random.integers(0, len(x), KERNELS))].to(self.weight.device)
            convolved = torch.einsum("kw,kwl->kl", self.weight, windows(drawn, dilation)).double()
            spread = convolved.std(dim=1, correction=0)
            slope = 1 / (RAMP * spread.clamp(min=max(1e-3 * float(spread.mean()), 1e-30)))
            places = np.arange(1 + first * KERNELS, 1 + (first + count) * KERNELS).reshape(count, KERNELS)
            quantiles = torch.from_numpy(places * golden % 1).to(convolved)
            bias = torch.stack([row.quantile(q) for row, q in zip(convolved, quantiles.T, strict=True)], dim=1)
            self.slope[number] = slope
            self.lower[first : first + count] = bias * slope - 0.5
            first += count

    def _features(self, x: Tensor) -> Tensor:
        features, first = [], 0
        for number, (dilation, count) in enumerate(self.plan):
            convolved = (self.weight * self.slope[number][:, None]) @ windows(x, dilation)
            reach = LENGTH // 2 * dilation
            padded, whole = slice(number % 2, None, 2), slice(1 - number % 2, None, 2)
            halves = (
                (padded, convolved[:, padded].contiguous()),
                (whole, convolved[:, whole, reach : self.points - reach].contiguous()),
            )
            for row in range(first, first + count):
                features += [(half - self.lower[row, of, None]).clamp(0, 1).mean(dim=2) for of, half in halves]
            first += count
        return torch.cat(features, dim=1)

    def _looped(self, x: Tensor) -> Tensor:
        """The same in two loops, over dilations and their biases, for an exported network: without them there are ten
        operators per bias, and a graph of thousands takes half a minute to write."""
        rows, reach = sum(count for _, count in self.plan), [LENGTH // 2 * dilation for dilation, _ in self.plan]
        counts, reaches = torch.tensor([count for _, count in self.plan]), torch.tensor(reach)
        most, kernel, places = max(reach), torch.arange(KERNELS), torch.arange(self.points)
        steps = (torch.arange(LENGTH) - LENGTH // 2)[:, None]
        padded = F.pad(x, (most, most))

        def dilated(number: Tensor, first: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            of = number.reshape(1)
            reach, parity = reaches.index_select(0, of), of % 2
            seen = places + most + steps * reach // (LENGTH // 2)
            windows = padded.index_select(1, seen.reshape(-1)).reshape(x.shape[0], LENGTH, self.points)
            convolved = (self.weight * self.slope.index_select(0, of).reshape(-1, 1)) @ windows
            inside = ((places >= reach) & (places < self.points - reach)).to(x.dtype)
            inside = inside / inside.sum()
            half = 2 * kernel[: KERNELS // 2]
            order = torch.cat([half + parity, half + 1 - parity])

            def biased(row: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
                lower = self.lower.index_select(0, row.reshape(1)).reshape(-1, 1)
                above = (convolved - lower).clamp(0, 1)
                shares = torch.where(kernel % 2 == parity, above.mean(dim=2), above @ inside)
                feature = shares.index_select(1, order)[:, None]
                return row + 1, torch.where((torch.arange(rows) == row)[None, :, None], feature, features)

            end = first + counts.index_select(0, of).reshape(())
            first, features = torch.while_loop(lambda row, _: row < end, biased, (first, features))  # type: ignore[no-untyped-call]
            return number + 1, first, features

        start = torch.zeros((), dtype=torch.int64)
        state = start, start.clone(), x.new_zeros(x.shape[0], rows, KERNELS)
        final = torch.while_loop(lambda number, *_: number < len(self.plan), dilated, state)  # type: ignore[no-untyped-call]
        return cast(Tensor, final[2]).flatten(1)


class Convolutions(Estimator):
    """Random convolutions, and a ridge classifier whose penalty is chosen by leaving one out."""

    def __init__(self, network: Rocket, points: int, classes: int) -> None:
        features = network.features // KERNELS * KERNELS
        super().__init__(numbers=max(points, features))
        self.kernels = Kernels(network, points)
        self.affine = Affine(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.affine(self.kernels(x))
        return logits

    @torch.no_grad()
    def fit(self, features: Tensor, labels: Tensor, *, seed: int, balance: bool) -> None:
        self.kernels.fit(features, seed=seed)
        device = self.kernels.weight.device
        convolved = torch.cat([self.kernels(part.to(device)).cpu() for part in torch.split(features, 256)])
        x = self.affine.standardise(convolved, least=LEAST)
        self.affine.fit(_ridge, x, labels, balance=balance)


def kernels() -> Tensor:
    """(K, 9) every way to give 3 of 9 weights 2 and the others -1."""
    weights = torch.full((KERNELS, LENGTH), -1.0)
    for row, places in zip(weights, combinations(range(LENGTH), 3), strict=True):
        row[list(places)] = 2.0
    return weights


def windows(x: Tensor, dilation: int) -> Tensor:
    """(B, 9, L) what each weight of a dilated kernel sees of spectra (B, L), zeros beyond their ends."""
    points = x.shape[1]
    reach = LENGTH // 2 * dilation
    padded = F.pad(x, (reach, reach))
    return torch.stack([padded[:, start * dilation : start * dilation + points] for start in range(LENGTH)], dim=1)


def _ridge(sample: Sample) -> Scores:
    return solvers.ridge(sample)[0]
