"""Axes that say the same thing in other words, axes that do not, and spectra that are moved from one to another."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.spaces.errors import InputError
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.grid import comparable, diffracted, label, resample

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


def angles(values: list[float], wavelength: float) -> Axis:
    return Axis(np.array(values), "2theta", "degrees", wavelength)


def test_patterns_of_another_wavelength_are_moved_by_braggs_law() -> None:
    """The 200 of halite, 2.8201 angstrom, with chromium and with copper; what a wavelength cannot reach is left out."""
    places = [float(np.degrees(2 * np.arcsin(line / 2 / 2.8201))) for line in (2.2897, 1.5406)]
    spectra, copper, chromium = np.array([[1.0, 2.0, 3.0]]), angles([10.0], 1.5406), angles([10.0], 2.2897)
    moved, axis = diffracted(spectra, angles([20.0, places[0], 90.0], 2.2897), copper)
    assert axis.values[1] == pytest.approx(places[1]) and axis.wavelength == 1.5406
    assert moved.tolist() == [[1.0, 2.0, 3.0]]
    moved, axis = diffracted(spectra, angles([20.0, 60.0, 90.0], 1.5406), chromium)
    assert moved.tolist() == [[1.0, 2.0]] and len(axis) == 2
    with pytest.raises(InputError, match=r"got 130 to 150 at 1\.5406: take a model for that wavelength"):
        diffracted(np.ones((1, 2)), angles([130.0, 150.0], 1.5406), chromium)


@pytest.mark.parametrize("wavelengths", [(1.5418, 1.5406), (1.5406, 0.0), (0.0, 1.5406)])
def test_a_doublet_and_its_first_line_are_alike_and_what_is_not_said_fits(wavelengths: tuple[float, float]) -> None:
    one, other = (angles([10.0, 20.0], wavelength) for wavelength in wavelengths)
    assert diffracted(np.ones((1, 2)), one, other)[1] is one
    comparable(one, other)


def test_wavelengths_that_differ_are_refused_where_nothing_converts_them() -> None:
    with pytest.raises(InputError, match=r"of the model, 1\.5406 angstrom, got 1\.789: convert"):
        comparable(angles([10.0, 20.0], 1.789), angles([10.0, 20.0], 1.5406))
    assert label(angles([10.0], 1.54187)) == "2theta (degrees at 1.5419 angstrom)"
