"""Spectra made to order: the benchmark's rules with every number an option."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import hold
from spectune.trainables.data.dataset import Axis, Dataset
from spectune.trainables.data.definition import Definition, Variation
from spectune.trainables.data.peaks import BACKGROUND, Peaks, apex
from spectune.trainables.data.recipes.sampling import HIGHEST

BOUNDARY = 0.02  # share of the axis at each end where no class has a peak


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What to make. Noise and background are shares of what a peak of height 1 stands high in the same spectrum."""

    classes: int = 100
    points: int = 5000
    min_peaks: int = 2
    max_peaks: int = 10
    shift: float = 0.01  # peaks move by up to this share of the axis, each on its own
    change: float = 0.05  # heights (largest 1) change by up to this
    min_width: float = 2.0  # sigma of the peaks in points, one a spectrum
    max_width: float = 5.0
    mixed: int = 1  # up to so many classes in one spectrum: above 1 a spectrum has several labels
    noise: float = 0.0  # standard deviation of white noise
    background: float = 0.0  # the highest value that a smooth background can have
    train: int = 50  # spectra per class
    validation: int = 10
    test: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        rules = (
            ("classes", 2 <= self.classes <= 100_000, "from 2 to 100000"),
            ("points", 100 <= self.points <= 1_000_000, "from 100 to 1000000"),
            ("min_peaks", 1 <= self.min_peaks <= 1000, "from 1 to 1000"),
            ("max_peaks", self.min_peaks <= self.max_peaks <= 1000, f"from min_peaks ({self.min_peaks}) to 1000"),
            ("shift", 0 <= self.shift <= 0.5, "from 0 to 0.5"),
            ("change", 0 <= self.change <= 1, "from 0 to 1"),
            ("min_width", self.min_width >= 0.3, "at least 0.3"),
            (
                "max_width",
                self.min_width <= self.max_width <= self.points / 20,
                f"from min_width to {self.points / 20:g}",
            ),
            ("mixed", 1 <= self.mixed <= min(self.classes, 10), f"from 1 to {min(self.classes, 10)}"),
            ("noise", 0 <= self.noise <= 100, "from 0 to 100"),
            ("background", 0 <= self.background <= 100, "from 0 to 100"),
            ("train", self.train >= 1, "at least 1"),
            ("validation", self.validation >= 1, "at least 1"),
            ("test", self.test >= 1, "at least 1"),
            ("seed", self.seed >= 0, "at least 0"),
        )
        hold(self, rules, " of generated data")

    def __str__(self) -> str:
        return (
            f"{self.classes} classes of {self.min_peaks} to {self.max_peaks} peaks, {self.points} points, "
            f"shift {self.shift:g} of the axis, height change {self.change:g}, width {self.min_width:g} to "
            f"{self.max_width:g} points, {f'up to {self.mixed} classes mixed, ' if self.mixed > 1 else ''}"
            f"noise {self.noise:g}, background {self.background:g}, "
            f"{self.train}/{self.validation}/{self.test} spectra per class, seed {self.seed}"
        )

    def load(self) -> Dataset:
        random = np.random.default_rng(self.seed)
        definition = self._define(random)
        parts = [self._draw(random, definition, count) for count in (self.train, self.validation, self.test)]
        return Dataset(
            name="generated",
            description=str(self),
            classes=definition.names,
            axis=Axis(np.arange(self.points, dtype=np.float64)),
            train=parts[0],
            validation=parts[1],
            test=parts[2],
            definition=definition,
            variation=self._variation() if self.mixed == 1 else None,
        )

    def _variation(self) -> Variation:
        shift = round(self.shift * self.points)
        return Variation(
            low=-shift,
            high=shift,
            change=self.change,
            highest=HIGHEST,
            largest=True,
            hides=False,
            widths=(self.min_width, self.max_width),
        )

    def _define(self, random: np.random.Generator) -> Definition:
        boundary = round(BOUNDARY * self.points)
        positions, heights = [], []
        for _ in range(self.classes):
            count = min(int(np.round(random.gamma(1.2, 1.2) + self.min_peaks)), self.max_peaks)
            positions.append(tuple(np.sort(random.integers(boundary, self.points - boundary, count)).tolist()))
            values = random.integers(1, 101, count)
            heights.append(tuple(np.round(values / values.max(), 3).tolist()))
        return Definition(self.points, tuple(str(n) for n in range(self.classes)), tuple(positions), tuple(heights))

    def _draw(self, random: np.random.Generator, definition: Definition, each: int) -> Peaks:
        labels = np.repeat(np.arange(self.classes), each)
        positions, heights = definition.padded()
        positions, heights = positions[labels], heights[labels]
        shift = round(self.shift * self.points)
        places = np.clip(positions + random.integers(-shift, shift + 1, heights.shape), 0, self.points - 1)
        changed = np.clip(heights + random.uniform(-self.change, self.change, heights.shape), 0, HIGHEST)
        changed = np.where(heights == 0, 0, changed)
        widths = random.uniform(self.min_width, self.max_width, len(labels))
        full = apex(widths)
        if self.mixed > 1:
            places, changed, labels = self._mix(random, places, changed, labels)
        return Peaks(
            places,
            changed,
            widths,
            labels,
            points=self.points,
            noise=self.noise * full if self.noise else None,
            background=self._background(random, full) if self.background else None,
            seed=int(random.integers(1 << 31)),
        )

    def _mix(
        self,
        random: np.random.Generator,
        places: NDArray[np.int64],
        heights: NDArray[np.float64],
        labels: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """Every spectrum with up to ``mixed - 1`` others of the split added, each at 0.3 to 1 of its height.

        Gives positions and heights (N, P x mixed) and labels (N, C) of 0 and 1.
        """
        count = len(labels)
        others = random.integers(0, count, (count, self.mixed - 1))
        there = np.arange(1, self.mixed) <= random.integers(0, self.mixed, count)[:, None]
        weights = np.where(there, random.uniform(0.3, 1.0, others.shape), 0)
        mixed = np.zeros((count, self.classes), np.int64)
        mixed[np.arange(count), labels] = 1
        np.maximum.at(mixed, (np.arange(count)[:, None], labels[others]), there)
        added = (heights[others] * weights[..., None]).reshape(count, -1)
        return np.hstack([places, places[others].reshape(count, -1)]), np.hstack([heights, added]), mixed

    def _background(self, random: np.random.Generator, full: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.background * full[:, None] * random.random((len(full), BACKGROUND))
