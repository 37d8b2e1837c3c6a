"""Causes of confusion: what the definitions say, on the published data and on peaks made up for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spectune.trainables.data import load
from spectune.trainables.data.ceiling.causes import CAUSES, Differences, categories, differences
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.definition import Definition, Variation
from spectune.trainables.data.recipes.sampling import variation

FAMILIES = 9 * ["minor peak"] + 9 * ["positions"] + 9 * ["intensities"]
A = ((500, 1.0), (1500, 0.5), (3000, 0.3))


def between(*classes: tuple[tuple[int, float], ...]) -> Differences:
    """Of made-up classes by the published rules: positions span 100 points, heights 0.1."""
    positions = tuple(tuple(position for position, _ in peaks) for peaks in classes)
    heights = tuple(tuple(height for _, height in peaks) for peaks in classes)
    names = tuple(str(number) for number in range(len(classes)))
    return Differences(Definition(5000, names, positions, heights), variation(5000, vary_largest=True))


def test_the_published_challenge_has_its_three_families(reference: Path) -> None:
    dataset = load(str(reference / "challenge.json"))
    assert categories(dataset) == FAMILIES
    found = differences(dataset)
    assert found is not None
    for first in range(27):  # also the outer two of a triplet, whose ranges do not touch
        for second in range(27):
            if first // 3 == second // 3 and first != second:
                assert found.cause(first, second) == FAMILIES[first], (first, second)
    assert found.cause(0, 26) == "other"


@pytest.mark.parametrize("seed", [2022, 3])
def test_so_has_our_own_challenge(seed: int) -> None:
    assert categories(load("challenge", seed=seed, train=1, validation=1)) == FAMILIES


@pytest.mark.parametrize(
    ("other", "cause"),
    [
        (((500, 1.0), (1560, 0.5), (3000, 0.3)), "positions"),
        (((500, 1.0), (1640, 0.5), (3000, 0.3)), "positions"),  # the ranges do not touch, but one between would
        (((500, 1.0), (1500, 0.57), (3000, 0.3)), "intensities"),
        (((500, 1.0), (1500, 0.9), (3000, 0.3)), "intensities"),  # only the intensity tells them apart
        (((500, 1.0), (1500, 0.5), (3000, 0.3), (4000, 0.1)), "minor peak"),
        (((500, 1.0), (1500, 0.5), (3000, 0.3), (4000, 0.11)), "other"),
        (((500, 1.0), (1500, 0.5)), "other"),
        (((500, 1.0), (1560, 0.57), (3000, 0.3)), "several"),
        (((560, 1.0), (1500, 0.5), (3000, 0.3), (4000, 0.05)), "several"),
        (((505, 1.0), (1490, 0.51), (3000, 0.3)), "other"),  # nothing that a spectrum could show
        (((505, 1.0), (1490, 0.57), (3000, 0.3)), "intensities"),  # beside which small shifts do not count
        (((500, 1.0), (2500, 0.5), (3000, 0.3)), "other"),
        (A, "other"),
    ],
)
def test_a_cause_is_what_differs(other: tuple[tuple[int, float], ...], cause: str) -> None:
    found = between(A, other)
    assert found.cause(0, 1) == found.cause(1, 0) == cause
    assert cause in CAUSES


def test_peaks_are_matched_one_to_one_by_the_smallest_change() -> None:
    found = between(((1000, 1.0), (1080, 0.3)), ((1010, 0.3), (1090, 1.0)), ((1000, 1.0), (1080, 0.3), (1085, 0.04)))
    assert found.match(0, 1).pairs == ((0, 1), (1, 0))  # moved by 90 and 70 points, rather than 0.7 higher and lower
    match = found.match(0, 2)
    assert (match.pairs, match.first, match.second) == (((0, 0), (1, 1)), (), (2,))
    assert match.distance == pytest.approx(0.4)  # the minor peak's height in spans of 0.1


def test_the_peak_that_differs_most_is_known_in_both_classes() -> None:
    moved = ((500, 1.0), (1560, 0.5), (3000, 0.35))
    found = between(A, moved, (*A, (4000, 0.08)))
    assert found.widest(0, 1) == (1, 1)
    assert found.widest(0, 2) == (None, 3)
    assert found.widest(2, 0) == (3, None)


def test_the_rival_is_the_class_at_the_smallest_distance() -> None:
    dataset = load("benchmark")
    found = differences(dataset)
    assert found is not None
    assert [found.rival(number) for number in (8, 164, 219, 15, 206)] == [318, 281, 347, 482, 403]  # as published
    for number in (0, 77, 250):
        distances = {found.match(number, other).distance: other for other in range(500) if other != number}
        assert found.rival(number) == distances[min(distances)]


def test_without_a_definition_there_is_no_cause(dataset: Dataset) -> None:
    assert categories(dataset) == []
    assert categories(load("generated", classes=3, points=200, mixed=2)) == []


def test_without_any_variation_of_heights_they_still_have_to_be_near_to_be_partners() -> None:
    fixed = Variation(low=-50, high=49, change=0.0, highest=2.0, largest=True, hides=True, widths=(2, 5))
    places, heights = ((500, 3000), (560, 3000), (500, 3000), (900, 3000)), 2 * ((1.0, 0.5),)
    definition = Definition(5000, tuple("abcd"), places, (*heights, (1.0, 0.51), (1.0, 0.5)))
    found = Differences(definition, fixed)
    assert [found.cause(0, other) for other in (1, 2, 3)] == ["positions", "intensities", "other"]
    assert found.match(0, 3).pairs == ((1, 1),)


def test_every_class_has_a_category_where_nothing_varies() -> None:
    dataset = load("generated", classes=4, points=200, shift=0.0, change=0.0)
    assert set(categories(dataset)) <= set(CAUSES)
    assert len(categories(dataset)) == 4
