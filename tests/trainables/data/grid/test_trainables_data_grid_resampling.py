"""Spectra that are moved from one axis to another."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.grid import resample


def axis(name: str, unit: str) -> Axis:
    return Axis(np.linspace(400.0, 4000.0, 37), name, unit)


def test_spectra_are_moved_linearly_and_ends_are_repeated() -> None:
    moved = resample(np.array([[0.0, 1.0, 3.0]]), Axis(np.array([2.0, 1.0, 0.0])), Axis(np.array([0.0, 0.5, 2.0])))
    assert moved.tolist() == [[3.0, 2.0, 0.0]]


def test_spectra_that_do_not_cover_the_axis_are_refused() -> None:
    with pytest.raises(ValueError, match="must cover the model's axis, 400 to 4000 1/cm, got 400 to 1000"):
        resample(np.ones((1, 2)), Axis(np.array([400.0, 1000.0])), axis("wavenumber", "1/cm"))
    with pytest.raises(ValueError, match="one intensity for each of the 37 values"):
        resample(np.ones((1, 2)), axis("wavenumber", "1/cm"), axis("wavenumber", "1/cm"))
