"""The published datasets, against the reference files beside the repository where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset, Split
from spectune.trainables.data.definition import Definition
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.data.recipes.benchmark import published
from spectune.trainables.data.recipes.sampling import Variant, blind, draw

REFERENCE = Path(__file__).parents[4] / "shared" / "reference"
SUMS = {  # of the un-normalised float64 spectra, from the published files
    "benchmark": {"train": 55926.344865, "validation": 11180.381988, "test": 10072.416},
    "challenge": {"train": 1963.382856, "validation": 392.098022, "test": 234.12},
}


def reference(name: str) -> Path:
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"the published file {name} is not beside this repository")
    return path


def total(split: Split) -> float:
    assert isinstance(split, Peaks)
    batches = torch.split(torch.arange(len(split)), 500)
    return sum(split.render(batch, dtype=torch.float64).sum().item() for batch in batches)


@pytest.fixture(scope="module")
def benchmark() -> Dataset:
    return load("benchmark")


def test_the_benchmark_definition_equals_the_published_one_to_the_last_bit() -> None:
    content = json.loads(reference("benchmark.json").read_text())
    made = published()
    assert made.points == content["datapoints"]
    assert list(made.names) == list(content["spectra"])
    for number, entry in enumerate(content["spectra"].values()):
        assert made.positions[number] == tuple(entry["peak_positions"])
        assert made.heights[number] == tuple(entry["peak_heights"])


def test_the_benchmark_has_the_published_peak_counts() -> None:
    counts = np.bincount(published().counts)
    assert counts[2:].tolist() == [126, 183, 100, 50, 19, 7, 6, 3, 6]


@pytest.mark.parametrize(("split", "size"), [("train", 25000), ("validation", 5000), ("test", 4500)])
def test_the_benchmark_splits_have_the_published_checksums(benchmark: Dataset, split: str, size: int) -> None:
    assert len(benchmark.split(split)) == size
    assert total(benchmark.split(split)) == pytest.approx(SUMS["benchmark"][split], abs=1e-6)


def test_the_first_training_spectrum_is_the_published_one(benchmark: Dataset) -> None:
    train = benchmark.train
    assert isinstance(train, Peaks)
    assert train.positions[0].tolist() == [411, 387, 656, 963, 3004, 3283, 3767, 3996, 4228, 4611]
    heights = [0.449516, 0.850087, 0.217306, 0.567442, 0.099863, 1.04692, 0.955697, 0.015876, 0.368235, 0.083202]
    np.testing.assert_allclose(train.heights[0], heights, atol=5e-7)
    assert train.widths[0] == pytest.approx(4.674079, abs=5e-7)
    assert train.labels[0] == 0


def test_the_first_test_spectrum_has_the_published_height(benchmark: Dataset) -> None:
    assert benchmark.test is not None
    assert benchmark.test.batch(torch.tensor([0])).max().item() == pytest.approx(0.199474648, abs=1e-8)


def test_a_drawn_split_equals_draw_by_draw_scalar_sampling() -> None:
    """The vectorised draws against the published loop, one number at a time."""
    definition = Definition(5000, ("a", "b"), ((150, 190, 4880), (20, 25)), ((0.02, 1.0, 0.5), (1.0, 0.3)))
    for vary_largest in (True, False):
        train, validation = draw(definition, seed=7, train=20, validation=5, vary_largest=vary_largest)
        random = np.random.default_rng(7)
        expected: list[list[np.ndarray]] = [[], []]
        for places, heights in zip(definition.positions, definition.heights, strict=True):
            for number in range(25):
                deltas = np.zeros(5000)
                moved = [min(max(int(random.integers(p - 50, p + 50)), 0), 4999) for p in places]
                values = [
                    min(max(random.uniform(h - 0.05, h + 0.05), 0.0), 2.0) if vary_largest or h != 1 else h
                    for h in heights
                ]
                for place, value in zip(moved, values, strict=True):
                    deltas[place] = value
                blurred = gaussian_filter1d(deltas, random.uniform(2, 5), mode="constant")
                expected[number >= 20].append(blurred)
        for split, rows in zip((train, validation), expected, strict=True):
            spectra = split.render(torch.arange(len(split)), dtype=torch.float64)
            np.testing.assert_allclose(spectra, rows, rtol=0, atol=1e-14)
            assert split.labels.tolist() == sorted(split.labels.tolist())


def test_later_peaks_replace_earlier_ones_on_the_same_point() -> None:
    definition = Definition(5000, ("a", "b"), ((100, 100), (4000, 4000)), ((0.5, 1.0), (1.0, 0.4)))
    test = blind(definition, [[Variant(0, 0.0)], [Variant(0, 0.0)]])
    assert test.batch(torch.tensor([0, 1])).sum(dim=1).tolist() == pytest.approx([1.0, 0.4], abs=1e-6)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_published_challenge_file_gives_the_published_splits(split: str) -> None:
    dataset = load(str(reference("challenge.json")))
    assert [len(dataset.split(name)) for name in ("train", "validation", "test")] == [1350, 270, 162]
    assert total(dataset.split(split)) == pytest.approx(SUMS["challenge"][split], abs=1e-6)


def test_the_published_benchmark_file_gives_the_same_dataset_as_our_generator(benchmark: Dataset) -> None:
    assert load(str(reference("benchmark.json"))).digest == benchmark.digest


def test_the_nine_test_spectra_of_a_class_are_its_published_variants(benchmark: Dataset) -> None:
    test, heights = benchmark.test, np.array(published().heights[1])
    assert isinstance(test, Peaks)
    assert (test.widths == 2).all()
    rows = np.flatnonzero(test.labels == 1)
    shifts = test.positions[rows, 0] - published().positions[1][0]
    assert shifts.tolist() == [0, -30, 30] * 3
    largest = heights == 1
    for number, change in enumerate((0, 0, 0, 0.04, 0.04, 0.04, -0.04, -0.04, -0.04)):
        made = test.heights[rows[number], : len(heights)]
        np.testing.assert_allclose(made, np.where(largest, 1, np.clip(heights + change, 0, 2)), atol=1e-12)


@pytest.mark.parametrize(
    ("label", "shift", "change"), [(8, 17, 0.04), (318, 17, 0.04), (164, 30, 0.025), (347, 30, 0.025)]
)
def test_the_published_exceptions_by_hand_are_kept(benchmark: Dataset, label: int, shift: int, change: float) -> None:
    test, definition = benchmark.test, published()
    assert isinstance(test, Peaks)
    rows = np.flatnonzero(test.labels == label)
    assert test.positions[rows[2], 0] - test.positions[rows[0], 0] == shift
    peak = next(n for n, height in enumerate(definition.heights[label]) if height != 1)
    assert test.heights[rows[3], peak] - test.heights[rows[0], peak] == pytest.approx(change)
