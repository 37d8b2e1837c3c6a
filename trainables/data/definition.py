"""Definitions: the nominal peaks of each class, from which spectra are drawn, and how these vary about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectune.spaces.errors import InputError

MOST = 50_000_000  # places in the table of peaks


@dataclass(frozen=True)
class Definition:
    """Peaks of each class on an axis of ``points``: one tuple of positions and one of heights (largest 1) a class."""

    points: int
    names: tuple[str, ...]
    positions: tuple[tuple[int, ...], ...]
    heights: tuple[tuple[float, ...], ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of peaks of each class (C,)."""
        return np.array([len(heights) for heights in self.heights])

    def scaled(self, points: int) -> Definition:
        """The same classes on an axis of another length."""
        positions = tuple(tuple(place * points // self.points for place in places) for places in self.positions)
        return Definition(points, self.names, positions, self.heights)

    def padded(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions and heights (C, P), P the largest number of peaks; absent peaks have height 0."""
        shape = len(self), int(self.counts.max())
        positions, heights = np.zeros(shape, np.int64), np.zeros(shape)
        for row, (places, values) in enumerate(zip(self.positions, self.heights, strict=True)):
            positions[row, : len(places)], heights[row, : len(values)] = places, values
        return positions, heights


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Each peak varies on its own, all values of a range equally likely; one width a spectrum, for all classes alike.

    Positions move by whole points from ``low`` to ``high`` and are clipped to the axis. Heights change by up to
    ``change`` and are clipped to 0..``highest``; those of exactly 1 only where ``largest`` varies. A peak on the point
    of an earlier one of its class replaces it where ``hides``, else the two add up. ``widths`` are sigma in points.
    """

    low: int
    high: int
    change: float
    highest: float
    largest: bool
    hides: bool
    widths: tuple[float, float]

    @property
    def span(self) -> tuple[int, float]:
        """Points over which a position varies (1 where it does not), and how far a height does."""
        return self.high - self.low + 1, 2 * self.change

    def positions(self, definition: Definition) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest position of each peak, (C, P) each."""
        places, last = definition.padded()[0], definition.points - 1
        return np.clip(places + self.low, 0, last), np.clip(places + self.high, 0, last)

    def heights(self, definition: Definition) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest height of each peak, (C, P) each; 0 where a class has fewer peaks."""
        heights = definition.padded()[1]
        change = np.where(self.varied(heights), self.change, 0.0)
        return np.clip(heights - change, 0, self.highest), np.clip(heights + change, 0, self.highest)

    def varied(self, heights: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of nominal ``heights`` vary; one of 0 is no peak."""
        vary: NDArray[np.bool_] = (heights > 0) & (self.largest | (heights != 1.0)) & (self.change > 0)
        return vary


def read_definition(path: Path) -> Definition:
    """A definition in the published format: JSON with ``datapoints`` and, by class, ``peak_positions/_heights``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must be JSON, got {_first_line(error)}: correct the file") from None
    if (
        not isinstance(content, dict)
        or not isinstance(content.get("spectra"), dict)
        or not _whole(content, "datapoints")
    ):
        raise InputError(
            f"{path} must be a definition with whole 'datapoints' >= 16 and 'spectra' by class, got neither: correct "
            f"the file, or write measured spectra as .csv, .npz, .parquet or a folder per class"
        )
    points, spectra = content["datapoints"], content["spectra"]
    if len(spectra) < 2:
        raise InputError(f"{path} must define at least 2 classes, got {len(spectra)}: add classes")
    peaks = [_peaks(path, name, entry, points) for name, entry in spectra.items()]
    if (cells := len(peaks) * max(len(places) for places, _ in peaks)) > MOST:
        raise InputError(
            f"{path} must define at most {MOST:,} peaks when all classes are filled up to the longest list, got "
            f"{cells:,}: leave weak peaks away"
        )
    return Definition(points, tuple(spectra), tuple(p for p, _ in peaks), tuple(h for _, h in peaks))


def _peaks(path: Path, name: str, entry: Any, points: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    entry = entry if isinstance(entry, dict) else {}
    positions, heights = entry.get("peak_positions"), entry.get("peak_heights")
    if not isinstance(positions, list) or not isinstance(heights, list) or not 0 < len(positions) == len(heights):
        raise InputError(f"{path}, class {name!r}: peak_positions and peak_heights must be lists of one length >= 1")
    for position in positions:
        if type(position) is not int or not 0 <= position < points:
            raise InputError(
                f"{path}, class {name!r}: a peak position must be a whole number in 0..{points - 1}, got {position!r}: "
                f"correct it or raise datapoints"
            )
    for height in heights:
        if type(height) not in (int, float) or not 0 < height <= 2:
            raise InputError(
                f"{path}, class {name!r}: a peak height must be above 0 and at most 2, got {height!r}: divide the "
                f"heights by the largest"
            )
    return tuple(positions), tuple(float(height) for height in heights)


def _whole(content: dict[str, Any], key: str) -> bool:
    return type(content.get(key)) is int and 16 <= content[key] < 1 << 24


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
