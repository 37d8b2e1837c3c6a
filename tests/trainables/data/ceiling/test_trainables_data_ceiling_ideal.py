"""The ideal classifier: exact on the published data, and in keeping with what is really drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spectune.trainables.data import load
from spectune.trainables.data.ceiling.ideal import _likelihoods, _seen, ideal
from spectune.trainables.data.dataset import Axis, Dataset
from spectune.trainables.data.definition import Definition
from spectune.trainables.data.peaks import Peaks
from spectune.trainables.data.recipes import sampling


def test_it_expects_the_known_accuracy_on_the_published_challenge(reference: Path) -> None:
    found = ideal(load(str(reference / "challenge.json")))
    assert found is not None
    assert found.accuracy == pytest.approx(126 / 162, abs=1e-12)
    assert [found.chances[part : part + 54].sum() for part in (0, 54, 108)] == pytest.approx([54, 36, 36])
    assert (found.outside, found.bound) == (0, "")


def test_the_same_holds_for_our_own_challenge_at_any_number_of_points() -> None:
    for points in (5000, 1000):
        found = ideal(load("challenge", points=points, train=1, validation=1))
        assert found is not None and found.accuracy == pytest.approx(126 / 162)


def test_on_the_benchmark_it_hesitates_only_between_the_closest_classes() -> None:
    dataset = load("benchmark")
    found = ideal(dataset)
    assert found is not None and dataset.test is not None
    unsure = {tuple(found.sets[row]) for row in np.flatnonzero(found.chances < 1)}
    assert unsure == {(8, 318), (164, 281), (219, 347)}  # the pairs whose test spectra the authors tamed by hand
    assert found.chances.min() == 0.5
    assert found.chances.sum() == pytest.approx(4489)


def test_ties_of_two_equal_classes_are_tossed_for() -> None:
    definition = Definition(300, ("a", "b", "c"), ((50, 100), (50, 100), (200,)), ((1.0, 0.5), (1.0, 0.5), (1.0,)))
    found = ideal(drawn(definition))
    assert found is not None
    assert set(found.sets) == {(0, 1), (2,)}
    assert found.accuracy == pytest.approx(2 / 3)


def test_a_height_that_one_class_fixes_is_told_from_one_that_only_happens_to_be_equal() -> None:
    """With a probability, not a density: infinitely more likely."""
    definition = Definition(5000, ("fixed", "varied"), ((1000, 3000), (1000, 3000)), ((1.0, 0.5), (0.99, 0.5)))
    dataset = drawn(definition)
    spectra = Peaks([[1000, 3000], [1000, 3000]], [[1.0, 0.5], [0.999, 0.5]], [2, 2], [0, 1], points=5000)
    found = ideal(replaced(dataset, spectra))
    assert found is not None and found.sets == ((0,), (1,))


@pytest.mark.parametrize(
    ("places", "heights", "first", "chance"),
    [
        ((3, 8), (0.7, 0.03), 0, 0.3 * 0.2),  # three shifts end at the end of the axis; 0.03 is clipped to 0
        ((3, 8), (0.7, 0.03), 5, 0.1 * 0.2 * 0.9),  # not where it is seen: there the later peak would replace the first
        ((3, 8), (0.03, 0.7), 5, 0.1 * (0.2 * 0.9 + 0.1)),  # clipped elsewhere, or replaced by the later one
    ],
)
def test_likelihoods_are_those_of_the_spectra_that_are_drawn(
    places: tuple[int, int], heights: tuple[float, float], first: int, chance: float
) -> None:
    """One of three peaks has vanished: against arithmetic, and against 100 000 drawn spectra."""
    definition = Definition(500, ("a", "b"), ((*places, 400), (300,)), ((*heights, 1.0), (1.0,)))
    dataset = drawn(definition, train=100_000)
    train, high = dataset.train, heights.index(0.7)
    assert isinstance(train, Peaks) and dataset.variation is not None
    seen = (train.heights[:, 1 - high] == 0) & (train.positions[:, high] == first) & (train.labels == 0)
    found = _likelihoods(
        _seen(Peaks([[first, 400]], [[0.7, 1.0]], [2.0], [0], points=500), slice(None)), definition, dataset.variation
    )[0][0]
    exact, density = found
    assert exact == 1  # the height of 1 is fixed; that of 0.7 has a density, of 10 in a span of 0.1
    assert density * 0.1 == pytest.approx(chance * 0.1)  # and the third peak is at 400 once in ten times
    assert seen.sum() / 100_000 == pytest.approx(chance, rel=0.1)


def test_a_spectrum_outside_all_classes_is_guessed() -> None:
    definition = Definition(5000, ("a", "b"), ((1000,), (3000,)), ((1.0,), (1.0,)))
    spectra = Peaks([[2000], [3010]], [[1.0], [1.0]], [2, 2], [0, 1], points=5000)
    found = ideal(replaced(drawn(definition), spectra))
    assert found is not None
    assert (found.outside, found.sets, found.chances.tolist()) == (1, ((), (1,)), [0.5, 1.0])


def test_noise_makes_it_a_bound_and_the_result_says_so() -> None:
    found = ideal(load("generated", classes=5, points=500, noise=0.1))
    assert found is not None and "noise" in found.bound
    clean = ideal(load("generated", classes=5, points=500))
    assert clean is not None and clean.bound == ""


def test_drawn_test_spectra_never_lie_outside_their_own_class() -> None:
    for options in ({"max_peaks": 4, "shift": 0.1}, {"change": 0.0, "shift": 0.0}, {"change": 0.3}):
        dataset = load("generated", classes=40, points=400, **options)
        found = ideal(dataset)
        assert found is not None and found.outside == 0
        assert found.accuracy > 0.8


def test_it_is_none_without_a_definition_or_for_mixtures(dataset: Dataset) -> None:
    assert ideal(dataset) is None
    assert ideal(load("generated", classes=3, points=200, mixed=2)) is None


def test_too_many_ways_to_exchange_peaks_are_refused_and_not_waited_for() -> None:
    crowded = load("generated", classes=2, points=200, min_peaks=16, max_peaks=16, shift=0.5, change=0.9)
    with pytest.raises(ValueError, match="fewer peaks or smaller shifts"):
        ideal(crowded)


def test_what_the_copy_for_trials_knows_is_the_variation_but_no_test() -> None:
    dataset = load("challenge", points=500, train=1, validation=1)
    assert dataset.blind().variation == dataset.variation
    assert dataset.variation is not None
    assert (dataset.variation.low, dataset.variation.high) == (-5, 4)
    with pytest.raises(ValueError, match="withheld"):
        ideal(dataset.blind())


def drawn(definition: Definition, train: int = 20) -> Dataset:
    """A dataset by the challenge's rules: heights of 1 do not vary."""
    variants = [[sampling.Variant(0, 0.0)] for _ in definition.names]
    return sampling.dataset(
        definition, variants, name="d", description="d", seed=0, train=train, validation=1, vary_largest=False
    )


def replaced(dataset: Dataset, test: Peaks) -> Dataset:
    return Dataset(
        "d",
        "d",
        dataset.classes,
        Axis(np.arange(5000.0)),
        dataset.train,
        dataset.validation,
        test,
        definition=dataset.definition,
        variation=dataset.variation,
    )
