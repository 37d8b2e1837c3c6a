"""Folds: every spectrum is validated on, or tested on, once; groups stay whole; digests tell folds apart."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedGroupKFold

from spectune.trainables.data import Folds, folds, folds_by_size, load, outer_folds, together
from spectune.trainables.data.cross import stratify
from spectune.trainables.data.dataset import Dataset, Split


def measured(folder: Path, **arrays: Any) -> Dataset:
    """12 people with 5 spectra each, of two classes; the first value of a spectrum is its number."""
    x = np.random.default_rng(0).random((60, 12))
    x[:, 0] = np.arange(60)
    people = np.repeat(np.arange(12), 5)
    np.savez(folder / "mine.npz", **{"x": x, "y": people % 2, "group": people, **arrays})
    return load(str(folder / "mine.npz"))


def numbers(split: Split) -> list[int]:
    return split.batch(torch.arange(len(split)))[:, 0].int().tolist()


def test_each_spectrum_is_validated_on_once_and_the_test_split_stays(tmp_path: Path) -> None:
    dataset = measured(tmp_path)
    made = folds(dataset, 4, seed=1)
    seen = [number for fold in made for number in numbers(fold.validation)]
    assert sorted(seen) == sorted(numbers(dataset.train) + numbers(dataset.validation))
    for fold in made:
        assert sorted(numbers(fold.train) + numbers(fold.validation)) == sorted(seen)
        assert fold.split("test") is dataset.test
        assert set(fold.validation.labels) == set(fold.train.labels) == {0, 1}
        assert not set(fold.train.groups) & set(fold.validation.groups)
        for split in (fold.train, fold.validation):
            np.testing.assert_array_equal(split.labels, [number // 5 % 2 for number in numbers(split)])
            np.testing.assert_array_equal(split.groups, [number // 5 for number in numbers(split)])


def test_folds_of_the_blind_copy_are_those_of_the_whole(tmp_path: Path) -> None:
    dataset = measured(tmp_path)
    made, blind = folds(dataset, 3, seed=0), folds(dataset.blind(), 3, seed=0)
    assert [fold.digest for fold in made] == [fold.digest for fold in blind]
    assert all(fold.test is None for fold in blind)
    others = folds(dataset, 3, seed=1) + folds(dataset, 4, seed=0)
    assert len({fold.digest for fold in [dataset, *made, *others]}) == 11
    assert made[1].description.endswith("fold 2 of 3, drawn by 0")


def test_outer_folds_test_on_each_spectrum_once(tmp_path: Path) -> None:
    dataset = measured(tmp_path)
    made = outer_folds(dataset, 4, seed=0)
    assert sorted(number for fold in made for number in numbers(fold.split("test"))) == list(range(60))
    for fold in made:
        together = [set(fold.split(name).groups) for name in ("train", "validation", "test")]
        assert sum(map(len, together)) == len(set.union(*together)) == 12
        assert all(set(fold.split(name).labels) == {0, 1} for name in ("train", "validation", "test"))
    with pytest.raises(ValueError, match="test split of mine was withheld"):
        outer_folds(dataset.blind(), 4, seed=0)


def test_more_folds_than_the_rarest_class_has_groups_are_refused(tmp_path: Path) -> None:
    dataset = measured(tmp_path)
    with pytest.raises(ValueError, match=r"no more than the rarest class has groups, \d of '\d', got 9: take fewer"):
        folds(dataset, 9, seed=0)
    with pytest.raises(ValueError, match="folds must be 2 or more"):
        folds(dataset, 1, seed=0)


def test_generated_spectra_are_divided_as_they_are() -> None:
    dataset = load("generated", classes=3, points=200, train=6, validation=2, test=2, noise=0.1)
    made = folds(dataset, 4, seed=0)
    assert all(fold.train.groups is None for fold in made)
    assert [np.bincount(fold.validation.labels).tolist() for fold in made] == [[2, 2, 2]] * 4
    found = torch.cat([fold.validation.batch(torch.arange(6)) for fold in made])
    whole = torch.cat([split.batch(torch.arange(len(split))) for split in (dataset.train, dataset.validation)])
    assert set(map(bytes, found.numpy())) == set(map(bytes, whole.numpy()))


def people(seed: int, *, groups: int = 24, classes: int = 2, mixed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Labels and groups of people measured 1 to 20 times each; ``mixed``: a person's spectra are of several classes."""
    random = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(groups), random.integers(1, 21, groups))
    labels = (np.arange(groups) % classes)[numbers]
    return np.where(random.random(len(labels)) < 0.5, labels, random.integers(0, classes, len(labels))) if mixed else (
        labels
    ), numbers


def shares_of(labels: np.ndarray, parts: np.ndarray, count: int) -> np.ndarray:
    """(P, C) what part of each class every part has."""
    counts = np.array([np.bincount(labels[parts == part], minlength=labels.max() + 1) for part in range(count)])
    return counts / counts.sum(axis=0)


@pytest.mark.parametrize("mixed", [False, True])
def test_groups_stay_whole_and_classes_keep_their_shares(mixed: bool) -> None:
    wanted = [0.7, 0.15, 0.15]
    off = []
    for seed in range(10):
        labels, groups = people(seed, groups=60, mixed=mixed)
        parts = stratify(labels, groups, wanted, seed)
        assert all(len(set(parts[groups == group])) == 1 for group in set(groups))
        off.append(np.abs(shares_of(labels, parts, 3) - np.array(wanted)[:, None]).max())
    assert np.mean(off) < 0.03


@pytest.mark.parametrize(("classes", "mixed"), [(2, False), (2, True), (4, True)])
def test_it_is_as_balanced_as_scikit_learns_folds(classes: int, mixed: bool) -> None:
    ours, theirs = [], []
    for seed in range(15):
        labels, groups = people(seed, classes=classes, mixed=mixed)
        parts = np.zeros(len(labels), int)
        folds = StratifiedGroupKFold(4, shuffle=True, random_state=seed).split(labels, labels, groups)
        for number, (_, rows) in enumerate(folds):
            parts[rows] = number
        theirs.append(np.abs(shares_of(labels, parts, 4) - 0.25).mean())
        ours.append(np.abs(shares_of(labels, stratify(labels, groups, [0.25] * 4, seed), 4) - 0.25).mean())
    assert np.mean(ours) <= 1.05 * np.mean(theirs)


def test_a_class_of_as_many_groups_as_parts_is_in_each_of_them() -> None:
    groups = np.array([0] * 50 + [1] * 2 + [2] * 9 + [3, 4, 5] + [6] * 30)
    labels = np.array([0] * 61 + [1] * 33)
    labels[-30:] = 0
    for seed in range(10):
        parts = stratify(labels, groups, [0.7, 0.15, 0.15], seed)
        assert set(parts[labels == 1]) == {0, 1, 2}
        assert set(parts[labels == 0]) == {0, 1, 2}


def test_the_seed_decides_also_where_all_groups_differ_in_size() -> None:
    groups = np.repeat(np.arange(20), np.arange(1, 21))
    labels = groups % 2
    drawn = [stratify(labels, groups, [0.5, 0.25, 0.25], seed) for seed in range(5)]
    np.testing.assert_array_equal(drawn[3], stratify(labels, groups, [0.5, 0.25, 0.25], 3))
    assert any((one != other).any() for one, other in pairwise(drawn))


def test_several_labels_are_stratified_too() -> None:
    random = np.random.default_rng(0)
    labels = (random.random((300, 5)) < [0.5, 0.4, 0.3, 0.2, 0.1]).astype(int)
    groups = np.arange(300) // 3
    parts = stratify(labels, groups, [0.6, 0.2, 0.2], 0)
    got = np.array([labels[parts == part].sum(axis=0) for part in range(3)]) / labels.sum(axis=0)
    assert np.abs(got - np.array([[0.6], [0.2], [0.2]])).max() < 0.05


def test_folds_are_numbered_on_over_their_divisions_and_hold_the_spectra_once(tmp_path: Path) -> None:
    dataset = measured(tmp_path)
    divided = Folds(dataset, 3)
    listed = folds(dataset, 3, seed=0) + folds(dataset, 3, seed=1)
    whole = numbers(dataset.train) + numbers(dataset.validation)
    for number, fold in enumerate(listed):
        again = divided.fold(number)
        assert (again.digest, again.description) == (fold.digest, fold.description)
        assert numbers(again.validation) == numbers(fold.validation)
        assert [whole[row] for row in divided.validated(number)] == numbers(again.validation)
    first, second = (divided.fold(number) for number in (0, 4))
    assert first.train._whole is first.validation._whole is second.train._whole  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({}, 5),
        ({"group": np.arange(60) // 6, "y": np.arange(60) // 6 % 2}, 4),  # one of five of each class is tested on
        ({"group": np.arange(60)}, 5),
        ({"group": np.repeat(np.arange(6), 10), "y": np.repeat(np.arange(6) % 2, 10)}, 0),  # two of a class are left
        ({"split": np.repeat(["train", "val", "test"], 20), "group": np.arange(60)}, 0),
        ({"split": np.repeat(["train", "train", "test"], 20), "group": np.arange(60)}, 5),  # validation is drawn
    ],
)
def test_few_spectra_whose_validation_split_was_drawn_are_to_be_folded(
    tmp_path: Path, arrays: dict[str, Any], expected: int
) -> None:
    dataset = measured(tmp_path, **arrays)
    assert folds_by_size(dataset) == expected


def test_many_spectra_and_recipes_keep_their_validation_split(tmp_path: Path) -> None:
    few, many = (
        measured(tmp_path, x=np.random.default_rng(0).random((n, 12)), y=np.arange(n) % 2, group=np.arange(n))
        for n in (580, 600)
    )
    assert (folds_by_size(few), folds_by_size(many)) == (5, 0)
    people = measured(tmp_path, x=np.zeros((600, 12)), y=np.arange(600) % 2, group=np.arange(600) // 2 % 100 * 2)
    assert folds_by_size(people) == 5
    assert folds_by_size(load("generated", classes=3, points=200, train=6, validation=2, test=2)) == 0


def test_training_and_validation_spectra_together_are_those_of_both_and_no_test(tmp_path: Path) -> None:
    dataset = measured(tmp_path)
    whole = together(dataset)
    assert numbers(whole.train) == numbers(dataset.train) + numbers(dataset.validation)
    assert whole.train.labels.tolist() == [*dataset.train.labels, *dataset.validation.labels]
    assert numbers(whole.validation) == numbers(dataset.validation)
    assert whole.test is None and whole.digest != dataset.digest
