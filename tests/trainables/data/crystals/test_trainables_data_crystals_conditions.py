"""Conditions that cannot be are refused with the cure."""

from __future__ import annotations

import pytest

from spectune.trainables.data.crystals.conditions import Conditions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_angle", 0),
        ("max_angle", 10.5),
        ("points", 10),
        ("b_iso", -1),
        ("strain", 0.5),
        ("texture", 0),
        ("vacancies", 1),
        ("thermal", -1),
        ("min_size", 0),
        ("max_size", 10),
        ("microstrain", 1),
        ("zero_shift", 3),
        ("displacement", 1),
        ("radius", 0),
        ("impurities", 9),
        ("impurity_share", 0),
        ("background", -1),
        ("noise", float("nan")),
    ],
)
def test_values_out_of_bounds_are_refused_in_one_line(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} of crystals must be [^\n]*, got [^\n]*: change it$"):
        Conditions(**{name: value})


def test_wavelengths_have_names_or_are_numbers() -> None:
    assert Conditions(wavelength="CuKa").lines == ((1.540593, 2 / 3), (1.544427, 1 / 3))
    assert Conditions(wavelength="0.7093").lines == ((0.7093, 1.0),)
    for wrong in ("Cu", "154", "nan"):
        with pytest.raises(ValueError, match=r"one of CuKa, .* or a number from 0.1 to 5 angstrom, got"):
            Conditions(wavelength=wrong)


def test_an_instrument_needs_a_width_and_points_for_it() -> None:
    with pytest.raises(ValueError, match=r"u, v and w must give a width above 0 .*: raise w"):
        Conditions(w=0.0)
    with pytest.raises(ValueError, match=r"points must lie .*, got 500: take (\d+)") as error:
        Conditions(points=500)
    least = int(str(error.value).split("take ")[1].split(",")[0])
    assert Conditions(points=least).points == least
