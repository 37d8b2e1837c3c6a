"""Spectra that a file holds twice: found across splits, said, and kept together where asked."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectune.trainables.data import load
from spectune.trainables.data.files.duplicates import across, alike


def spectra(count: int = 40, *, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """``count`` spectra of two peaks of varying height and width on 300 points, 8 decimals."""
    random = np.random.default_rng(seed)
    axis = np.arange(300)
    peaks = [
        random.uniform(0.5, 1, (count, 1)) * np.exp(-(((axis - centre) / random.uniform(5, 15, (count, 1))) ** 2))
        for centre in (80, 200)
    ]
    return (sum(peaks) + noise * random.normal(size=(count, len(axis)))).round(8)


@pytest.mark.parametrize(
    "same",
    [lambda x: x, lambda x: 3.7 * x, lambda x: x + 20_000, lambda x: x.round(4), lambda x: 100 - 5 * (10 - x)],
    ids=["equal", "scaled", "on an offset", "rounded", "both"],
)
def test_a_spectrum_that_comes_again_is_found(same: Any) -> None:
    x = spectra(noise=0.01)
    twice = np.concatenate([x, same(x[[5, 9]]), x[[5]]])
    assert alike(twice).tolist() == [*range(40), 5, 9, 5]
    assert alike(twice.astype(np.float32)).tolist()[:40] == list(range(40))


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_different_spectra_of_a_class_are_not_alike(noise: float) -> None:
    assert alike(spectra(500, noise=noise)).tolist() == list(range(500))


def test_a_sample_measured_twice_is_no_duplicate() -> None:
    x = spectra()
    random = np.random.default_rng(0)
    again = np.concatenate([x + 0.002 * random.normal(size=x.shape) for _ in range(2)])
    assert alike(again).tolist() == list(range(80))


def test_flat_spectra_are_alike_only_where_they_are_equal() -> None:
    assert alike(np.repeat([[0.0], [1.0], [1.0], [2.0]], 50, axis=1)).tolist() == [0, 1, 1, 3]
    assert alike(np.repeat([[7.1]], 50, axis=1)).tolist() == [0]


def test_all_of_many_are_found_at_any_place() -> None:
    x = spectra(3000, noise=0.003)
    rows = np.random.default_rng(0).permutation(3000)[:1000]
    found = alike(np.concatenate([x, (2 * x[rows] + 1).round(6)]))
    np.testing.assert_array_equal(found[3000:], rows)
    np.testing.assert_array_equal(found[:3000], np.arange(3000))


def test_only_what_is_in_two_splits_counts_and_an_example_is_named() -> None:
    copies = np.array([0, 0, 2, 2, 4, 5, 5])
    splits = np.array([0, 0, 2, 0, 1, 1, 2])
    labels = np.array([0, 0, 1, 0, 0, 1, 1])
    said = across(copies, splits, labels, list("abcdefg"))
    assert said.startswith("2 of 4 spectra of validation and test are in another split as well")
    assert "(such as c in test and d in train), 1 of them with another label" in said
    assert across(np.arange(7), splits, labels, list("abcdefg")) == ""


def archive(folder: Path, **arrays: Any) -> str:
    """Forty spectra of two classes, of which the last ten are the first ten on another scale."""
    x = np.concatenate([spectra(30), 3 * spectra(30)[:10]])
    np.savez(folder / "mine.npz", **{"x": x, "y": np.arange(40) % 2, **arrays})
    return str(folder / "mine.npz")


def test_duplicates_in_two_splits_are_said_and_kept_together_where_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = archive(tmp_path)
    with caplog.at_level(logging.WARNING, "spectune"):
        torn = load(path)
    (record,) = caplog.records
    assert "spectra of validation and test are in another split as well" in record.getMessage()
    assert record.getMessage().endswith("--data duplicates=together keeps them in one")
    assert "in another split as well" in torn.description
    caplog.clear()
    with caplog.at_level(logging.WARNING, "spectune"):
        dataset = load(path, duplicates="together")
    assert caplog.records == []
    assert "30 groups by duplicates: " in dataset.description
    assert sum(len(set(dataset.split(name).groups)) for name in ("train", "validation", "test")) == 30
    with pytest.raises(ValueError, match="duplicates must be one of tell, together, got 'drop'"):
        load(path, duplicates="drop")


def test_duplicates_join_groups(tmp_path: Path) -> None:
    path = archive(tmp_path, group=np.arange(40) // 2)  # 0 and 15, 1 and 16 ... share spectra
    dataset = load(path, duplicates="together")
    assert "15 groups by group and duplicates" in dataset.description
    words = np.array(["test"] + ["train"] * 39)
    with pytest.raises(ValueError, match=r"1 of 30 groups are in several \(spectrum 0\)"):
        load(archive(tmp_path, split=words), duplicates="together")
