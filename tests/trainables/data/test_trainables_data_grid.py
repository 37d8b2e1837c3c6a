"""Axes that say the same thing in other words, axes that do not, and spectra that are moved from one to another."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.grid import comparable, resample

VALUES = np.linspace(400.0, 4000.0, 37)


def axis(name: str, unit: str) -> Axis:
    return Axis(VALUES, name, unit)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("wavenumber", "1/cm"), ("Wavenumber", "cm-1")),
        (("wavenumber", "1/cm"), ("Raman shift", "cm^-1")),
        (("angle", "degrees"), ("2theta", "°")),
        (("2theta", "°2θ"), ("angle", "deg")),
        (("wavelength", "nm"), ("lambda", "NM ")),
        (("wavelength", "µm"), ("wavelength", "um")),
        (("position", "points"), ("wavenumber", "1/cm")),
        (("wavenumber", "1/cm"), ("position", "")),
        (("wavenumber", ""), ("wavenumber", "1/cm")),
        (("q", "1/A"), ("scattering vector", "Å⁻¹")),
        (("my own quantity", ""), ("another", "furlongs")),
    ],
)
def test_axes_that_may_be_the_same(one: tuple[str, str], other: tuple[str, str]) -> None:
    comparable(axis(*one), axis(*other))
    comparable(axis(*other), axis(*one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("wavenumber", "1/cm"), ("wavelength", "nm")),
        (("wavelength", "um"), ("wavelength", "nm")),
        (("angle", "degrees"), ("q", "1/A")),
        (("wavenumber", ""), ("wavelength", "nm")),
        (("energy", "eV"), ("energy", "meV")),
        (("power", "MW"), ("power", "mW")),
        (("x", "furlongs"), ("x", "ells")),
    ],
)
def test_axes_that_are_not(one: tuple[str, str], other: tuple[str, str]) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(ValueError, match="spectra must be on the axis of the model") as refusal:
            comparable(axis(*first), axis(*second))
        assert first[0] in str(refusal.value) and second[0] in str(refusal.value) and "\n" not in str(refusal.value)


def test_spectra_are_moved_linearly_and_ends_are_repeated() -> None:
    moved = resample(np.array([[0.0, 1.0, 3.0]]), Axis(np.array([2.0, 1.0, 0.0])), Axis(np.array([0.0, 0.5, 2.0])))
    assert moved.tolist() == [[3.0, 2.0, 0.0]]


def test_spectra_that_do_not_cover_the_axis_are_refused() -> None:
    with pytest.raises(ValueError, match="must cover the model's axis, 400 to 4000 1/cm, got 400 to 1000"):
        resample(np.ones((1, 2)), Axis(np.array([400.0, 1000.0])), axis("wavenumber", "1/cm"))
    with pytest.raises(ValueError, match="one intensity for each of the 37 values"):
        resample(np.ones((1, 2)), axis("wavenumber", "1/cm"), axis("wavenumber", "1/cm"))
