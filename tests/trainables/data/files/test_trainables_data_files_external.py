"""A test set in a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data import load, save

POINTS = 24
AXIS = np.linspace(400, 1000, POINTS)


def archive(folder: Path, name: str, *, count: int = 20, seed: int = 0, **arrays: Any) -> str:
    x = np.random.default_rng(seed).random((count, POINTS))
    y = np.array(["calcite", "quartz"])[np.arange(count) % 2]
    content = {"x": x, "y": y, "axis": AXIS, **arrays}
    np.savez(folder / name, **{key: value for key, value in content.items() if value is not None})
    return str(folder / name)


def test_all_of_the_file_is_the_test_split_and_nothing_else_is(tmp_path: Path) -> None:
    test = archive(tmp_path, "theirs.npz", count=7, seed=1)
    dataset = load(archive(tmp_path, "mine.npz"), test=test, validation=0.3)
    split = dataset.split("test")
    expected = np.random.default_rng(1).random((7, POINTS))
    np.testing.assert_allclose(split.batch(torch.arange(7)), expected, rtol=1e-6)
    assert [dataset.classes[label] for label in split.labels] == ["calcite", "quartz"] * 3 + ["calcite"]
    assert (len(dataset.train), len(dataset.validation)) == (14, 6)
    assert "27 measured spectra" in dataset.description
    assert "test set of its own, theirs.npz" in dataset.description
    other = load(archive(tmp_path, "mine.npz"), test=archive(tmp_path, "theirs.npz", count=7, seed=2), validation=0.3)
    assert other.digest != dataset.digest
    np.testing.assert_array_equal(other.train.labels, dataset.train.labels)


def test_another_axis_is_resampled_with_a_word(tmp_path: Path) -> None:
    finer = np.linspace(390, 1010, 63)
    test = archive(tmp_path, "theirs.npz", count=6, x=np.tile(2 * finer, (6, 1)), axis=finer)
    dataset = load(archive(tmp_path, "mine.npz"), test=test)
    np.testing.assert_allclose(dataset.split("test").batch(torch.arange(6)), np.tile(2 * AXIS, (6, 1)), rtol=1e-6)
    assert "theirs.npz resampled to the axis of mine.npz" in dataset.description


def refused(tmp_path: Path, message: str, *, mine: dict[str, Any] | None = None, **theirs: Any) -> None:
    test = archive(tmp_path, "theirs.npz", seed=1, **theirs)
    with pytest.raises(ValueError, match=message) as refusal:
        load(archive(tmp_path, "mine.npz", **(mine or {})), test=test)
    assert "\n" not in str(refusal.value)


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path: Path) -> None:
    others = np.array(["calcite", "halite"])[np.arange(20) % 2]
    refused(tmp_path, r"must have the classes of .*mine.npz, got 1 others \(halite\)", y=others)
    refused(tmp_path, "must say the class of each spectrum, got no labels", y=None)
    refused(tmp_path, "must cover the model's axis", axis=AXIS + 500)
    refused(tmp_path, "no axis in one of them", axis=None, x=np.ones((20, 30)))
    refused(
        tmp_path,
        "must be on the axis of the model, .*got",
        mine={"axis_unit": "1/cm"},
        axis_unit="nm",
    )
    refused(tmp_path, "must be as .* corrected by none, got asls", baseline_removed="asls")
    refused(tmp_path, "must both have groups, or none", group=np.arange(20))
    words = np.array(["test"] * 4 + ["train"] * 16)
    refused(tmp_path, "must have no test split beside test=.*theirs.npz", mine={"split": words})


def test_groups_may_not_be_in_both_files(tmp_path: Path) -> None:
    mine = {"group": np.arange(20) // 2}
    refused(tmp_path, r"1 of 19 groups are in several \(9\)", mine=mine, group=np.arange(20) // 2 + 9)
    test = archive(tmp_path, "theirs.npz", seed=1, group=np.arange(20) // 4 + 50)
    dataset = load(archive(tmp_path, "mine.npz", **mine), test=test)
    assert dataset.description.endswith("5 test")
    assert len(set(dataset.split("test").groups)) == 5


def test_a_class_that_the_test_set_lacks_is_said(tmp_path: Path) -> None:
    test = archive(tmp_path, "theirs.npz", seed=1, y=np.array(["quartz"] * 20))
    dataset = load(archive(tmp_path, "mine.npz"), test=test)
    assert "theirs.npz has no spectra of calcite" in dataset.description


def test_an_exported_split_serves_as_test_set(tmp_path: Path) -> None:
    dataset = load(archive(tmp_path, "mine.npz"))
    save(dataset, "test", tmp_path / "kept.npz")
    again = load(archive(tmp_path, "other.npz", seed=3), test=tmp_path / "kept.npz")
    np.testing.assert_array_equal(again.split("test").labels, dataset.split("test").labels)


@pytest.mark.parametrize("given", ["none.npz", "0.9", "-1"])
def test_neither_a_share_nor_a_file_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(ValueError, match=r"test must be above 0 and at most 0.4, or a file|must be an existing file"):
        load(archive(tmp_path, "mine.npz"), test=given)
