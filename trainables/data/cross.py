"""Stratified division by groups, and cross-validation: folds that are validated on, or tested on, once each.

N spectra, G groups, C classes or labels, P parts, L points.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.data.dense import Dense

PLACED = 20_000  # groups that are placed in all draws together, of which the best balanced one is taken


FEW = 500  # spectra, or groups, to train and validate with, below which a drawn validation split is too small alone
USUAL, LEAST = 5, 3  # folds; of two, each would train on no more than half


class Folds:
    """The training and validation spectra of a dataset, divided into ``count`` folds again and again.

    Fold ``number`` is that of ``number % count`` in the division that the seed ``number // count`` draws. Folds are
    stratified and tear no group apart (``stratify``). All are views of the same spectra, which are held once. The test
    split stays as it is, also where it was withheld. Each has a digest of its own. ValueError where a class has fewer
    groups (or spectra, where there are none) than there are folds.
    """

    def __init__(self, dataset: Dataset, count: int) -> None:
        self._dataset = dataset
        self._count = count
        self._pool = _Pool([dataset.train, dataset.validation])
        self._divisions: dict[int, NDArray[np.int64]] = {}  # seed -> the fold of each spectrum (N,)
        self._division(0)

    def fold(self, number: int) -> Dataset:
        """The dataset that validates on this fold and trains on the others."""
        seed, place = divmod(number, self._count)
        parts = self._division(seed)
        train, validation = self._pool.view(parts != place), self._pool.view(parts == place)
        drawn = replace(self._dataset, train=train, validation=validation)
        return _named(drawn, f"fold {place + 1} of {self._count}, drawn by {seed}")

    def validated(self, number: int) -> NDArray[np.int64]:
        """Which of all spectra, training before validation, the fold validates on, in its order (n,)."""
        seed, place = divmod(number, self._count)
        return np.flatnonzero(self._division(seed) == place)

    def _division(self, seed: int) -> NDArray[np.int64]:
        if seed not in self._divisions:
            groups = self._pool.groups if self._pool.grouped else None
            self._divisions[seed] = _dealt(self._pool.labels, groups, self._dataset.classes, self._count, seed)
        return self._divisions[seed]


def folds(dataset: Dataset, count: int, seed: int) -> list[Dataset]:
    """The ``count`` datasets of one division into ``Folds``, of which each validates on another fold."""
    divided = Folds(dataset, count)
    return [divided.fold(seed * count + place) for place in range(count)]


def folds_by_size(dataset: Dataset) -> int:
    """The folds to validate on where nobody said how many; 0 for the validation split alone.

    Folds are for a validation split that was drawn from fewer than ``FEW`` spectra, or groups: one that the data bring,
    or a recipe makes, is as it is meant to be. ``USUAL``, or as many as the rarest class has groups; 0 below ``LEAST``.
    """
    if "validation" not in dataset.drawn:
        return 0
    pool = _Pool([dataset.train, dataset.validation])
    most = min(USUAL, *_units(pool.labels, pool.groups, len(dataset.classes)))
    return most if len(np.unique(pool.groups)) < FEW and most >= LEAST else 0


def outer_folds(dataset: Dataset, count: int, seed: int) -> list[Dataset]:
    """``count`` datasets of all spectra, of which each tests on another fold: the outer part of a nested evaluation.

    What is left is divided into training and validation by the shares that ``dataset`` has. As ``Folds`` otherwise;
    ValueError as well where the test split is withheld.
    """
    pool = _Pool([dataset.train, dataset.validation, dataset.split("test")])
    share = len(dataset.validation) / (len(dataset.train) + len(dataset.validation))
    groups = pool.groups if pool.grouped else None
    made = []
    for fold in range(count):
        splits = outer_splits(pool.labels, groups, dataset.classes, fold=fold, count=count, share=share, seed=seed)
        train, validation, test = (pool.copy(splits == number) for number in range(3))
        drawn = replace(dataset, train=train, validation=validation, test=test)
        made.append(_named(drawn, f"test fold {fold + 1} of {count}, drawn by {seed}"))
    return made


def outer_splits(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    classes: Sequence[str],
    *,
    fold: int,
    count: int,
    share: float,
    seed: int,
) -> NDArray[np.int64]:
    """The split (N,) of each spectrum, as its number in ``SPLITS``: one ``fold`` of ``count``, from 0 on, is tested on,
    and a ``share`` of the others is validated on. ValueError as of ``Folds``."""
    parts = _dealt(labels, groups, classes, count, seed)
    splits, rest = np.full(len(parts), 2), np.flatnonzero(parts != fold)
    units = np.arange(len(parts)) if groups is None else groups
    splits[rest] = stratify(labels[rest], units[rest], [1 - share, share], seed)
    return splits


def together(dataset: Dataset) -> Dataset:
    """The dataset whose training split has the spectra of the validation split as well, without a test split.

    It is validated on spectra that it is trained on, and the groups, which no longer part anything, are left out.
    """
    train, first = _Pool([dataset.train, dataset.validation]).all, len(dataset.train)
    validation = Dense(train.spectra[first:], train.labels[first:])
    return _named(replace(dataset, train=train, validation=validation, test=None), "training and validation together")


def _named(dataset: Dataset, what: str) -> Dataset:
    """The dataset that says which part it is; its digest follows from that of the whole."""
    digest = hashlib.sha256(f"{dataset.digest} {what}".encode()).hexdigest()[:16]
    return replace(dataset, description=f"{dataset.description}; {what}", digest=digest)


class _Part(Split):
    """Some ``rows`` (n,) of spectra that other splits show as well."""

    def __init__(self, whole: Dense, rows: NDArray[np.int64]) -> None:
        self.labels = whole.labels[rows]
        self.groups = None if whole.groups is None else whole.groups[rows]
        self._whole = whole
        self._rows = {torch.device("cpu"): torch.from_numpy(rows)}  # on each device that asked for spectra

    def batch(self, indices: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        device = torch.device(device)
        if device not in self._rows:
            self._rows[device] = self._rows[torch.device("cpu")].to(device)
        return self._whole.batch(self._rows[device][indices.to(device)], device)

    def feed(self, digest: Any) -> None:
        rows = self._rows[torch.device("cpu")].numpy()
        Dense(self._whole.spectra[rows], self.labels).feed(digest)


class _Pool:
    """The spectra of some splits, rendered, with ``groups`` (N,): every spectrum is its own where there are none."""

    def __init__(self, splits: list[Split]) -> None:
        self.labels = np.concatenate([split.labels for split in splits])
        numbers = [split.groups for split in splits if split.groups is not None]
        self.grouped = bool(numbers)
        self.groups = np.concatenate(numbers) if numbers else np.arange(len(self.labels))
        self._splits = splits

    @cached_property
    def _whole(self) -> Dense:
        spectra = [split.batch(torch.arange(len(split))).numpy() for split in self._splits]
        return Dense(np.concatenate(spectra), self.labels, self.groups if self.grouped else None)

    @property
    def all(self) -> Dense:
        """All spectra, in the order of the splits, without their groups."""
        return Dense(self._whole.spectra, self.labels)

    def view(self, rows: NDArray[np.bool_]) -> Split:
        return _Part(self._whole, np.flatnonzero(rows))

    def copy(self, rows: NDArray[np.bool_]) -> Dense:
        whole = self._whole
        return Dense(whole.spectra[rows], whole.labels[rows], None if whole.groups is None else whole.groups[rows])


def _units(labels: NDArray[np.int64], groups: NDArray[np.int64], classes: int) -> list[int]:
    """How many groups each class, or label, has."""
    several = np.eye(classes, dtype=np.int64)[labels] if labels.ndim == 1 else labels
    return [len(np.unique(groups[column > 0])) for column in several.T]


def _dealt(
    labels: NDArray[np.int64], groups: NDArray[np.int64] | None, classes: Sequence[str], count: int, seed: int
) -> NDArray[np.int64]:
    """The fold (N,) of each spectrum; ValueError where a class has too few groups (or spectra) for ``count``."""
    what, units = ("spectra", np.arange(len(labels))) if groups is None else ("groups", groups)
    have = _units(labels, units, len(classes))
    rarest = int(np.argmin(have))
    if not 2 <= count <= have[rarest]:
        raise InputError(
            f"folds must be 2 or more, and no more than the rarest class has {what}, {have[rarest]} of "
            f"{classes[rarest]!r}, got {count}: take fewer, or add {what} of it"
        )
    return stratify(labels, units, [1 / count] * count, seed)


def stratify(
    labels: NDArray[np.int64], groups: NDArray[np.int64], shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """The part (N,) of each spectrum, from 0 on; part p gets about ``shares[p]`` of all, which add up to 1.

    ``labels`` are (N,) or (N, C) as in ``Split``; ``groups`` (N,), in any numbers, stay whole. Large ones rather before
    small ones, each group goes where it brings all labels closest to their shares (least squares), but a part that
    has nothing of a label yet gets one of its last groups. Of several draws the one is taken that leaves out fewest
    labels, and of those the closest.
    """
    random = np.random.default_rng(seed)
    several = np.eye(labels.max() + 1, dtype=np.int64)[labels] if labels.ndim == 1 else labels
    names, numbers = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), several.shape[1] + 1), np.int64)  # the last column counts spectra
    np.add.at(counts, numbers, np.column_stack([several, np.ones(len(labels), np.int64)]))
    drawn = [_draw(counts, shares, random) for _ in range(max(1, min(20, PLACED // len(names))))]
    return min(drawn, key=lambda parts: _missed(counts, parts, shares))[numbers]


def _draw(counts: NDArray[np.int64], shares: Sequence[float], random: np.random.Generator) -> NDArray[np.int64]:
    """The part of each group (G,), of which ``counts`` (G, C + 1) says how many spectra have each label, and all."""
    parts = np.zeros(len(counts), np.int64)
    totals = np.maximum(counts.sum(axis=0), 1)
    weights = counts / totals**2
    wanted = np.outer(shares, totals)
    without = np.ones(wanted.shape, bool)  # parts and labels that have not met
    left = (counts > 0).sum(axis=0)  # groups of each label that have no part yet
    for group in np.argsort(-random.uniform(0.5, 1, len(counts)) * counts[:, -1], kind="stable"):
        has = counts[group] > 0
        needed = without[:, has & (left <= without.sum(axis=0))].sum(axis=1)
        some = np.flatnonzero(needed == needed.max())
        part = some[(wanted[some] @ weights[group]).argmax()]
        parts[group] = part
        wanted[part] -= counts[group]
        without[part] &= ~has
        left -= has
    return parts


def _missed(counts: NDArray[np.int64], parts: NDArray[np.int64], shares: Sequence[float]) -> tuple[int, float]:
    """How often a part has nothing of a label, and how far the parts are from their shares of every label."""
    got = np.stack([counts[parts == part].sum(axis=0) for part in range(len(shares))])
    distance = got / np.maximum(counts.sum(axis=0), 1) - np.array(shares)[:, None]
    return int((got == 0).sum()), float((distance**2).sum())
