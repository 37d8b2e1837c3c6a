"""Stratified division by groups, and cross-validation: folds that are validated on, or tested on, once each.

N spectra, G groups, C classes or labels, P parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.data.dense import Dense

PLACED = 20_000  # groups that are placed in all draws together, of which the best balanced one is taken


def folds(dataset: Dataset, count: int, seed: int) -> list[Dataset]:
    """``count`` datasets of the same training and validation spectra, of which each validates on another fold.

    Folds are stratified and tear no group apart (``stratify``); ``seed`` draws them, so that they can be repeated with
    others. The test split stays as it is, also where it was withheld. Each has a digest of its own. ValueError where
    a class has fewer groups (or spectra, where there are none) than there are folds.
    """
    pool = _Pool([dataset.train, dataset.validation])
    parts = pool.parts(dataset, count, seed)
    made = []
    for fold in range(count):
        drawn = replace(dataset, train=pool.some(parts != fold), validation=pool.some(parts == fold))
        made.append(_named(drawn, f"fold {fold + 1} of {count}, drawn by {seed}"))
    return made


def outer_folds(dataset: Dataset, count: int, seed: int) -> list[Dataset]:
    """``count`` datasets of all spectra, of which each tests on another fold: the outer part of a nested evaluation.

    What is left is divided into training and validation by the shares that ``dataset`` has. As ``folds`` otherwise;
    ValueError as well where the test split is withheld.
    """
    pool = _Pool([dataset.train, dataset.validation, dataset.split("test")])
    parts = pool.parts(dataset, count, seed)
    share = len(dataset.validation) / (len(dataset.train) + len(dataset.validation))
    made = []
    for fold in range(count):
        splits = np.full(len(parts), 2)
        rest = np.flatnonzero(parts != fold)
        splits[rest] = stratify(pool.labels[rest], pool.groups[rest], [1 - share, share], seed)
        train, validation, test = (pool.some(splits == number) for number in range(3))
        drawn = replace(dataset, train=train, validation=validation, test=test)
        made.append(_named(drawn, f"test fold {fold + 1} of {count}, drawn by {seed}"))
    return made


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


class _Pool:
    """The spectra of some splits, rendered, with ``groups`` (N,): every spectrum is its own where there are none."""

    def __init__(self, splits: list[Split]) -> None:
        self.labels = np.concatenate([split.labels for split in splits])
        given = [split.groups for split in splits if split.groups is not None]
        self.grouped = bool(given)
        self.groups = np.concatenate(given) if given else np.arange(len(self.labels))
        self._spectra = np.concatenate([split.batch(torch.arange(len(split))).numpy() for split in splits])

    @property
    def all(self) -> Dense:
        """All spectra, in the order of the splits, without their groups."""
        return Dense(self._spectra, self.labels)

    def some(self, rows: NDArray[np.bool_]) -> Dense:
        return Dense(self._spectra[rows], self.labels[rows], self.groups[rows] if self.grouped else None)

    def parts(self, dataset: Dataset, count: int, seed: int) -> NDArray[np.int64]:
        """The fold of each spectrum (N,); ValueError where a class has too few groups for ``count``."""
        several = self.labels if dataset.multilabel else np.eye(len(dataset.classes), dtype=np.int64)[self.labels]
        have = [len(np.unique(self.groups[column > 0])) for column in several.T]
        rarest = int(np.argmin(have))
        if not 2 <= count <= have[rarest]:
            what = "groups" if self.grouped else "spectra"
            raise InputError(
                f"folds must be 2 or more, and no more than the rarest class has {what}, {have[rarest]} of "
                f"{dataset.classes[rarest]!r}, got {count}: take fewer, or add {what} of it"
            )
        return stratify(self.labels, self.groups, [1 / count] * count, seed)


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
