"""The contract of a dataset: its axis is a value, and labels fit the classes."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.trainables.data import load
from spectune.trainables.data.dataset import Axis, Dataset
from spectune.trainables.data.dense import Dense

CLASSES = ("anatase", "rutile")


def made(labels: object, classes: tuple[str, ...] = CLASSES, *, test: object = (0, 1)) -> Dataset:
    def split(numbers: object) -> Dense:
        return Dense(np.ones((len(np.asarray(numbers)), 8)), numbers)

    return Dataset("d", "two", classes, Axis(np.arange(8.0)), split(labels), split((0, 1)), split(test))


def test_axes_are_equal_by_value() -> None:
    values = np.linspace(0.0, 1.0, 5)
    one = Axis(values, "angle", "degrees")
    assert one == Axis(values.copy(), "angle", "degrees")
    assert hash(one) == hash(Axis(values.copy(), "angle", "degrees"))
    assert one != Axis(values + 1, "angle", "degrees")
    assert one != Axis(values[:4], "angle", "degrees")
    assert one != Axis(values, "angle", "radians")
    assert one != "angle"


@pytest.mark.parametrize("wavelength", [-1.5, float("inf"), float("nan")])
def test_a_wavelength_is_a_number(wavelength: float) -> None:
    with pytest.raises(ValueError, match="a wavelength must be a number"):
        Axis(np.arange(3.0), "2theta", "degrees", wavelength)


def test_datasets_can_be_compared_and_kept_in_a_set() -> None:
    dataset = made([0, 1])
    assert dataset == dataset  # noqa: PLR0124
    assert len({dataset, made([0, 1])}) == 2


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], "labels of the train split must be from 0 to 1 for 2 classes, got 2"),
        ([0, -1], "got -1"),
        ([[0, 1, 0], [1, 0, 0]], r"or \(N, 2\) of 0 and 1, got the shape \(2, 3\)"),
        ([[0, 2], [1, 0]], "got 2"),
    ],
)
def test_labels_that_do_not_fit_the_classes_are_refused(labels: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        made(labels)
    assert "\n" not in str(refusal.value)


def test_all_splits_have_one_kind_of_labels() -> None:
    with pytest.raises(ValueError, match="labels of the test split"):
        made([0, 1], test=[0, 5])
    with pytest.raises(ValueError, match="all splits must have one label per spectrum, or all several"):
        made([0, 1], test=[[0, 1], [1, 0]])


def test_classes_are_named_once() -> None:
    with pytest.raises(ValueError, match="classes must be named once each"):
        made([0, 1], ("anatase", "anatase"))


def test_the_blind_copy_has_no_test_split_and_the_same_digest() -> None:
    dataset = load("generated", classes=3, points=100, train=2, validation=1, test=1)
    blind = dataset.blind()
    assert (blind.test, blind.digest) == (None, dataset.digest)
    with pytest.raises(ValueError, match="the test split of generated was withheld"):
        blind.split("test")
    with pytest.raises(ValueError, match="split must be one of train, validation, test, got 'tset'"):
        dataset.split("tset")


def grouped(train: object, test: object = (4, 5), validation: object = (3, 3)) -> Dataset:
    def split(groups: object) -> Dense:
        return Dense(np.ones((2, 8)), (0, 1), groups)

    return Dataset("d", "two", CLASSES, Axis(np.arange(8.0)), split(train), split(validation), split(test))


def test_groups_are_part_of_the_digest_and_what_has_none_keeps_its_own() -> None:
    assert grouped((0, 1)).digest == grouped((0, 1)).digest
    assert len({one.digest for one in (grouped((0, 1)), grouped((0, 0)), made([0, 1]))}) == 3
    assert made([0, 1]).digest == "88dcb88af120f5fa"


def test_a_group_is_in_one_split_and_groups_are_in_all_splits() -> None:
    with pytest.raises(ValueError, match="a group must be in one split, got 5 in several: move"):
        grouped((1, 5))
    with pytest.raises(ValueError, match="all splits must have groups, or none, got none in validation"):
        grouped((1, 2), validation=None)
    assert grouped((1, 2)).blind().train.groups is not None
