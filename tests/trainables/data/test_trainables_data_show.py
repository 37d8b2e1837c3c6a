"""A dataset in words, in examples to draw, and as a file that others read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spectune.trainables.data import describe, examples, load, save


def test_describe_says_what_a_dataset_is() -> None:
    dataset = load("benchmark")
    text = describe(dataset)
    for words in (
        "500 classes",
        "5000, position (points) 0 to 4999",
        "train 25000, validation 5000, test 4500",
        dataset.digest,
        "2 in 126, 3 in 183",
    ):
        assert words in text
    assert "test" not in describe(dataset.blind()).split("spectra  ")[1].splitlines()[0]


def test_examples_hold_the_nominal_spectra_and_some_of_training() -> None:
    dataset = load("challenge", points=1000, train=2)
    drawn = examples(dataset, 4)
    assert list(drawn["names"]) == list(dataset.classes[:4])
    assert drawn["nominal"].shape == (4, 1000)
    assert drawn["spectra"].shape == (4, 3, 1000)
    for number in range(4):
        places, heights = dataset.definition.positions[number], dataset.definition.heights[number]
        assert drawn["nominal"][number].argmax() == places[int(np.argmax(heights))]
        rows = np.flatnonzero(dataset.train.labels == number)
        np.testing.assert_array_equal(drawn["spectra"][number, :2], dataset.train.batch(torch.from_numpy(rows)))
        assert np.isnan(drawn["spectra"][number, 2]).all()  # the class has two spectra only
    assert len(examples(dataset, 500)["names"]) == 27
    with pytest.raises(ValueError, match="at least 1, got 0"):
        examples(dataset, 0)


def test_a_saved_split_is_read_by_numpy_without_pickle_and_by_load(tmp_path: Path) -> None:
    dataset = load("challenge", points=500)
    path = tmp_path / "train.npz"
    save(dataset, "train", path)
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["x"].dtype == np.float32
        np.testing.assert_array_equal(arrays["x"], dataset.train.batch(torch.arange(len(dataset.train))))
        np.testing.assert_array_equal(arrays["y"], dataset.train.labels)
        assert arrays["names"].tolist() == list(dataset.classes)
        assert (str(arrays["axis_name"]), str(arrays["axis_unit"])) == ("position", "points")
        np.testing.assert_array_equal(arrays["axis"], np.arange(500))
    again = load(str(path))
    assert again.classes == dataset.classes
    assert (again.axis.name, again.axis.unit) == ("position", "points")
    assert sum(len(again.split(name)) for name in ("train", "validation", "test")) == len(dataset.train)


def test_a_saved_split_keeps_the_wavelength(tmp_path: Path) -> None:
    dataset = load("challenge", points=500)
    at = replace(dataset, axis=replace(dataset.axis, name="2theta", unit="degrees", wavelength=1.5406))
    save(at, "train", tmp_path / "train.npz")
    again = load(str(tmp_path / "train.npz")).axis
    assert again == at.axis and again.wavelength == 1.5406


def test_a_split_is_saved_under_the_asked_name_or_not_at_all(tmp_path: Path) -> None:
    dataset = load("challenge", points=500, train=3)
    with pytest.raises(ValueError, match=r"end the name in \.npz"):
        save(dataset, "test", tmp_path / "test.csv")
    with pytest.raises(ValueError, match="split must be one of train, validation, test, got 'tests'"):
        save(dataset, "tests", tmp_path / "test.npz")
    with pytest.raises(ValueError, match="was withheld"):
        save(dataset.blind(), "test", tmp_path / "test.npz")


def test_a_file_that_cannot_be_written_leaves_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, path = load("generated", classes=3, points=100, train=2), tmp_path / "train.npz"
    with pytest.raises(OSError, match="No such file or directory"):
        save(dataset, "train", tmp_path / "nowhere" / "train.npz")
    save(dataset, "train", path)
    before = path.read_bytes()
    written = np.savez

    def full(file: Any, **arrays: Any) -> None:
        written(file, x=np.zeros(3))
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        save(dataset, "train", path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["train.npz"]
