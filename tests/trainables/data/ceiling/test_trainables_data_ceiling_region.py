"""The plane of one peak between two classes."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.trainables.data import load
from spectune.trainables.data.ceiling.causes import Differences, differences
from spectune.trainables.data.ceiling.region import region
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.peaks import Peaks


@pytest.fixture(scope="module")
def challenge() -> Dataset:
    return load("challenge", train=1, validation=1)


@pytest.fixture(scope="module")
def found(challenge: Dataset) -> Differences:
    known = differences(challenge)
    assert known is not None
    return known


def number(dataset: Dataset, name: str) -> int:
    return dataset.classes.index(name)


def test_the_grid_holds_one_spectrum_a_point_with_the_other_peaks_half_way(
    challenge: Dataset, found: Differences
) -> None:
    a, b = number(challenge, "position-1-a"), number(challenge, "position-1-b")
    plane = region(found, challenge.split("test"), a, b)
    (one, fixed), (other, same) = ([found.definition.positions[n][p] for p in plane_order(found, n)] for n in (a, b))
    grid = plane.spectra.positions[:, 0].reshape(len(plane.heights), len(plane.positions))
    assert (grid == plane.positions).all()
    heights = plane.spectra.heights[:, 0].reshape(grid.shape)
    assert heights == pytest.approx(np.tile(plane.heights[:, None], (1, len(plane.positions))))
    assert set(plane.spectra.positions[:, 1]) == {round((fixed + same) / 2)}
    assert (plane.spectra.heights[:, 1] == 1).all()
    assert set(plane.spectra.widths) == {2.0}  # as in the test split
    assert plane.boxes[0][:2] == (one - 50, one + 49) and plane.boxes[1][:2] == (other - 50, other + 49)
    assert plane.positions[0] < one - 50 and plane.positions[-1] > other + 49
    assert plane.boxes[0][3] - plane.boxes[0][2] == pytest.approx(0.1)


def plane_order(found: Differences, n: int) -> list[int]:
    """The peak that moves, then the highest one."""
    heights = found.definition.heights[n]
    return sorted(range(len(heights)), key=lambda peak: heights[peak])


def test_a_class_without_the_peak_has_no_box_and_the_map_starts_at_its_foot(
    challenge: Dataset, found: Differences
) -> None:
    lacks, has = number(challenge, "minor-1-a"), number(challenge, "minor-1-b")
    plane = region(found, challenge.split("test"), lacks, has)
    assert plane.peak[0] is None and plane.peak[1] is not None
    assert np.isnan(plane.boxes[0]).all()
    assert plane.boxes[1][2:] == pytest.approx((0, 0.085))
    assert plane.heights[0] == 0
    assert (plane.spectra.heights[: len(plane.positions), 0] == 0).all()
    split = challenge.split("test")
    assert isinstance(split, Peaks)
    rows, positions, heights = plane.spots(split, 1)
    assert (split.labels[rows] == has).all() and len(rows) == 6
    assert sorted(set(np.round(heights, 3))) == [0.005, 0.035]
    assert (positions >= plane.boxes[1][0]).all() and (positions <= plane.boxes[1][1]).all()
    assert not len(plane.spots(split, 0)[0])


def test_a_peak_can_be_chosen_and_must_be_one_of_the_class(challenge: Dataset, found: Differences) -> None:
    a, b = number(challenge, "position-3-a"), number(challenge, "position-3-b")
    chosen = [region(found, challenge.split("test"), a, b, peak=peak).peak for peak in (1, 2, 3)]
    assert chosen == [(0, 0), (1, 1), (2, 2)]
    low, moving = sorted(range(3), key=lambda peak: found.definition.heights[a][peak])[:2]  # 70 points apart, both
    plane = region(found, challenge.split("test"), a, b, peak=low + 1)
    half_way = (found.definition.positions[a][moving] + found.definition.positions[b][moving]) / 2
    assert half_way in plane.spectra.positions[0]
    for wrong in (0, 4):
        with pytest.raises(ValueError, match=rf"a peak of position-3-a must be from 1 to 3, .*, got {wrong}"):
            region(found, challenge.split("test"), a, b, peak=wrong)


def test_the_plane_ends_with_the_axis() -> None:
    dataset = load("generated", classes=2, points=100, min_peaks=1, max_peaks=1, shift=0.5)
    known = differences(dataset)
    assert known is not None
    plane = region(known, dataset.split("test"), 0, 1)
    assert (plane.positions[0], plane.positions[-1]) == (0, 99)
    assert plane.heights[0] >= 0
    assert len(plane.spectra) == len(plane.positions) * len(plane.heights)
