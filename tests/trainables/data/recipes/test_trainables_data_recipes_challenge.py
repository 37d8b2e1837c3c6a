from __future__ import annotations

import numpy as np
import pytest
import torch

from spectune.trainables.data import load
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.data.recipes.challenge import Challenge, construct


@pytest.fixture(scope="module")
def challenge() -> Dataset:
    return load("challenge")


def peaks(options: Challenge) -> list[list[tuple[int, float]]]:
    made = construct(options)
    return [list(zip(*pair, strict=True)) for pair in zip(made.positions, made.heights, strict=True)]


def test_sizes_are_the_published_ones(challenge: Dataset) -> None:
    assert [len(challenge.split(name)) for name in ("train", "validation", "test")] == [1350, 270, 162]
    assert len(challenge.classes) == len(set(challenge.classes)) == 27
    assert len(challenge.axis) == 5000


@pytest.mark.parametrize("seed", range(4))
def test_a_minor_peak_decides_in_the_first_family(seed: int) -> None:
    classes = peaks(Challenge(seed=seed, minor=0.06))
    for triplet in range(3):
        minors = [
            [place for place, height in some if height == 0.06] for some in classes[3 * triplet : 3 * triplet + 3]
        ]
        mains = [
            [(place, height) for place, height in some if height != 0.06]
            for some in classes[3 * triplet : 3 * triplet + 3]
        ]
        assert [len(some) for some in minors] == ([0, 1, 2] if triplet == 2 else [0, 1, 1])
        assert len({tuple(height for _, height in main) for main in mains}) == 1
        assert np.ptp([[place for place, _ in main] for main in mains], axis=0).max() <= 6
        if triplet < 2:
            assert abs(minors[1][0] - minors[2][0]) >= 200


@pytest.mark.parametrize("seed", range(4))
def test_positions_are_spaced_as_asked_in_the_second_family(seed: int) -> None:
    classes = peaks(Challenge(seed=seed, spacing=90))[9:18]
    for start, moving in ((0, 1), (3, 1), (6, 2)):
        places = np.array([[place for place, height in some if height != 1.0] for some in classes[start : start + 3]])
        assert np.diff(places, axis=0).tolist() == [[90] * moving] * 2
        heights = {tuple(height for _, height in some) for some in classes[start : start + 3]}
        assert len(heights) == 1


@pytest.mark.parametrize("seed", range(4))
def test_heights_are_stepped_as_asked_in_the_third_family(seed: int) -> None:
    classes = peaks(Challenge(seed=seed, step=0.1))[18:]
    for start in (0, 3, 6):
        heights = np.array([[height for _, height in some] for some in classes[start : start + 3]])
        steps = np.diff(heights, axis=0).round(6)
        assert sorted(steps[0]) == [0] * (steps.shape[1] - 1) + [0.1]
        assert (steps[0] == steps[1]).all()


def test_peaks_of_height_one_do_not_vary_and_the_others_do(challenge: Dataset) -> None:
    train = challenge.train
    assert isinstance(train, Peaks)
    nominal = challenge.definition.padded()[1][train.labels]
    assert (train.heights[nominal == 1] == 1).all()
    others = (nominal > 0) & (nominal < 1)
    change = (train.heights - nominal)[others]
    assert np.abs(change).max() <= 0.05 + 1e-12
    assert len(np.unique(change)) > 1000


def test_test_spectra_lie_within_what_training_shows(challenge: Dataset) -> None:
    test = challenge.test
    assert isinstance(test, Peaks)
    positions, heights = (array[test.labels] for array in challenge.definition.padded())
    real = heights > 0
    assert np.abs(test.positions - positions)[real].max() == 30
    assert np.abs(test.heights - heights)[real].max() == pytest.approx(0.03)
    assert (test.widths == 2).all()


def test_test_spectra_go_towards_the_neighbours_only(challenge: Dataset) -> None:
    """Classes at the end of a triplet are never moved away from the others: that would be easy."""
    test = challenge.test
    assert isinstance(test, Peaks)
    first = np.flatnonzero(test.labels == 9)
    last = np.flatnonzero(test.labels == 11)
    assert set((test.positions[first] - test.positions[first[0]])[:, 0]) == {0, 30}
    assert set((test.positions[last] - test.positions[last[0]])[:, 0]) == {0, -30}
    low = challenge.definition.padded()[1][18]
    changes = {round(float(change), 6) for change in (test.heights[test.labels == 18] - low)[:, low.argmin()]}
    assert changes <= {0.0, 0.03}


def test_the_seed_changes_the_patterns_and_the_same_seed_repeats_them() -> None:
    assert construct(Challenge(seed=1)) == construct(Challenge(seed=1))
    assert construct(Challenge(seed=1)) != construct(Challenge(seed=2))
    assert load("challenge", seed="3").digest == load("challenge", seed=3).digest


@pytest.mark.parametrize("points", [500, 1000, 20000])
def test_lengths_are_scaled_to_the_points(points: int) -> None:
    dataset = load("challenge", points=points)
    assert len(dataset.axis) == points
    places = dataset.definition.padded()[0][9:12]
    assert np.diff(places, axis=0).max() == pytest.approx(70 * points / 5000, abs=1)
    assert dataset.train.batch(torch.arange(4)).shape == (4, points)


def test_classes_differ_in_what_training_shows(challenge: Dataset) -> None:
    """No two classes have equal patterns."""
    made = challenge.definition
    assert len(set(zip(made.positions, made.heights, strict=True))) == 27


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"minor": 0.5}, "minor"),
        ({"spacing": 0}, "spacing"),
        ({"step": "0.9"}, "step"),
        ({"points": 20}, "points"),
        ({"train": 0}, "train"),
        ({"seed": -1}, "seed"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=rf"^{words} of the challenge must be .*, got .*: "):
        load("challenge", **options)
