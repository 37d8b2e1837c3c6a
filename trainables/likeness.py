"""How unlike the spectra of training a spectrum is: a model of each class beside the network. N spectra, L points.

Class modelling by principal components (SIMCA; Wold 1976, Pattern Recognition 8, 127) with the distance of
probabilistic ones (Tipping and Bishop 1999): what the mean and the components of a class leave over, squared, over the
noise (the Q statistic; Jackson and Mudholkar 1979), plus the scores over their variance (Hotelling's T2). The nearest
class counts. It looks at spectra and not at the network, whose classes share out the whole space among them.

A spectrum is looked at as it differs from its surroundings, in 128 bins, by its own scale: a slow background and the
unit of the intensities do not count. Where labels are several, all spectra are one class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectune.trainables.data import stratify
from spectune.trainables.data.dataset import Dataset, Split

BINS = 128  # B; of a shorter spectrum every point is one
SURROUNDINGS = 8  # parts of the axis over one of which a spectrum's surroundings are averaged
COMPONENTS = 3  # K of a class at most, where it has 13 spectra or more
TOGETHER = 32  # of the one class of spectra with several labels
SEEN = 8192  # training spectra, of all classes, that are looked at
JUDGED = 2_000_000  # pairs of a validation spectrum and a class that are compared, but for the first of each class
FEW = 300  # validation spectra below which the training spectra are judged as well, in turn
TURNS = 5
SHARE = 0.99  # of the spectra that are judged, which are within the limit
LEAST = 1e-6  # of a variance and of a distance: the rounding of float32
ROUNDING = 1e-4
BLOCK = 256  # spectra that are rendered at a time
AT_ONCE = 4096  # that are compared

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Likeness:
    """``means`` (C, B), ``components`` (C, K, B) with their ``variances`` (C, K), 0 where a class has fewer, and the
    variance of the ``noise`` about them; the ``limit`` of distances, and the lowest and highest ``scale`` seen: the
    largest absolute intensity of a spectrum."""

    means: Floats
    components: Floats
    variances: Floats
    noise: float
    limit: float
    scale: tuple[float, float]

    def unlike(self, spectra: NDArray[np.floating[Any]]) -> Floats:
        """The distance (N,) of spectra (N, L), their baselines removed, to the nearest class, of the limit: one above
        1 is like no spectrum of training."""
        return self.distances(prepared(spectra)) / self.limit

    def distances(self, values: Floats) -> Floats:
        """(N,) of ``prepared`` spectra (N, B) to the nearest class."""
        found = [self._nearest(values[row : row + AT_ONCE]) for row in range(0, len(values), AT_ONCE)]
        return np.concatenate(found) if found else np.zeros(0)

    def _nearest(self, values: Floats) -> Floats:
        nearest = np.full(len(values), np.inf)
        for mean, components, variances in zip(self.means, self.components, self.variances, strict=True):
            away = values - mean
            scores = away @ components.T
            rest = np.maximum((away**2).sum(axis=1) - (scores**2).sum(axis=1), 0.0)
            nearest = np.minimum(nearest, rest / self.noise + (scores**2 / (variances + self.noise)).sum(axis=1))
        return np.asarray(nearest / values.shape[1])

    def tensors(self) -> dict[str, Tensor]:
        """Everything as float32, to be saved."""
        values = {**self.__dict__, "limit": [self.limit], "noise": [self.noise], "scale": list(self.scale)}
        return {name: torch.tensor(np.asarray(value), dtype=torch.float32) for name, value in values.items()}


def restored(tensors: dict[str, Tensor], points: int) -> Likeness:
    """What ``tensors`` saved, for spectra of ``points``. ValueError or KeyError where they are something else."""
    arrays = {name: tensors[name].double().numpy() for name in Likeness.__dataclass_fields__}
    classes, bins = arrays["means"].shape
    count = arrays["components"].shape[1]
    shapes = {"components": (classes, count, bins), "variances": (classes, count), "limit": (1,), "noise": (1,)}
    if bins != min(points, BINS) or any(arrays[name].shape != shape for name, shape in shapes.items()):
        raise ValueError(f"the model of the classes must be of {points} points")
    low, high = arrays["scale"]
    means, components, variances = (arrays[name] for name in ("means", "components", "variances"))
    return Likeness(means, components, variances, float(arrays["noise"][0]), float(arrays["limit"][0]), (low, high))


def prepared(spectra: NDArray[np.floating[Any]]) -> Floats:
    """Spectra (N, L) in bins (N, B), less the mean of their surroundings, each at mean 0 and standard deviation 1."""
    values = np.asarray(spectra, dtype=np.float64)
    if (points := values.shape[1]) > BINS:
        edges = np.linspace(0, points, BINS + 1).astype(int)
        values = np.add.reduceat(values, edges[:-1], axis=1) / np.diff(edges)
    half = max(1, values.shape[1] // SURROUNDINGS // 2)
    sums = np.cumsum(np.pad(np.pad(values, ((0, 0), (half, half)), mode="reflect"), ((0, 0), (1, 0))), axis=1)
    values = values - (sums[:, 2 * half + 1 :] - sums[:, : -2 * half - 1]) / (2 * half + 1)
    values = values - values.mean(axis=1, keepdims=True)
    deviations = values.std(axis=1, keepdims=True)
    return np.asarray(values / np.where(deviations > 0, deviations, 1.0))


def learn(dataset: Dataset) -> Likeness:
    """That of a dataset's training split, with the limit that 99 % of its validation spectra keep.

    Where these are few, the training spectra are judged as well, each fifth by the others, groups whole; where all are
    too few for a hundredth of them, logarithms of the distances are taken to be normal.
    """
    classes = 1 if dataset.multilabel else len(dataset.classes)
    train = _seen(dataset.train, SEEN // classes)
    validation = _seen(dataset.validation, max(FEW, JUDGED // classes) // classes + 1)
    spectra = np.concatenate([train.spectra, validation.spectra])
    if len(validation.spectra) >= FEW:
        model = _model(train.spectra, train.classes, train.scale)
        return _limited(model, model.distances(validation.spectra))
    numbers = np.concatenate([train.classes, validation.classes])
    groups = np.arange(len(spectra))
    if train.groups is not None and validation.groups is not None:
        groups = np.concatenate([train.groups, validation.groups])
    return _limited(_model(spectra, numbers, train.scale), _in_turn(spectra, numbers, groups))


class Seen(NamedTuple):
    """Some prepared ``spectra`` (N, B), the numbers of their ``classes`` and ``groups`` (N,), and their scale."""

    spectra: Floats
    classes: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    scale: tuple[float, float]


def _seen(split: Split, most: int) -> Seen:
    """At most so many spectra of each class, at least one."""
    order = np.random.default_rng(0).permutation(len(split))
    numbers = split.labels if split.labels.ndim == 1 else np.zeros(len(split), np.int64)
    rows = np.concatenate([order[numbers[order] == number][: max(1, most)] for number in np.unique(numbers)])
    parts, scales = [], []
    for some in torch.split(torch.from_numpy(np.sort(rows)), BLOCK):
        raw = split.batch(some).cpu().numpy()
        parts.append(prepared(raw))
        scales.append(np.abs(raw).max(axis=1))
    rows, scale = np.sort(rows), np.concatenate(scales)
    groups = None if split.groups is None else split.groups[rows]
    return Seen(np.concatenate(parts), numbers[rows], groups, (float(scale.min()), float(scale.max())))


def _model(spectra: Floats, numbers: NDArray[np.int64], scale: tuple[float, float]) -> Likeness:
    """The mean and the components of each class, without a limit."""
    means, found, left, free = [], [], 0.0, 0
    most = COMPONENTS if numbers.any() else TOGETHER
    for number in np.unique(numbers):
        some = spectra[numbers == number]
        means.append(some.mean(axis=0))
        _, sizes, axes = np.linalg.svd(some - means[-1], full_matrices=False)
        count = min(most, (len(some) - 1) // 4)
        left, free = left + float((sizes[count:] ** 2).sum()), free + max(len(some) - 1 - count, 0)
        found.append((axes[:count], sizes[:count] ** 2 / max(len(some) - 1, 1)))
    widest, bins = max(len(axes) for axes, _ in found), spectra.shape[1]
    components, variances = np.zeros((len(means), widest, bins)), np.zeros((len(means), widest))
    for row, (axes, sizes) in enumerate(found):
        components[row, : len(axes)], variances[row, : len(axes)] = axes, sizes
    noise = max(left / max(free, 1) / bins, LEAST)
    return Likeness(np.stack(means), components, variances, noise, 1.0, scale)


def _in_turn(spectra: Floats, numbers: NDArray[np.int64], groups: NDArray[np.int64]) -> Floats:
    """The distances of all spectra, each from a model of those of other parts; of classes that these have."""
    parts = stratify(numbers, groups, [1 / TURNS] * TURNS, seed=0)
    found = []
    for part in range(TURNS):
        others = parts != part
        judged = ~others & np.isin(numbers, numbers[others])
        if judged.any():
            found.append(_model(spectra[others], numbers[others], (0.0, 0.0)).distances(spectra[judged]))
    return np.concatenate(found) if found else np.full(1, np.inf)


def _limited(model: Likeness, distances: Floats) -> Likeness:
    """``model`` with the limit by ``distances`` (N,) of spectra that it has not seen: that of the rank that leaves out
    a hundredth of N + 1, or the upper end of a normal prediction interval where there is no such rank."""
    count = len(distances)
    rank = math.ceil((count + 1) * SHARE)
    limit = float(np.sort(distances)[min(rank, count) - 1])
    if rank > count > 1:
        logs = np.log(np.maximum(distances, LEAST))
        spread = float(logs.std(ddof=1)) * math.sqrt(1 + 1 / count)
        limit = max(limit, math.exp(float(logs.mean()) + _quantile(count - 1) * spread))
    return replace(model, limit=limit * (1 + ROUNDING))


def _quantile(freedom: int) -> float:
    """The 99 % quantile of Student's t."""
    from scipy.stats import t  # half a second, which only an export needs

    return float(t.ppf(SHARE, freedom))
