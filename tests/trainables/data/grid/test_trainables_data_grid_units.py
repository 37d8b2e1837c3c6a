"""Axes that say the same thing in other words, axes that do not, and the way from one quantity and unit to another."""

from __future__ import annotations

import numpy as np
import pytest

from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.grid import comparable
from spectune.trainables.data.grid.units import better, convert, described, quantity, wavelength

VALUES = np.linspace(400.0, 4000.0, 37)
CU = 1.540598  # angstrom


def axis(name: str, unit: str, source: float = 0.0) -> Axis:
    return Axis(VALUES, name, unit, source)


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
        (("wavelength", "nm"), ("d", "nm")),
        (("wavenumber", "1/nm"), ("q", "1/nm")),
    ],
)
def test_axes_that_are_not(one: tuple[str, str], other: tuple[str, str]) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(ValueError, match="spectra must be on the axis of the model") as refusal:
            comparable(axis(*first), axis(*second))
        assert first[0] in str(refusal.value) and second[0] in str(refusal.value) and "\n" not in str(refusal.value)


Said = tuple[float, str, str, float]  # value, name, unit, wavelength of the source


@pytest.mark.parametrize(
    ("one", "other"),
    [  # by hand
        ((10000.0, "wavelength", "nm", 0), (1000.0, "wavenumber", "1/cm", 0)),
        ((10.0, "wavelength", "um", 0), (1000.0, "wavenumber", "cm-1", 0)),
        ((2500.0, "wavelength", "nm", 0), (2.5, "wavelength", "µm", 0)),
        ((5000.0, "wavelength", "angstrom", 0), (500.0, "wavelength", "nm", 0)),
        ((1239.841984, "wavelength", "nm", 0), (1.0, "energy", "eV", 0)),
        ((1.0, "energy", "eV", 0), (8065.543937, "wavenumber", "1/cm", 0)),
        ((546.2268, "wavelength", "nm", 0), (489.62, "Raman shift", "1/cm", 532.0)),
        ((28.443, "2theta", "degrees", CU), (3.1355, "d", "angstrom", 0)),
        ((28.443, "2theta", "°", CU), (2.00388, "Q", "1/A", 0)),
        ((3.1355, "d", "angstrom", 0), (0.31355, "d-spacing", "nm", 0)),
        ((2.0, "q", "1/å", 0), (20.0, "q", "nm-1", 0)),
        ((28.443, "2theta", "degrees", CU), (12.9835, "2theta", "degrees", 0.709)),
        ((90.0, "time", "s", 0), (1.5, "time", "min", 0)),
        ((60.0, "frequency", "MHz", 0), (6e7, "frequency", "Hz", 0)),
    ],
)
def test_axes_are_converted_there_and_back(one: Said, other: Said) -> None:
    for start, end in ((one, other), (other, one)):
        first, last = (Axis(np.array([value, 1.01 * value]), *said) for value, *said in (start, end))
        moved = convert(first, last)
        assert moved.values[0] == pytest.approx(end[0], rel=1e-4)
        assert (moved.unit, moved.wavelength) == (end[2], end[3])
        np.testing.assert_allclose(convert(moved, first).values, first.values, rtol=1e-9)


def test_a_falling_axis_may_rise_and_names_itself() -> None:
    moved = convert(axis("wavenumber", "1/cm"), Axis(VALUES, "", "um"))
    assert (moved.name, moved.values[0], moved.values[-1]) == ("wavelength", 25.0, 2.5)


@pytest.mark.parametrize(
    ("start", "unit", "source", "name"),
    [
        (axis("wavelength", "nm"), "1/cm", 0.0, "wavenumber"),
        (axis("wavelength", "nm"), "1/cm", 300.0, "Raman shift"),  # a wavelength beside light is that of a laser
        (Axis(VALUES / 100, "2theta", "degrees", CU), "nm", 0.0, "d"),
        (Axis(VALUES, "wavenumber", "1/cm"), "nm", 0.0, "wavelength"),
        (Axis(VALUES / 100, "Shift", "1/cm", 532.0), "nm", 0.0, "wavelength"),
    ],
)
def test_a_unit_is_of_the_quantity_that_its_family_has(start: Axis, unit: str, source: float, name: str) -> None:
    assert convert(start, Axis(VALUES, "", unit, source)).name == name


@pytest.mark.parametrize(
    ("start", "onto", "message"),
    [
        (axis("wavenumber", "1/cm"), axis("chemical shift", "ppm"), "unit that can be converted to chemical shift"),
        (axis("binding energy", "eV"), axis("wavelength", "nm"), "unit that can be converted"),
        (axis("time", "s"), axis("wavelength", "nm"), "unit that can be converted"),
        (axis("wavelength", "nm"), axis("d", "angstrom"), "unit that can be converted"),
        (axis("wavelength", ""), axis("wavenumber", "1/cm"), "unit that can be converted"),
        (
            Axis(VALUES / 40, "2theta", "degrees"),
            axis("q", "1/A"),
            "wavelength of the X-rays, in angstrom, must be known",
        ),
        (axis("Raman shift", "1/cm"), axis("wavelength", "nm"), "wavelength of the laser, in nm, must be known"),
        (axis("2theta", "degrees", CU), axis("q", "1/A"), "every value of an axis must be possible to convert"),
        (Axis(VALUES - 400, "wavelength", "nm"), axis("wavenumber", "1/cm"), "every value of an axis"),
        (Axis(-VALUES, "wavelength", "nm"), axis("wavenumber", "1/cm"), "every value of an axis"),
        (Axis(VALUES, "q", "1/A"), axis("2theta", "degrees", CU), "every value of an axis"),
    ],
)
def test_what_cannot_be_converted_is_refused(start: Axis, onto: Axis, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        convert(start, onto)
    assert "\n" not in str(refusal.value)


def test_angles_of_other_x_rays_are_other_angles() -> None:
    comparable(axis("2theta", "°", CU), axis("2theta", "°"))
    comparable(axis("2theta", "°", CU), axis("2theta", "°", 1.5406))
    with pytest.raises(ValueError, match="must be on the axis of the model"):
        comparable(axis("2theta", "°", CU), axis("2theta", "°", 0.709))
    comparable(axis("Raman shift", "1/cm", 532), axis("Raman shift", "1/cm", 785))


def test_sources_are_lines_or_numbers() -> None:
    assert wavelength("CuKa1") == 1.540593
    assert wavelength("CuKa") == pytest.approx(1.541871, abs=1e-6)
    assert (wavelength("785"), wavelength("")) == (785.0, 0.0)
    for wrong in ("copper", "-1", "0", "nan"):
        with pytest.raises(ValueError, match=r"wavelength must be one of CuKa, .* got"):
            wavelength(wrong)
    assert described(axis("2theta", "degrees", CU)) == "2theta (degrees), X-rays 1.5406 angstrom"
    assert described(axis("Raman shift", "1/cm", 785)) == "Raman shift (1/cm), laser 785 nm"


@pytest.mark.parametrize(
    ("name", "unit", "found"),
    [
        ("position", "nm", "wavelength"),
        ("Wavelength", "cm-1", "wavenumber"),  # the unit is right
        ("Raman_Shift", "1/cm", "Raman shift"),
        ("stokes shift", "cm-1", "Raman shift"),
        ("position", "angstrom", ""),
        ("D-spacing", "nm", "d"),
        ("wavelength", "", "wavelength"),
        ("my own", "furlongs", ""),
    ],
)
def test_a_quantity_is_that_of_the_name_where_it_fits_the_unit(name: str, unit: str, found: str) -> None:
    assert quantity(axis(name, unit)) == found


def test_another_unit_may_fit_much_better() -> None:
    target = axis("wavenumber", "1/cm")
    assert better(Axis(np.linspace(2500, 25000, 9)), target) == "nm"
    assert better(Axis(np.linspace(2.5, 25, 9)), target) == "um"
    assert better(Axis(np.linspace(300, 4100, 9)), target) == ""
    assert better(Axis(np.linspace(1e6, 2e6, 9)), target) == ""
