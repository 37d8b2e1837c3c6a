"""The steps of ``spectune.spaces.preprocess`` as layers, so that an export needs none. B batch, L points, W window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectune.spaces import Network
from spectune.spaces.preprocess import Preprocessed
from spectune.trainables.data.dataset import Split
from spectune.trainables.data.dense import Dense
from spectune.trainables.models.baseline import baseline

SMALLEST = 1e-4  # share of a spectrum's maximum that logarithms are taken of at least
MAD = 0.6745  # makes a median absolute deviation a standard deviation, where errors are normal
AROUND = 3  # points on either side that a spike's height is the mean of
NOTHING = 1e-6  # share of a size that counts as rounding
BATCH = 256


class Normalise(nn.Module):
    """Prepares raw spectra and makes them images: (B, L) to (B, 1, 1, L).

    ``max`` divides each spectrum by its own maximum, as the published scripts do, ``area`` by the mean of its absolute
    values, ``snv`` (standard normal variate, Barnes et al. 1989) takes off its mean and divides by its standard
    deviation. ``sqrt`` and ``derivative`` come after ``max``: the root of what is positive, and the difference of
    neighbours scaled to a largest size of 1. A spectrum that has nothing to divide by stays as it is.
    """

    def __init__(self, kind: str = "max") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, spectra: Tensor) -> Tensor:
        return scaled(spectra, self.kind)[:, None, None]


def scaled(spectra: Tensor, kind: str) -> Tensor:
    """Spectra (B, L) on the scale that ``Normalise`` describes."""
    match kind:
        case "none":
            return spectra
        case "area":
            return _divided(spectra, spectra.abs().mean(dim=1, keepdim=True))
        case "snv" | "standardise":  # its name before, in own files of users
            centred = spectra - spectra.mean(dim=1, keepdim=True)
            return _divided(centred, spectra.std(dim=1, keepdim=True, correction=0))
    highest = _divided(spectra, spectra.amax(dim=1, keepdim=True))
    if kind == "sqrt":
        return highest.clamp(min=0).sqrt()
    if kind == "derivative":
        slopes = F.pad(highest[:, 1:] - highest[:, :-1], (1, 0))
        return _divided(slopes, slopes.abs().amax(dim=1, keepdim=True))
    return highest


def _divided(spectra: Tensor, by: Tensor) -> Tensor:
    return spectra / by.where(by > 0, 1.0)


def preparing(network: Network) -> nn.Module:
    """What prepares the raw spectra (B, L) of a network: images (B, 1, 1, inputs)."""
    if isinstance(network, Preprocessed) and network.replace(preprocess="max").preparation():
        return Prepare(network)
    return Normalise(network.preprocess)


class Prepare(nn.Module):
    """More than a scale: raw spectra (B, L) through the steps of ``network`` in their order to (B, 1, 1, inputs).

    ``sized`` gives the steps their buffers, ``fit`` below those that are learned from the training split. Where
    ``done``, the spectra have been through the steps before they come here.
    """

    def __init__(self, network: Preprocessed) -> None:
        super().__init__()
        self.network = network
        self.steps = nn.Sequential()
        self.done = False

    def sized(self, points: int) -> None:
        """Make the steps for spectra of ``points`` points."""
        network = self.network
        first, last = network.region(points)
        read = last - first
        steps = [
            Region(first, last) if read < points else None,
            Despike(network.despike) if network.despike else None,
            Logarithm(network.logarithm) if network.logarithm != "none" else None,
            baseline(network, points, read),
            Filter(network.savgol, network.window or 0, network.polynomial or 0) if network.savgol != "none" else None,
            Detrend(network.detrend, read) if network.detrend else None,
            Scatter(read) if network.scatter == "msc" else None,
            Scale(network.preprocess),
            Pointwise(read) if network.pointwise else None,
        ]
        self.steps = nn.Sequential(*(step for step in steps if step is not None))

    def forward(self, spectra: Tensor) -> Tensor:
        return (spectra if self.done else cast(Tensor, self.steps(spectra)))[:, None, None]


def sized(model: nn.Module, points: int) -> None:
    """Give what prepares the spectra of ``model`` the size of raw spectra."""
    for module in model.modules():
        if isinstance(module, Prepare):
            module.sized(points)


def fit(model: nn.Module, split: Split, device: torch.device) -> None:
    """Learn from the training ``split`` what the steps before the first layer know of all its spectra."""
    for module in model.modules():
        if isinstance(module, Prepare):
            learn(module, split, device)


def learn(prepare: Prepare, split: Split, device: torch.device, *, keep: bool = False) -> Split:
    """Learn what the steps of ``prepare`` know of all spectra of ``split``, and give them as they come out of it.

    With ``keep`` no spectrum goes through a step twice: what comes out is kept in memory.
    """
    for step in prepare.steps:
        if isinstance(step, Fitted):
            split = kept(split, device) if keep else split
            step.fit(*_moments(split, device))
        split = Through(step, split)
    return kept(split, device) if keep else split


class Through(Split):
    """The spectra of ``split`` as they come out of ``step``."""

    def __init__(self, step: nn.Module, split: Split) -> None:
        self.step = step
        self.split = split
        self.labels = split.labels
        self.groups = split.groups

    @torch.no_grad()
    def batch(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        return cast(Tensor, self.step(self.split.batch(indices, device)))

    def feed(self, digest: Any) -> None:
        raise NotImplementedError("what a network makes of spectra is no data of its own")

    def instead(self, other: Split) -> Split:
        return self.split.instead(other)


def kept(split: Split, device: torch.device) -> Split:
    """``split`` with its spectra in memory, which a batch that was drawn before has not to make again."""
    spectra = torch.cat([batch.cpu() for batch in _batches(split, device)])
    return split.instead(Dense(spectra.numpy(), split.labels, split.groups))


def _batches(split: Split, device: torch.device) -> Iterator[Tensor]:
    for part in torch.split(torch.arange(len(split)), BATCH):
        yield split.batch(part, device)


def _moments(split: Split, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (L,) over the spectra of ``split``, in float64."""
    mean = sum(batch.double().sum(dim=0) for batch in _batches(split, device)) / len(split)
    squares = ((batch.double() - mean).square().sum(dim=0) for batch in _batches(split, device))
    return cast(Tensor, mean), (cast(Tensor, sum(squares)) / len(split)).sqrt()


class Region(nn.Module):
    """The points from ``first`` up to ``last``."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__()
        self.first = first
        self.last = last

    def forward(self, spectra: Tensor) -> Tensor:
        return spectra[:, self.first : self.last]


class Despike(nn.Module):
    """Points whose second difference has a modified z-score above ``most`` become the mean of the others around them.

    Whitaker and Hayes 2018. A spectrum whose second difference is mostly 0 has no spikes.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, spectra: Tensor) -> Tensor:
        bends = F.pad(spectra[:, 2:] - 2 * spectra[:, 1:-1] + spectra[:, :-2], (1, 1))
        away = (bends - _median(bends)).abs()
        spread = _median(away)
        sound = ((MAD * away <= self.most * spread) | (spread <= 0)).to(spectra.dtype)
        level = spectra[:, :1]
        around = F.avg_pool1d(F.pad((spectra - level) * sound, (AROUND, AROUND))[:, None], 2 * AROUND + 1, 1)[:, 0]
        there = F.avg_pool1d(F.pad(sound, (AROUND, AROUND))[:, None], 2 * AROUND + 1, 1)[:, 0]
        return torch.where((sound > 0) | (there <= 0), spectra, level + _divided(around, there))


def _median(values: Tensor) -> Tensor:
    """(B, 1) medians of (B, L), of two in the middle the lower; sorted for ONNX, which has none, and found faster."""
    if torch.compiler.is_compiling():
        middle = (values.shape[1] - 1) // 2
        return values.sort(dim=1).values[:, middle : middle + 1]
    return values.median(dim=1, keepdim=True).values


class Logarithm(nn.Module):
    """log10, or for ``absorbance`` -log10, of at least ``SMALLEST`` of the maximum; of what is nowhere positive, 0."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.sign = -1.0 if kind == "absorbance" else 1.0

    def forward(self, spectra: Tensor) -> Tensor:
        highest = spectra.amax(dim=1, keepdim=True)
        least = highest.where(highest > 0, 1 / SMALLEST) * SMALLEST
        return self.sign * torch.maximum(spectra, least).log10()


class Filter(nn.Module):
    """The filter of Savitzky and Golay 1964, as ``scipy.signal.savgol_filter`` with its ``interp`` at the ends.

    A polynomial is fitted to the points of each window; near an end, the outermost one's is evaluated.
    """

    taps: Tensor  # (W, W): column t gives the value at point t of a window

    def __init__(self, kind: str, window: int, degree: int) -> None:
        super().__init__()
        self.reach = window // 2
        self.keeps = kind == "smooth"  # the level of a spectrum, of which a derivative knows nothing
        order = {"smooth": 0, "first": 1, "second": 2}[kind]
        places = np.arange(-self.reach, self.reach + 1).astype(np.float64)
        fitted = np.linalg.pinv(np.vander(places, degree + 1, increasing=True))
        basis = np.eye(degree + 1)
        rows = [np.polynomial.polynomial.polyval(places, np.polynomial.polynomial.polyder(one, order)) for one in basis]
        self.register_buffer("taps", torch.tensor((np.stack(rows, axis=1) @ fitted).T, dtype=torch.float32))

    def forward(self, spectra: Tensor) -> Tensor:
        level, size = spectra[:, :1], 2 * self.reach + 1
        spectra, taps = spectra - level, self.taps.to(spectra.dtype)
        within = F.conv1d(spectra[:, None], taps[:, self.reach][None, None])[:, 0]
        before, behind = spectra[:, :size] @ taps[:, : self.reach], spectra[:, -size:] @ taps[:, self.reach + 1 :]
        filtered = torch.cat([before, within, behind], dim=1)
        return filtered + level if self.keeps else filtered


class Detrend(nn.Module):
    """Less the polynomial of a degree that fits best; of degree 1 ``scipy.signal.detrend``."""

    basis: Tensor  # (L, degree + 1), orthonormal

    def __init__(self, degree: int, points: int) -> None:
        super().__init__()
        powers = np.vander(np.linspace(-1, 1, points), degree + 1)
        self.register_buffer("basis", torch.tensor(np.linalg.qr(powers)[0], dtype=torch.float32))

    def forward(self, spectra: Tensor) -> Tensor:
        spectra, basis = spectra - spectra[:, :1], self.basis.to(spectra.dtype)
        return spectra - (spectra @ basis) @ basis.mT


class Fitted(nn.Module):
    """A step that knows the spectra of the training split."""

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        """Take in the mean and the standard deviation (L,) of what it gets of them."""
        raise NotImplementedError


class Scatter(Fitted):
    """Multiplicative scatter correction: a spectrum's offset and slope against the reference are taken back.

    Geladi et al. 1985. One without a slope gets the offset of the reference alone.
    """

    reference: Tensor  # (L,) the mean of the training spectra

    def __init__(self, points: int) -> None:
        super().__init__()
        self.register_buffer("reference", torch.zeros(points))

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        self.reference.copy_(mean)

    def forward(self, spectra: Tensor) -> Tensor:
        level = self.reference.mean()
        shape = (self.reference - level).to(spectra.dtype)
        varied = spectra - spectra[:, :1]
        varied = varied - varied.mean(dim=1, keepdim=True)
        size = shape.square().mean()
        slope = (varied * shape).mean(dim=1, keepdim=True) / size.where(size > 0, 1.0)
        significant = slope.abs() * size.sqrt() > NOTHING * spectra.abs().amax(dim=1, keepdim=True)
        return varied / slope.where(significant, 1.0) + level.to(spectra.dtype)


class Scale(nn.Module):
    """The scale of ``Normalise``."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, spectra: Tensor) -> Tensor:
        return scaled(spectra, self.kind)


class Pointwise(Fitted):
    """Each point less its mean over the training split, by its standard deviation there; by 1 where it has none."""

    mean: Tensor  # (L,)
    deviation: Tensor  # (L,)

    def __init__(self, points: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(points))
        self.register_buffer("deviation", torch.ones(points))

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.where(deviation > NOTHING * mean.abs(), 1.0))

    def forward(self, spectra: Tensor) -> Tensor:
        return (spectra - self.mean.to(spectra.dtype)) / self.deviation.to(spectra.dtype)
