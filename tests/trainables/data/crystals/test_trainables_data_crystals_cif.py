"""Structures are read whole, and what cannot be used is refused with its reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spectune.trainables.data.crystals import cif as module
from spectune.trainables.data.crystals.cif import Crystal, Refused, crystals

SALT = (5.6402, 5.6402, 5.6402, 90, 90, 90)
SIX = ("11", "22", "33", "12", "13", "23")
ATOMS = "Na 0 0 0 1\nCl 0.5 0.5 0.5 1"


def test_a_structure_has_all_atoms_of_its_cell_and_its_symmetry(cif: Callable[..., str]) -> None:
    (found,) = crystals("calcite", cif("calcite"))
    assert isinstance(found, Crystal)
    assert sorted(found.elements) == ["C"] * 6 + ["Ca"] * 6 + ["O"] * 18
    assert (found.name, found.system, found.symmetry.number) == ("calcite", "trigonal", 167)


def test_atoms_that_are_near_only_in_fractions_of_a_long_cell_are_kept(cif: Callable[..., str]) -> None:
    (found,) = crystals("made", cif("P 1", (4, 90, 4, 90, 90, 90), "C 0 0 0 1\nC 0 0.02 0 1"))
    assert isinstance(found, Crystal)


def test_the_formula_is_as_the_file_says(cif: Callable[..., str]) -> None:
    text = cif("quartz")
    for said, formula in (("'O2 Si'", "O2 Si"), ("?", "")):
        (found,) = crystals("quartz", text.replace("loop_", f"_chemical_formula_sum {said}\nloop_", 1))
        assert isinstance(found, Crystal) and found.formula == formula
    (found,) = crystals("quartz", text)
    assert isinstance(found, Crystal) and found.formula == ""


def test_symmetry_is_taken_from_operations_where_there_is_no_name(cif: Callable[..., str]) -> None:
    text = cif("?", (4.0, 5.0, 6.0, 90, 95, 90), "Na 0.1 0.2 0.3 1")
    operations = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,y+1/2,-z'\n"
    (found,) = crystals("made", text.replace("_space_group_name_H-M_alt '?'\n", operations))
    assert isinstance(found, Crystal)
    assert found.symmetry.number == 4 and len(found.elements) == 2


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (("?", SALT, ATOMS), "no space group"),
        (("F m -3 m", ("?", *SALT[1:]), ATOMS), "no unit cell"),
        (("P 1", (0, *SALT[1:]), ATOMS), "no unit cell"),
        (("P 1", (5, 5, 5, 170, 10, 90), ATOMS), "impossible unit cell"),
        (("P 1", (90, 90, 90, 90, 90, 90), ATOMS), "a cell of more than 100,000 cubic"),
        (("F m -3 m", (5, 6, 7, 90, 90, 90), ATOMS), "its space group does not allow"),
        (("F m -3 m", SALT, "Na ? 0 0 1"), "without a position"),
        (("F m -3 m", SALT, "Wat 0 0 0 1"), "no known element"),
        (("F m -3 m", SALT, "Na 0 0 0 3"), "from 0 to 1"),
        (("F m -3 m", SALT, "Na 0 0 0 0.5\nK 0 0 0 0.5"), "partial occupancies"),
        (("P 1", SALT, "C 0.1 0.1 0.1 1\nC 0.13 0.1 0.1 1"), "atoms at one place"),
        (("P 1", SALT, "C 0.99 0.1 0 1\nC 0.03 0.1 0 1"), "atoms at one place"),
        (("P 1", SALT, "C -1e-18 0 0 1\nC 1 0 0 1"), "atoms at one place"),
        (("P 1", (4, 40, 4, 90, 90, 30), "C 0 0 0 1\nC 0.09 0.998 0 1"), "atoms at one place"),
        (("F m -3 m", SALT, "Na 0 0 0 1\nK 0 0 0 1"), "atoms at one place"),
    ],
)
def test_what_cannot_be_used_is_refused(cif: Callable[..., str], parts: tuple[object, ...], reason: str) -> None:
    (found,) = crystals("made", cif(*parts))
    assert isinstance(found, Refused) and reason in str(found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no CIF at all", "not readable"),
        ("data_a\nloop_\n_a\n_b\n1 2 3\n", "not readable"),
        ("data_a\n_b 1\n", "no atoms"),
    ],
)
def test_text_that_is_no_structure_is_refused(text: str, reason: str) -> None:
    (found,) = crystals("made", text)
    assert isinstance(found, Refused) and reason in str(found)


def test_places_that_atoms_share_are_read_where_asked(cif: Callable[..., str]) -> None:
    text = cif("F m -3 m", SALT, "Na 0 0 0 0.7\nK 0 0 0 0.3\nCl 0.5 0.5 0.5 1")
    (found,) = crystals("made", text, partial=True)
    assert isinstance(found, Crystal)
    assert found.occupancies[np.array(found.elements) == "K"].tolist() == pytest.approx([0.3] * 4)


def test_blocks_of_one_file_are_structures_of_their_own(cif: Callable[..., str]) -> None:
    text = "data_global\n_journal_year 2020\n" + cif("halite").replace("made", "one") + cif("quartz")
    assert [found.name for found in crystals("both", text) if isinstance(found, Crystal)] == ["both/one", "both/made"]


def test_displacements_are_read_as_b_factors_or_anisotropic(cif: Callable[..., str]) -> None:
    text = cif("F m -3 m", SALT, "Na 0 0 0 1 0.02\nCl 0.5 0.5 0.5 1 ?")
    given = text.replace("_atom_site_occupancy\n", "_atom_site_occupancy\n_atom_site_U_iso_or_equiv\n")
    tensors = "\nloop_\n_atom_site_aniso_label\n" + "".join(f"_atom_site_aniso_U_{n}\n" for n in SIX)
    (plain,), (whole,) = crystals("a", given), crystals("b", given + tensors + "Cl 0.01 0.02 0.03 0 0 0\n")
    assert isinstance(plain, Crystal) and isinstance(whole, Crystal)
    assert plain.displacements[[0, -1]].tolist() == pytest.approx([0.02, 0.0])
    assert whole.displacements[-1] == pytest.approx(0.02)


def test_too_many_atoms_are_refused(cif: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 7)
    (found,) = crystals("made", cif("halite"))
    assert isinstance(found, Refused) and "more than 7 atoms" in str(found)
