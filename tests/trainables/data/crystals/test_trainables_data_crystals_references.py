"""Patterns of candidates are those that a network learned from, and named so that a person finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from spectune.spaces.errors import InputError
from spectune.trainables.data.crystals.conditions import Conditions
from spectune.trainables.data.crystals.references import references
from spectune.trainables.data.dataset import Axis
from spectune.trainables.data.grid import units


def axis(conditions: Conditions, wavelength: float = 1.54187) -> Axis:
    return Axis(conditions.angles, "2theta", "degrees", wavelength)


def test_each_has_one_pattern_of_a_sample_of_which_nothing_varies(folder: Path) -> None:
    conditions = Conditions(wavelength="CoKa", min_angle=20, max_angle=60, points=2001, noise=0.3, strain=0.05)
    found = references(folder, axis(conditions, 1.79), asdict(conditions))
    assert found.spectra.shape == (10, 2001) and len(found.names) == 10
    halite = found.spectra[[name.startswith("halite") for name in found.names]][0]
    place = np.degrees(2 * np.arcsin(1.788996 / 2 / (5.6402 / 2)))
    assert found.axis.values[halite.argmax()] == pytest.approx(place, abs=0.03)
    assert found.axis.wavelength == pytest.approx(1.79027, abs=1e-4)
    assert halite.max() == pytest.approx(1) and np.median(halite) < 0.01


def test_names_say_formula_and_space_group_and_who_cannot_be_told_apart(folder: Path, cif: Callable[..., str]) -> None:
    text = cif("halite").replace("loop_", "_chemical_formula_sum 'Cl Na'\nloop_", 1)
    for name in ("salt", "table-salt", "zz"):
        (folder / f"{name}.cif").write_text(text)
    (folder / "broken.cif").write_text("nothing")
    conditions = Conditions()
    found = references(folder, axis(conditions), {})
    together = "halite (F m -3 m) or salt (ClNa, F m -3 m) or table-salt (ClNa, F m -3 m) or 1 others"
    assert found.names.count(together) == 4 and "quartz (P 32 2 1)" in found.names
    assert found.left_out == ["1 not readable as CIF (broken)"]


def test_conditions_that_are_not_known_are_the_usual_ones_at_the_wavelength(folder: Path) -> None:
    few = np.linspace(15.0, 70.0, 500)  # lines are narrower than its steps
    found = references(folder, Axis(few, "2theta", "degrees", 1.5418), {})
    assert (found.axis.values[0], found.axis.values[-1]) == (15, 70)
    assert found.axis.wavelength == units.wavelength("CuKa")  # with its doublet
    other = references(folder, Axis(few[::-1].copy(), "2theta", "degrees", 1.2), {})
    assert other.axis.wavelength == pytest.approx(1.2)


def test_what_cannot_be_computed_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="got none that says it: give --wavelength"):
        references(folder, axis(Conditions(), 0.0), {})
    with pytest.raises(InputError, match=r"on angles, 2theta in degrees, got a model on q \(1/A\)"):
        references(folder, Axis(np.linspace(1.0, 8.0, 500), "q", "1/A", 1.54), {})
    for wrong in ({"flux": 1}, {"points": "many"}):
        with pytest.raises(InputError, match="conditions must be those of this version"):
            references(folder, axis(Conditions()), wrong)
