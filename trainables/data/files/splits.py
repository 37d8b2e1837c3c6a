"""Which spectra are trained on, validated with and tested on, with the same shares of every class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError
from spectune.trainables.data.cross import outer_splits, stratify
from spectune.trainables.data.dataset import SPLITS
from spectune.trainables.data.files.groups import Groups


def divide(
    path: Path,
    given: list[str] | None,
    labels: NDArray[np.int64],
    groups: Groups | None,
    *,
    classes: tuple[str, ...],
    shares: dict[str, float],
    seed: int,
) -> NDArray[np.int64]:
    """The split of each spectrum, as its number in ``SPLITS``. Those that are ``given`` by the file stay; ``shares``
    are those of validation and test where it gives none. Groups stay whole.

    ValueError where a class or a label would have no training spectra, where the file's splits tear a group apart, or
    where groups leave a split without a class.
    """
    splits = np.array([SPLITS.index(word) for word in given or ["train"] * len(labels)])
    drawn = {SPLITS.index(name): share for name, share in shares.items() if name not in (given or ())}
    if groups is not None:
        _whole(path, splits, groups)
        if drawn:
            free = np.flatnonzero(splits == 0)
            parts = stratify(labels[free], groups.numbers[free], [1 - sum(drawn.values()), *drawn.values()], seed)
            splits[free] = np.array([0, *drawn])[parts]
        _complete(path, splits, labels, groups, drawn=list(drawn), classes=classes)
        return splits
    if labels.ndim == 1:
        return _splits(path, splits, labels, drawn=drawn, classes=classes, seed=seed)
    return _multilabel_splits(path, splits, labels, drawn=drawn, classes=classes, seed=seed)


def tested(
    path: Path,
    given: list[str] | None,
    labels: NDArray[np.int64],
    groups: Groups | None,
    *,
    classes: tuple[str, ...],
    fold: tuple[int, int],
    share: float,
    seed: int,
) -> NDArray[np.int64]:
    """As ``divide``, with one of several test folds as the test split: ``fold`` is its number from 1, and of how many.
    ``share`` of the others is validated on. ValueError where the file brings splits, or a class is too small."""
    if given:
        raise InputError(f"test_fold draws all splits, {path} brings some: leave test_fold away, or remove the splits")
    number, count = fold
    numbers = None if groups is None else groups.numbers
    return outer_splits(labels, numbers, classes, fold=number - 1, count=count, share=share, seed=seed)


def _whole(path: Path, splits: NDArray[np.int64], groups: Groups) -> None:
    """ValueError where the file's splits tear groups apart."""
    pairs = np.unique(np.column_stack([groups.numbers, splits]), axis=0)
    numbers, times = np.unique(pairs[:, 0], return_counts=True)
    torn = numbers[times > 1].tolist()
    if torn:
        raise InputError(
            f"{path}: all spectra of a group must be in one split, {len(torn)} of {len(numbers)} groups are in several "
            f"({groups.few(torn)}): correct the splits, or remove them to have all drawn"
        )


def _complete(
    path: Path,
    splits: NDArray[np.int64],
    labels: NDArray[np.int64],
    groups: Groups,
    *,
    drawn: list[int],
    classes: tuple[str, ...],
) -> None:
    """ValueError where a class is in none of the groups that were drawn for a split, or a label not in training."""
    several = np.eye(len(classes), dtype=np.int64)[labels] if labels.ndim == 1 else labels
    for split in [0, *(drawn if labels.ndim == 1 else ())]:
        absent = np.flatnonzero(~several[splits == split].any(axis=0))
        if len(absent):
            numbers = np.unique(groups.numbers[several[:, absent[0]] > 0])
            raise InputError(
                f"{path}: class {classes[absent[0]]!r} must be in every split that is drawn, its {len(numbers)} groups "
                f"({groups.few(numbers)}) leave {SPLITS[split]} without: add groups of it, or remove the class"
            )


def _splits(
    path: Path,
    splits: NDArray[np.int64],
    labels: NDArray[np.int64],
    *,
    drawn: dict[int, float],
    classes: tuple[str, ...],
    seed: int,
) -> NDArray[np.int64]:
    """By class, each with the same shares."""
    random = np.random.default_rng(seed)
    for label, name in enumerate(classes):
        rows = random.permutation(np.flatnonzero((labels == label) & (splits == 0)))
        least = 1 + len(drawn)
        if len(rows) < least:
            raise InputError(
                f"{path}: class {name!r} must have {least} or more training spectra, got {len(rows)}: move some to "
                f"train, or leave the splits away"
            )
        start = 0
        for split, share in drawn.items():
            least -= 1
            count = min(max(1, round(share * len(rows))), len(rows) - start - least)
            splits[rows[start : start + count]] = split
            start += count
    return splits


def _multilabel_splits(
    path: Path,
    splits: NDArray[np.int64],
    labels: NDArray[np.int64],
    *,
    drawn: dict[int, float],
    classes: tuple[str, ...],
    seed: int,
) -> NDArray[np.int64]:
    """For labels (N, C): iterative stratification (Sechidis et al. 2011), the rarest label first."""
    random = np.random.default_rng(seed)
    free = splits == 0
    counts = np.append(labels[free].sum(axis=0), free.sum())  # of every label, and of all spectra
    wanted = np.zeros((len(SPLITS), len(counts)))
    for split, share in drawn.items():
        wanted[split] = np.maximum(1, np.round(share * counts))
    wanted[0] = counts - wanted.sum(axis=0)
    while free.any():
        left = labels[free].sum(axis=0)
        label = int(np.where(left > 0, left, len(labels) + 1).argmin()) if left.any() else labels.shape[1]
        rows = np.flatnonzero(free & (labels[:, label] > 0) if left.any() else free)
        for row in random.permutation(rows):
            split = max((0, *drawn), key=lambda number: (wanted[number, label], wanted[number, -1]))
            splits[row] = split
            wanted[split, :-1] -= labels[row]
            wanted[split, -1] -= 1
        free[rows] = False
    lost = labels[splits == 0].sum(axis=0) == 0
    if lost.any():
        raise InputError(
            f"{path}: every label must have training spectra, {classes[lost.argmax()]!r} has none: move some to train, "
            "or leave the splits away"
        )
    return splits
