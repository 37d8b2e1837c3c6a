"""The challenging dataset of Schuetzke et al. 2023 by its construction rules: 27 classes that differ in one thing only.

Three families of three triplets. In the first a minor peak tells the classes of a triplet apart, in the second the
positions of one or two peaks, in the third the height of a peak; neighbours overlap in what the training spectra show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spectune.spaces.errors import InputError, hold
from spectune.trainables.data.dataset import Dataset
from spectune.trainables.data.definition import Definition
from spectune.trainables.data.recipes import sampling
from spectune.trainables.data.recipes.sampling import Variant

CLASSES = 27
CHANGE = 0.03
APART = 300  # points (of 5000) between the peaks of a pattern, so that a shift never lets them swap
MARGIN = 300  # points (of 5000) that peaks keep from the ends
SCATTER = 3  # points that peaks common to a triplet may differ by, where its rule says so

Pattern = list[tuple[float, float]]  # peaks as (position on 5000 points, height)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """Our own challenge: published rules, own patterns. Lengths are given for 5000 points and scaled to ``points``."""

    points: int = 5000
    minor: float = 0.035  # height of the minor peaks
    spacing: int = 70  # points (of 5000) between the peak positions of neighbouring classes; training moves peaks by 50
    step: float = 0.075  # between the peak heights of neighbouring classes; training changes heights by 0.05
    train: int = 50  # spectra per class
    validation: int = 10
    seed: int = 2022

    def __post_init__(self) -> None:
        rules = (
            ("points", 100 <= self.points <= 1_000_000, "from 100 to 1000000"),
            ("minor", 0 < self.minor <= 0.2, "above 0 and at most 0.2"),
            ("spacing", 1 <= self.spacing <= 140, "from 1 to 140"),
            ("step", 0 < self.step <= 0.3, "above 0 and at most 0.3"),
            ("train", self.train >= 1, "at least 1"),
            ("validation", self.validation >= 1, "at least 1"),
            ("seed", self.seed >= 0, "at least 0"),
        )
        hold(self, rules, " of the challenge")

    def __str__(self) -> str:
        return (
            f"27 classes of {self.points} points: 9 told apart by minor peaks of {self.minor:g}, 9 by positions "
            f"{self.spacing} of 5000 apart, 9 by heights {self.step:g} apart"
        )

    def load(self) -> Dataset:
        definition = construct(self)
        return overlapping(
            definition,
            name="challenge",
            description=str(self),
            seed=self.seed,
            train=self.train,
            validation=self.validation,
        )


def overlapping(
    definition: Definition,
    *,
    name: str,
    description: str,
    seed: int = sampling.SEED,
    train: int = sampling.TRAIN,
    validation: int = sampling.VALIDATION,
) -> Dataset:
    """The dataset that the challenge's rules make of a ``definition`` of 27 classes: six test spectra per class."""
    if len(definition) != CLASSES:
        raise InputError(
            f"the challenge's rules need {CLASSES} classes (three families of three triplets), got {len(definition)}: "
            f"use rules=benchmark"
        )
    shift = sampling.scaled(sampling.TEST_SHIFT, definition.points)
    return sampling.dataset(
        definition,
        [_variants(number, shift) for number in range(CLASSES)],
        name=name,
        description=description,
        seed=seed,
        train=train,
        validation=validation,
        vary_largest=False,
    )


def _variants(number: int, shift: int) -> list[Variant]:
    """Test spectra of class ``number``: they go towards the neighbours in the triplet, so that nothing is outside."""
    family, member = divmod(number, 9)[0], number % 3
    if family == 0:
        return [Variant(s, c) for c in (0.0, -CHANGE) for s in (0, -shift, shift)]
    if family == 1:
        shifts = ((0, shift), (-shift, shift), (0, -shift))[member]
        return [Variant(s, c) for c in (0.0, CHANGE, -CHANGE) for s in shifts]
    changes = ((0.0, CHANGE), (-CHANGE, CHANGE), (0.0, -CHANGE))[member]
    return [Variant(s, c) for c in changes for s in (0, -shift, shift)]


def construct(options: Challenge) -> Definition:
    """The 27 classes, family by family and triplet by triplet, from patterns that ``options.seed`` draws."""
    random = np.random.default_rng(options.seed)
    patterns: list[Pattern] = []
    for family in (_minor, _positions, _heights):
        patterns += [pattern for triplet in family(random, options) for pattern in triplet]
    names = [f"{family}-{triplet}-{member}" for family in FAMILIES for triplet in "123" for member in "abc"]
    peaks = [sorted((sampling.scaled(position, options.points), height) for position, height in p) for p in patterns]
    positions = tuple(tuple(position for position, _ in some) for some in peaks)
    heights = tuple(tuple(round(height, 3) for _, height in some) for some in peaks)
    return Definition(options.points, tuple(names), positions, heights)


FAMILIES = ("minor", "position", "height")


def _minor(random: np.random.Generator, options: Challenge) -> Iterator[list[Pattern]]:
    """No minor peak, one, and one elsewhere; the same with scattered main peaks; and none, one, two."""
    for triplet in range(3):
        places = _places(random, 4)
        main = [(places[0], _height(random)), (places[1], 1.0)]
        first, second = ((place, options.minor) for place in places[2:])
        scatter = SCATTER if triplet == 1 else 0
        extras: list[Pattern] = [[], [first], [first, second] if triplet == 2 else [second]]
        yield [_scattered(random, main, scatter) + extra for extra in extras]


def _positions(random: np.random.Generator, options: Challenge) -> Iterator[list[Pattern]]:
    """A high peak moves by ``spacing``; a low one; two low ones together."""
    for triplet in range(3):
        *moving, fixed = _places(random, 2 if triplet < 2 else 3, room=2 * options.spacing)
        height = _height(random) if triplet == 0 else 0.15
        yield [
            [(place + member * options.spacing, height + 0.05 * n) for n, place in enumerate(moving)] + [(fixed, 1.0)]
            for member in range(3)
        ]


def _heights(random: np.random.Generator, options: Challenge) -> Iterator[list[Pattern]]:
    """A low peak grows by ``step``; a higher one, with scattered peaks; a low one beside a peak that hardly differs."""
    for triplet in range(3):
        place, highest, other = _places(random, 3)
        start = 0.2 if triplet == 1 else 0.08
        main: Pattern = [(highest, 1.0)]
        if triplet == 2:
            main.append((other, 0.22))
        scatter = SCATTER if triplet else 0
        yield [_scattered(random, [(place, start + member * options.step), *main], scatter) for member in range(3)]


def _places(random: np.random.Generator, count: int, room: int = 0) -> list[float]:
    """``count`` positions in random order, ``APART`` or more from each other, with ``room`` above each."""
    free = sampling.POINTS - 2 * MARGIN - count * (APART + room)
    gaps = np.sort(random.integers(0, free, count))
    places = MARGIN + gaps + np.arange(count) * (APART + room)
    return [float(place) for place in random.permutation(places)]


def _height(random: np.random.Generator) -> float:
    return float(random.integers(40, 91)) / 100


def _scattered(random: np.random.Generator, pattern: Pattern, most: int) -> Pattern:
    return [(position + float(random.integers(-most, most + 1)), height) for position, height in pattern]
